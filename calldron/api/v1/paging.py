"""Lists in pages: ``limit``, ``offset`` and ``envelope`` of the query, and the header fields that say where one is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from calldron.api.v1.answers import absolute, answer
from calldron.api.v1.problems import refuse
from calldron.services.errors import FieldError

LIMIT = 20
LARGEST_LIMIT = 100
LARGEST_OFFSET = 2**53 - 1
_WHOLE = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    limit: int
    offset: int
    envelope: bool
    others: dict[str, str]  # what else the query may say of this list, and says


def asked(request: HttpRequest, *others: str) -> Page:
    """Read the query. ``others``: parameters that this list has beside the usual ones. Raises ``Refused``."""
    errors: list[FieldError] = []
    page = Page(
        limit=_whole(request, "limit", LIMIT, 1, LARGEST_LIMIT, errors),
        offset=_whole(request, "offset", 0, 0, LARGEST_OFFSET, errors),
        envelope=_flag(request, "envelope", errors),
        others={name: request.GET[name] for name in others if name in request.GET},
    )
    known = ("limit", "offset", "envelope", *others)
    errors += [FieldError(name, _("There is no parameter of this name.")) for name in request.GET if name not in known]
    refuse(errors)
    return page


def _whole(request: HttpRequest, name: str, usual: int, least: int, most: int, errors: list[FieldError]) -> int:
    given = request.GET.get(name)
    if given is None:
        return usual
    if _WHOLE.fullmatch(given) and least <= int(given) <= most:
        return int(given)
    message = _("This must be a whole number from %(least)d to %(most)d.") % {"least": least, "most": most}
    errors.append(FieldError(name, message))
    return usual


def _flag(request: HttpRequest, name: str, errors: list[FieldError]) -> bool:
    given = request.GET.get(name, "0")
    if given not in ("0", "1", "false", "true"):
        errors.append(FieldError(name, _("This must be 1 or 0.")))
    return given in ("1", "true")


def listing(request: HttpRequest, page: Page, items: Sequence[object], total: int) -> HttpResponse:
    """The answer: a bare array as the reference has it, or with ``envelope`` an object with the counts."""
    bare = {"count": len(items), "total": total, "items": items} if page.envelope else items
    response = answer(bare)
    response["X-Count"] = str(len(items))
    response["X-Total-Count"] = str(total)
    response["Link"] = _links(request.path, page, total)
    return response


def _links(path: str, page: Page, total: int) -> str:
    """RFC 8288, with the relations of section 3.3's registry for pages."""
    last = max(0, (total - 1) // page.limit * page.limit)
    places = {"first": 0, "last": last}
    if page.offset > 0:
        places["prev"] = max(0, min(page.offset - page.limit, last))
    if page.offset + page.limit < total:
        places["next"] = page.offset + page.limit
    others = page.others | ({"envelope": "1"} if page.envelope else {})
    return ", ".join(
        f'<{absolute(path)}?{urlencode({"limit": page.limit, "offset": offset, **others})}>; rel="{relation}"'
        for relation, offset in places.items()
    )
