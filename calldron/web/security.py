"""What every page tells the browser to refuse."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

_API = "/v1/"


class SecurityHeaders:
    """Middleware. Scripts and styles come from our own files alone; a library that makes a style element of its own
    is given the request's ``csp_nonce``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        nonce = request.csp_nonce = secrets.token_urlsafe(16)  # type: ignore[attr-defined] # for templates
        response = self._get_response(request)
        if not request.path_info.startswith(_API):
            response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=nonce))
            response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
            response.headers.setdefault("Cache-Control", "no-store")
        return response


_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'nonce-{nonce}'",
        "img-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self' blob:",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
