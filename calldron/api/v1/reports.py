"""Reports over HTTP: the history of a call, the figures of a batch."""

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Router

from calldron.api.v1 import paging
from calldron.api.v1.answers import answer
from calldron.api.v1.problems import refuse
from calldron.api.v1.report_answers import of_attempt, of_statistics, of_why, of_why_of_batch
from calldron.api.v1.requests import ApiRequest
from calldron.services import calls, history, statistics, why
from calldron.services.errors import FieldError

router = Router(tags=["Reports"])


@router.get("/batches/{id:batch_id}/why", operation_id="explain_batch", summary="Why it doesn't dial")
def batch_why(request: ApiRequest, batch_id: int) -> HttpResponse:
    """The rule that holds the batch now, or that it is dialling, and how many of its calls each rule holds."""
    return answer(of_why_of_batch(why.of_batch(request.account, batch_id)))


@router.get(
    "/batches/{id:batch_id}/calls/{id:call_id}/why", operation_id="explain_call", summary="Why it isn't dialled"
)
def call_why(request: ApiRequest, batch_id: int, call_id: int) -> HttpResponse:
    """The rule that holds the call now, or how it ended, and when it may go out. Every code is explained in
    docs/why.md."""
    return answer(of_why(why.of_call(request.account, batch_id, call_id)))


@router.get("/batches/{id:batch_id}/calls/{id:call_id}/attempts", operation_id="list_attempts", summary="List attempts")
def attempts(request: ApiRequest, batch_id: int, call_id: int) -> HttpResponse:
    """Every attempt at the call, oldest first, with its legs: each time, each code, whose fault it was, and what that
    means in words."""
    page = paging.asked(request)
    call = calls.get(request.account, batch_id, call_id)
    found, total = history.page(call, limit=page.limit, offset=page.offset)
    return paging.listing(request, page, [of_attempt(attempt) for attempt in found], total)


@router.get("/batches/{id:batch_id}/stats", operation_id="show_stats", summary="Show the figures of a batch")
def stats(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Calls by status and result as they are now, and attempts in all and over time. `from` and `to` say which attempts
    are counted by when they started; the series goes from the first of them to the last, in at most 500 steps."""
    errors = [
        FieldError(name, _("There is no parameter of this name."))
        for name in request.GET
        if name not in ("step", "from", "to")
    ]
    span = statistics.read(request.GET.dict(), errors)
    refuse(errors)
    return answer(of_statistics(statistics.of_batch(request.account, batch_id, span)))
