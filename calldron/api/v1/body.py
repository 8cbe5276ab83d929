"""Bodies of requests: JSON in one of the reference's three shapes, with mistakes named where the caller made them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.utils.translation import gettext as _

from calldron.api.v1.problems import ERRORS_SHOWN, MALFORMED, MEDIA_TYPE, TOO_LARGE, ProblemRaised, refuse
from calldron.config import config
from calldron.services.errors import FieldError

_PIECE = 64 * 1024
_NAME_SHOWN = 100  # characters of a field's name in an error


class _Repeated(dict[str, object]):
    """A JSON object in which a key comes twice; ``key`` is that one."""

    key = ""


@dataclass(slots=True)
class Element:
    """One batch or call of a body. ``values`` has lower-case names, ``prefix`` is where it stood: ``[3].call.``"""

    prefix: str
    raw: dict[str, object]
    values: dict[str, object]

    def spelled(self, name: str) -> str:
        """A field's name as the caller wrote it, with its place. Parts of a field, ``retry.busy``, are lower-case."""
        own, part = name, ""
        for key in self.raw:
            if f"{name}.".startswith(f"{key.lower()}."):
                own, part = key, name[len(key.lower()) :]
        return (self.prefix + own[:_NAME_SHOWN] + part[:_NAME_SHOWN]).rstrip(".")


class Mistakes:
    """What is wrong with a body, counted in full and kept up to what an answer shows."""

    def __init__(self) -> None:
        self.count = 0
        self.shown: list[FieldError] = []

    def add(self, field: str, message: str) -> None:
        """Note one."""
        self.count += 1
        if len(self.shown) < ERRORS_SHOWN:
            self.shown.append(FieldError(field, message))

    def add_all(self, element: Element, errors: Sequence[FieldError]) -> None:
        """Note an element's, in the caller's spelling."""
        for error in errors:
            self.add(element.spelled(error.field), error.message)

    def refuse(self) -> None:
        """Raise ``Refused`` where there are any."""
        refuse(self.shown, self.count)


def raw_body(request: HttpRequest) -> bytes:
    """The body as it came, at most as many bytes as the settings allow. A body without a declared length (chunked) is
    read here, since Django takes it for empty. Raises ``ProblemRaised``."""
    chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not chunked or not isinstance(request, WSGIRequest):
        return request.body
    if not hasattr(request, "_body"):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        stream = request.environ["wsgi.input"]
        data = stream.read(limit + 1)
        if len(data) > limit:
            _pass_over(stream, limit)
            detail = _("The body is larger than %(megabytes)d MB.") % {"megabytes": config().max_body_mb}
            raise ProblemRaised(TOO_LARGE, detail)
        request._body = data
    return request.body


def _pass_over(stream: BinaryIO, most: int) -> None:
    """Read on to the end, within reason: a client that is still sending hears no answer."""
    while most > 0 and (piece := stream.read(_PIECE)):
        most -= len(piece)


def elements(
    request: HttpRequest, wrapper: str, *, most: int, mistakes: Mistakes, plain: str | None = None
) -> list[Element]:
    """The batches or calls of a body: ``[{"batch": {…}}]``, ``{"batch": {…}}`` or the bare ``{…}``, where
    ``wrapper`` is ``batch``. ``plain``: in a list, a text or number alone stands for an object with this field.
    Elements that are none are noted in ``mistakes``.

    Raises ``ProblemRaised`` and ``Refused``.
    """
    body = _json(request)
    if not isinstance(body, list):
        found = _element(body, "", wrapper, mistakes)
        return [] if found is None else [found]
    refuse_length(len(body), most)
    if plain is not None:
        body = [{plain: item} if isinstance(item, (str, int, float)) else item for item in body]
    read = (_element(item, f"[{place}].", wrapper, mistakes) for place, item in enumerate(body))
    return [element for element in read if element is not None]


def refuse_length(count: int, most: int) -> None:
    """Raise ``Refused`` where a list of so many elements is none, or too long."""
    if not 1 <= count <= most:
        words = _("A list holds 1 to %(most)d elements, this one %(count)d.") % {"most": most, "count": count}
        refuse([FieldError("", words)])


def _element(item: object, prefix: str, wrapper: str, mistakes: Mistakes) -> Element | None:
    if isinstance(item, dict) and len(item) == 1 and not isinstance(item, _Repeated):
        ((key, inner),) = item.items()
        if key.lower() == wrapper:
            item, prefix = inner, f"{prefix}{key}."
    if not isinstance(item, dict):
        mistakes.add(prefix.rstrip("."), _("This must be an object: {…}."))
        return None
    values = {key.lower(): value for key, value in item.items()}
    repeated = item.key if isinstance(item, _Repeated) else _alike(item) if len(values) < len(item) else None
    repeated = _within(item) if repeated is None else repeated
    if repeated is not None:
        mistakes.add(prefix + repeated[:_NAME_SHOWN], _("This field is given twice."))
        return None
    return Element(prefix, item, values)


def _alike(item: dict[str, object]) -> str:
    seen: set[str] = set()
    for key in item:
        if key.lower() in seen:
            return key
        seen.add(key.lower())
    return ""


def _within(item: dict[str, object]) -> str | None:
    """The key that comes twice in an object somewhere in ``item``, after the field in which it does: ``retry.busy``."""
    for name, value in item.items():
        left = [value]
        while left:
            part = left.pop()
            if isinstance(part, _Repeated):
                return f"{name[:_NAME_SHOWN]}.{part.key}"
            left += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return None


def media_type(request: HttpRequest) -> str:
    """What the body is declared to be, without parameters (RFC 9110 section 8.3.1)."""
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _json(request: HttpRequest) -> object:
    data = raw_body(request)
    declared = media_type(request)
    if declared != "application/json":
        detail = _("The body is %(type)s; send JSON with Content-Type: application/json.") % {
            "type": declared[:_NAME_SHOWN] or _("of no declared type")
        }
        raise ProblemRaised(MEDIA_TYPE, detail)
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = {"line": error.lineno, "column": error.colno}
        raise ProblemRaised(MALFORMED, _("The JSON breaks off at line %(line)d, column %(column)d.") % where) from error
    except UnicodeDecodeError as error:
        raise ProblemRaised(MALFORMED, _("Byte %(place)d is not UTF-8.") % {"place": error.start}) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, NaN, a thousand brackets deep
        raise ProblemRaised(MALFORMED, _("There is a number in it that is none, or it is nested too deep.")) from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeated = _Repeated(plain)
    seen: set[str] = set()
    repeated.key = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return repeated


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
