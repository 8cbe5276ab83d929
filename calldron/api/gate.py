"""What every request to /v1/ passes: the key, the rate, the size; and what every answer from there looks like."""

import base64
import binascii
import time
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from calldron.api.v1 import problems
from calldron.api.v1.rate import RateLimit
from calldron.api.v1.requests import admit
from calldron.config import config
from calldron.services import accounts

PREFIX = "/v1/"
_OPEN = ("/v1/openapi.json", "/v1/docs", "/v1/problems/")
_CHALLENGE = 'Basic realm="Calldron"'


class Gate:
    """Middleware: lets in requests to the API that carry a key, and makes problems of what goes wrong behind it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        self._rate = RateLimit(config().api_rate)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self._get_response(request)
        head = request.method == "HEAD"
        if head:
            request.method = "GET"  # RFC 9110 section 9.3.2: the same, without the content
            request.META.pop("HTTP_RANGE", None)  # section 14.2: ranges are of GET alone
        try:
            refusal = self._refusal(request)
        except (OperationalError, InterfaceError) as error:
            refusal = problems.unavailable(error)
        response = refusal or _as_problem(self._get_response(request))
        response["X-Content-Type-Options"] = "nosniff"
        return _without_content(response) if head else response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if request.path_info.startswith(_OPEN):
            return None
        key = _key(request)
        account = accounts.account_of(key) if key else None
        if account is None:
            if key is None and request.path_info.endswith("/record.mp3") and "sig" in request.GET:
                return None  # the signature is looked at where the recording is served
            return _challenge(given=key is not None)
        admit(request, account)
        wait = self._rate.wait(account.pk, time.monotonic())
        if wait:
            answer = problems.respond(problems.RATE, _("Ask again in %(wait)d s.") % {"wait": wait})
            answer["Retry-After"] = str(wait)
            return answer
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            detail = _("The body is larger than %(megabytes)d MB.") % {"megabytes": config().max_body_mb}
            return problems.respond(problems.TOO_LARGE, detail)
        return None


def _key(request: HttpRequest) -> str | None:
    """The user name of HTTP Basic (RFC 7617); ``None`` where there are no such credentials, "" where they're broken."""
    scheme, _blank, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, _password = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return user if colon else ""


def _challenge(*, given: bool) -> HttpResponse:
    detail = (
        _("There is no such API key. It may have been reset.")
        if given
        else _("Send the API key as the user name of HTTP Basic authentication, with an empty password.")
    )
    answer = problems.respond(problems.UNAUTHORIZED, detail)
    answer["WWW-Authenticate"] = _CHALLENGE
    return answer


def _as_problem(response: HttpResponseBase) -> HttpResponseBase:
    """Django's own pages for unknown paths, methods and hosts and for crashes, in the API's words."""
    kind = problems.BY_STATUS.get(response.status_code)
    if kind is None or response.headers.get("Content-Type", "").startswith("application/"):
        return response
    answer = problems.respond(kind, str(kind.meaning))
    for name in ("Allow", "Retry-After"):
        if name in response:
            answer[name] = response[name]
    response.close()
    return answer


def _without_content(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, HttpResponse):
        response.headers.setdefault("Content-Length", str(len(response.content)))
    empty = HttpResponse(status=response.status_code, headers=dict(response.items()))
    response.close()
    return empty
