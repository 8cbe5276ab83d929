"""The stop list over HTTP, as JSON and as CSV."""

from collections.abc import Collection, Sequence

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from ninja import Router

from calldron.api.v1 import body, paging
from calldron.api.v1.answers import absolute, answer, of_stop
from calldron.api.v1.links import stop_path
from calldron.api.v1.problems import MEDIA_TYPE, ProblemRaised, refuse
from calldron.api.v1.repeats import committed, repeatable
from calldron.api.v1.requests import ApiRequest, actor
from calldron.domain.errors import InvalidInput
from calldron.services import audit, stop_list, stop_list_csv, values
from calldron.services.audit import Action
from calldron.services.errors import FieldError
from calldron.services.stop_list import Entry

MOST = 250_000  # numbers of one request
CSV = "text/csv"

router = Router(tags=["Stop list"])


@router.get("/stop-list", operation_id="list_stops", summary="List the stop list")
def index(request: ApiRequest) -> HttpResponseBase:
    """The numbers that the account never calls, in their order; `number` looks for one of them. With `Accept: text/csv`
    the whole list as a file."""
    if request.get_preferred_type(["application/json", CSV]) == CSV:
        return _file(request)
    page = paging.asked(request, "number")
    found, total = stop_list.page(request.account, limit=page.limit, offset=page.offset, number=_asked(page))
    response = paging.listing(request, page, [of_stop(entry) for entry in found], total)
    response["Vary"] = "Accept"
    return response


def _asked(page: paging.Page) -> str | None:
    number = page.others.get("number")
    try:
        return None if number is None else values.phone_number(number)
    except InvalidInput as error:
        raise InvalidInput(str(error), "number") from error


@router.post("/stop-list", operation_id="add_stops", summary="Add numbers to the stop list")
@repeatable
def create(request: ApiRequest) -> HttpResponse:
    """Adds one number or up to 250,000, all or none, as JSON or CSV. Numbers that are on the list already stay as they
    are. Calls to them that wait end when their turn comes."""
    return _add(request)


@router.get("/stop-list.csv", operation_id="export_stops", summary="Fetch the stop list as CSV")
def export(request: ApiRequest) -> HttpResponseBase:
    """The whole list: number, comment, source, when it was added (UTC). A comment that a spreadsheet would take for a
    formula has an apostrophe before it."""
    return _file(request)


@router.post("/stop-list.csv", operation_id="import_stops", summary="Add a CSV file to the stop list")
@repeatable
def import_file(request: ApiRequest) -> HttpResponse:
    """Adds a file's numbers, up to 250,000, all or none: the number in the first column, a comment in the second;
    commas, semicolons or tabs; a header or none; UTF-8 or Windows-1251."""
    if body.media_type(request) != CSV:
        raise ProblemRaised(MEDIA_TYPE, _("Send CSV and say so: Content-Type: text/csv."))
    return _add(request)


@router.post("/stop-list/remove", operation_id="remove_stops", summary="Take numbers off the stop list")
@repeatable
def remove(request: ApiRequest) -> HttpResponse:
    """Takes one number off the list or up to 250,000, as JSON or CSV. Numbers that are not on it are no mistake."""
    numbers = {entry.number for entry in _entries(request)}

    def work() -> HttpResponse:
        removed = stop_list.remove(request.account, list(numbers))
        if removed:
            audit.note(actor(request), Action.STOP_LIST_REMOVED, _subject(numbers), {"removed": removed})
        return answer({"removed": str(removed), "unknown": str(len(numbers) - removed)})

    return committed(request, work)


@router.get("/stop-list/{number:number}", operation_id="show_stop", summary="Look a number up")
def show(request: ApiRequest, number: str) -> HttpResponse:
    """The entry of a number, with or without its `+`."""
    return answer(of_stop(stop_list.get(request.account, number)))


@router.delete("/stop-list/{number:number}", operation_id="remove_stop", summary="Take a number off the stop list")
def destroy(request: ApiRequest, number: str) -> HttpResponse:
    """Calls to come may reach it again; calls that ended because of it stay ended."""
    stop_list.get(request.account, number)
    with transaction.atomic():
        if stop_list.remove(request.account, [number]):
            audit.note(actor(request), Action.STOP_LIST_REMOVED, number)
    return answer({"number": number})


def _file(request: ApiRequest) -> StreamingHttpResponse:
    refuse([FieldError(name, _("There is no parameter of this name.")) for name in request.GET])
    response = StreamingHttpResponse(
        stop_list_csv.write(stop_list.whole(request.account)), content_type=f"{CSV}; charset=utf-8; header=present"
    )
    response["Content-Disposition"] = 'attachment; filename="stop-list.csv"'
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Accept"
    return response


def _add(request: ApiRequest) -> HttpResponse:
    entries = _entries(request)
    source = "csv" if body.media_type(request) == CSV else "api"

    def work() -> HttpResponse:
        added = stop_list.add(request.account, entries, source)
        numbers = {entry.number for entry in entries}
        if added:
            audit.note(actor(request), Action.STOP_LIST_ADDED, _subject(numbers), {"added": added})
        counts = {"added": str(added), "known": str(len(numbers) - added)}
        return answer(counts, status=201, headers={"Location": absolute(stop_path(entries[0].number))})

    return committed(request, work)


def _subject(numbers: Collection[str]) -> str:
    """What the journal names: the number, or how many there are."""
    if len(numbers) == 1:
        return next(iter(numbers))
    return ngettext("%(count)s number", "%(count)s numbers", len(numbers)) % {"count": len(numbers)}


def _entries(request: ApiRequest) -> Sequence[Entry]:
    """The entries of a body, JSON or CSV. Raises ``Refused`` with all its mistakes."""
    if body.media_type(request) == CSV:
        return _of_file(request)
    mistakes = body.Mistakes()
    entries = []
    for element in body.elements(request, "stop", most=MOST, mistakes=mistakes, plain="number"):
        errors: list[FieldError] = []
        entry = stop_list.read(element.values, errors)
        mistakes.add_all(element, errors)
        if entry is not None:
            entries.append(entry)
    mistakes.refuse()
    return entries


def _of_file(request: ApiRequest) -> list[Entry]:
    errors: list[FieldError] = []
    entries = stop_list_csv.read(body.raw_body(request), errors)
    mistakes = body.Mistakes()
    for error in errors:
        mistakes.add(error.field, error.message)
    mistakes.refuse()
    body.refuse_length(len(entries), MOST)
    return entries
