"""Calls and their recordings over HTTP."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _
from ninja import Router

from calldron.api.v1 import body, paging, record
from calldron.api.v1.answers import absolute, answer, of_call, of_try
from calldron.api.v1.links import batch_path, is_signed
from calldron.api.v1.problems import LINK_EXPIRED, ProblemRaised
from calldron.api.v1.repeats import committed, repeatable
from calldron.api.v1.requests import ApiRequest, actor
from calldron.services import audit, batches, calls, recordings
from calldron.services.audit import Action
from calldron.services.calls import NewCall
from calldron.services.errors import FieldError
from calldron.store.models import Account

MOST = 250_000  # calls of one request

router = Router(tags=["Calls"])


@router.get("/batches/{id:batch_id}/calls", operation_id="list_calls", summary="List calls")
def index(request: ApiRequest, batch_id: int) -> HttpResponse:
    """The batch's calls, oldest first."""
    page = paging.asked(request)
    batch = batches.get(request.account, batch_id)
    found, total = calls.page(batch, limit=page.limit, offset=page.offset)
    return paging.listing(request, page, [of_call(call) for call in found], total)


@router.post("/batches/{id:batch_id}/calls", operation_id="create_calls", summary="Add calls")
@repeatable
def create(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Queues one call or up to 250,000, all or none. The batch starts by itself unless `autostart` is false."""
    batch = batches.get(request.account, batch_id)  # 404 comes before what is wrong with the body
    new = _new(request)

    def work() -> HttpResponse:
        ids = calls.create(request.account, batch_id, new)
        if len(ids) > 1:  # a list, and not one of the calls that a program asks for all day
            audit.note(actor(request), Action.CALLS_ADDED, batch.name, {"added": len(ids)})
        made = [{"id": str(call_id)} for call_id in ids]
        location = absolute(f"{batch_path(batch_id)}/calls/{ids[0]}")
        return answer(made[0] if len(made) == 1 else made, status=201, headers={"Location": location})

    return committed(request, work)


def _new(request: ApiRequest) -> list[NewCall]:
    mistakes = body.Mistakes()
    new = []
    for element in body.elements(request, "call", most=MOST, mistakes=mistakes):
        errors: list[FieldError] = []
        call = calls.read(request.account, element.values, errors)
        if errors:
            mistakes.add_all(element, errors)
        elif call is not None:
            new.append(call)
    mistakes.refuse()
    return new


@router.get("/batches/{id:batch_id}/calls/{id:call_id}", operation_id="show_call", summary="Show a call")
def show(request: ApiRequest, batch_id: int, call_id: int) -> HttpResponse:
    """The call with each attempt at it."""
    call = calls.get(request.account, batch_id, call_id)
    return answer({**of_call(call), "tries": [of_try(attempt) for attempt in calls.tries(call)]})


@router.delete("/batches/{id:batch_id}/calls/{id:call_id}", operation_id="cancel_call", summary="Take a call back")
def cancel(request: ApiRequest, batch_id: int, call_id: int) -> HttpResponse:
    """A call that waits becomes final at once, one that is up is hung up. Repeating it changes nothing; a call that is
    over is a conflict."""
    calls.cancel(request.account, batch_id, call_id)
    return answer({"id": str(call_id)})


@router.get(
    "/batches/{id:batch_id}/calls/{id:call_id}/record.mp3",
    auth=None,
    operation_id="get_recording",
    summary="Fetch a recording",
)
def recording(request: HttpRequest, batch_id: int, call_id: int) -> HttpResponseBase:
    """Both sides as one mp3, whole or in a range. Opens with the key or with the signed `record_link` of the call."""
    account: Account | None = getattr(request, "account", None)
    if account is not None:
        call = calls.get(account, batch_id, call_id)
    elif is_signed(batch_id, call_id, request.GET.get("sig", "")):
        call = calls.get_signed(batch_id, call_id)
    else:
        raise ProblemRaised(LINK_EXPIRED, _("This link has expired. Read the call again for a new one."))
    return record.serve(request, recordings.open_recording(call))
