"""Where and when each session was last used, for its owner to look at."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from calldron.services import sessions
from calldron.web.access import address, member

_API = "/v1/"


class SeenSessions:
    """Middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., object], *_given: object) -> None:
        """Note it, but for what a page that is left open asks for."""
        if request.path_info.startswith(_API) or getattr(view, "unattended", False):
            return
        if request.user.is_authenticated:
            key = request.session.session_key or ""
            sessions.seen(member(request), key, address(request), request.headers.get("User-Agent", ""))
