"""Errors as RFC 9457 problem details: one table of types, each documented at its own address."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import Error
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from calldron.api.v1.answers import encode
from calldron.config import config
from calldron.domain.errors import CalldronError, InvalidInput
from calldron.services.errors import Conflict, FieldError, NotFound, Refused

RETRY_AFTER = 5  # seconds until the database is asked for again
ERRORS_SHOWN = 100  # of a request's mistakes; ``detail`` says how many there are


log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: the last part of its address, its status, and what the reference says of it."""

    slug: str
    status: int
    title: str | Promise
    meaning: str | Promise

    @property
    def uri(self) -> str:
        """The ``type`` of the answer, which is also where it is explained."""
        return f"{config().public_url.rstrip('/')}/v1/problems/{self.slug}"


MALFORMED = ProblemType(
    "malformed-json",
    400,
    gettext_lazy("The body is not JSON"),
    gettext_lazy("The body must be JSON (RFC 8259) in UTF-8."),
)
BAD_REQUEST = ProblemType(
    "bad-request",
    400,
    gettext_lazy("Bad request"),
    gettext_lazy("The request breaks the rules of HTTP or has an unknown host name."),
)
UNAUTHORIZED = ProblemType(
    "unauthorized",
    401,
    gettext_lazy("No valid API key"),
    gettext_lazy("Send the API key as the user name of HTTP Basic authentication, with an empty password."),
)
LINK_EXPIRED = ProblemType(
    "link-expired",
    403,
    gettext_lazy("The link has expired"),
    gettext_lazy("A signed link to a recording works for a day. Read the call again for a new one."),
)
NOT_FOUND = ProblemType(
    "not-found",
    404,
    gettext_lazy("Not found"),
    gettext_lazy("There is no such thing, or it belongs to another account."),
)
NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    405,
    gettext_lazy("Method not allowed"),
    gettext_lazy("The Allow header field lists what works here."),
)
CONFLICT = ProblemType(
    "conflict",
    409,
    gettext_lazy("Not possible in this state"),
    gettext_lazy("The batch or call is in a state that forbids this."),
)
IN_PROGRESS = ProblemType(
    "request-in-progress",
    409,
    gettext_lazy("The first request is still at work"),
    gettext_lazy("A request with this Idempotency-Key has not been answered. Repeat it after Retry-After seconds."),
)
TOO_LARGE = ProblemType(
    "too-large",
    413,
    gettext_lazy("The body is too large"),
    gettext_lazy("Send long lists in parts and intros of at most 10 MB."),
)
MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    415,
    gettext_lazy("The body is of another type"),
    gettext_lazy("Send JSON and say so: Content-Type: application/json. The stop list takes text/csv too."),
)
RANGE = ProblemType(
    "range-not-satisfiable",
    416,
    gettext_lazy("No such range"),
    gettext_lazy("The Content-Range header field tells the length."),
)
INVALID = ProblemType(
    "invalid",
    422,
    gettext_lazy("Some values can't be used"),
    gettext_lazy("Nothing was done. The list errors names each field and says what is wrong with it."),
)
KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    422,
    gettext_lazy("The Idempotency-Key belongs to another request"),
    gettext_lazy("A key goes with one request: the same path and the same body. Take a new key for a new request."),
)
RATE = ProblemType(
    "too-many-requests",
    429,
    gettext_lazy("Too many requests"),
    gettext_lazy("Wait as many seconds as Retry-After says."),
)
INTERNAL = ProblemType(
    "internal-error",
    500,
    gettext_lazy("Something broke here"),
    gettext_lazy("It is in the server's log. Trying again may help."),
)

UNAVAILABLE = ProblemType(
    "unavailable",
    503,
    gettext_lazy("The database does not answer"),
    gettext_lazy(
        "Repeat the request after Retry-After seconds. Whether it was done is not known, so give a POST an "
        "Idempotency-Key, the same one when it is repeated."
    ),
)

TYPES = {
    kind.slug: kind
    for kind in (
        MALFORMED,
        BAD_REQUEST,
        UNAUTHORIZED,
        LINK_EXPIRED,
        NOT_FOUND,
        NOT_ALLOWED,
        CONFLICT,
        IN_PROGRESS,
        TOO_LARGE,
        MEDIA_TYPE,
        RANGE,
        INVALID,
        KEY_REUSED,
        RATE,
        INTERNAL,
        UNAVAILABLE,
    )
}
BY_STATUS = {400: BAD_REQUEST, 404: NOT_FOUND, 405: NOT_ALLOWED, 500: INTERNAL, 503: UNAVAILABLE}


class ProblemRaised(CalldronError):
    """A problem of the protocol rather than of a service."""

    def __init__(self, kind: ProblemType, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def respond(kind: ProblemType, detail: str, errors: Sequence[FieldError] = ()) -> HttpResponse:
    """The answer of this kind. ``detail`` says what a person can do about it."""
    body: dict[str, object] = {
        "type": kind.uri,
        "title": str(kind.title),
        "status": kind.status,
        "detail": detail,
    }
    if kind.status == 422:
        body["errors"] = [{"field": error.field, "message": error.message} for error in errors]
    answer = HttpResponse(encode(body), content_type="application/problem+json", status=kind.status)
    answer["Cache-Control"] = "no-store"
    answer["Content-Language"] = get_language() or "en"  # kept with an idempotent answer
    return answer


def unavailable(error: Error) -> HttpResponse:
    """The answer where the database is away, or somebody holds a row for too long."""
    log.warning("the database did not answer a request", error=" ".join(str(error).split()))
    answer = respond(UNAVAILABLE, str(UNAVAILABLE.meaning))
    answer["Retry-After"] = str(RETRY_AFTER)
    return answer


def answer_to(error: CalldronError) -> HttpResponse:
    """The answer to what a service or the protocol refused."""
    if isinstance(error, ProblemRaised):
        of_header = [FieldError("Idempotency-Key", str(error))] if error.kind is KEY_REUSED else ()
        answer = respond(error.kind, str(error), of_header)
        for name, value in error.headers.items():
            answer[name] = value
        return answer
    if isinstance(error, Refused):
        return respond(INVALID, str(error), error.errors)
    if isinstance(error, InvalidInput):
        return respond(INVALID, str(error), [FieldError(error.field, str(error))])
    if isinstance(error, NotFound):
        return respond(NOT_FOUND, str(error))
    if isinstance(error, Conflict):
        return respond(CONFLICT, str(error))
    raise error


def refuse(errors: Sequence[FieldError], count: int = 0) -> None:
    """Raise ``Refused`` where there is a mistake. ``count``: how many there are, where not all are listed."""
    if not errors:
        return
    count = count or len(errors)
    detail = ngettext(
        "%(count)d value can't be used, so nothing was done.",
        "%(count)d values can't be used, so nothing was done.",
        count,
    ) % {"count": count}
    if len(errors) == 1:
        first = errors[0]
        detail = f"{first.field}: {first.message}" if first.field else first.message
    elif count > len(errors):
        detail += " " + _("The first %(shown)d are listed.") % {"shown": len(errors)}
    raise Refused(detail, errors, count)
