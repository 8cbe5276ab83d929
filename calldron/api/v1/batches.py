"""Batches over HTTP."""

from django.db import transaction
from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Router

from calldron.api.v1 import body, paging
from calldron.api.v1.answers import absolute, answer, of_batch
from calldron.api.v1.body import Element
from calldron.api.v1.links import batch_path
from calldron.api.v1.problems import refuse
from calldron.api.v1.repeats import committed, repeatable
from calldron.api.v1.requests import ApiRequest, actor
from calldron.domain.batch import Switch
from calldron.services import audit, batch_fields, batches
from calldron.services.audit import Action
from calldron.services.batch_fields import Draft
from calldron.services.errors import FieldError
from calldron.services.intros import Intro
from calldron.store.models import Batch

MOST = 1_000  # batches of one request
MOST_INTROS = 10  # of one request: each takes up to seconds to decode

router = Router(tags=["Batches"])


@router.get("/batches", operation_id="list_batches", summary="List batches")
def index(request: ApiRequest) -> HttpResponse:
    """The account's batches, oldest first."""
    page = paging.asked(request)
    found, total = batches.page(request.account, limit=page.limit, offset=page.offset)
    return paging.listing(request, page, [of_batch(batch) for batch in found], total)


@router.post("/batches", operation_id="create_batches", summary="Create batches")
@repeatable
def create(request: ApiRequest) -> HttpResponse:
    """Creates one batch or up to 1,000, all or none."""
    drafts = _drafts(request, most=MOST)

    def work() -> HttpResponse:
        made = batches.create(request.account, drafts)
        names = ", ".join(batch.name for batch in made)
        audit.note(actor(request), Action.BATCH_CREATED, names, {"batches": len(made)})
        ids = [{"id": str(batch.pk)} for batch in made]
        headers = _warnings(drafts) | {"Location": absolute(batch_path(made[0].pk))}
        return answer(ids[0] if len(ids) == 1 else ids, status=201, headers=headers)

    return committed(request, work)


@router.get("/batches/{id:batch_id}", operation_id="show_batch", summary="Show a batch")
def show(request: ApiRequest, batch_id: int) -> HttpResponse:
    """The batch as it is now."""
    return answer(of_batch(batches.get(request.account, batch_id)))


@router.put("/batches/{id:batch_id}", operation_id="update_batch", summary="Change a batch")
def update(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Changes the fields it carries; the next dial goes by them. `type` is fixed once a call was dialled."""
    batch = batches.get(request.account, batch_id)
    (draft,) = _drafts(request, most=1, batch=batch)
    with transaction.atomic():
        changed = batches.update(request.account, batch_id, draft)
        audit.note(actor(request), Action.BATCH_CHANGED, changed.name)
    return answer({"id": str(batch_id)}, headers=_warnings([draft]))


@router.delete("/batches/{id:batch_id}", operation_id="delete_batch", summary="Remove a batch")
def destroy(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Ends its calls and removes it with its calls and recordings."""
    batch = batches.get(request.account, batch_id)
    with transaction.atomic():
        batches.delete(request.account, batch_id)
        audit.note(actor(request), Action.BATCH_DELETED, batch.name, {"calls": batch.total})
    return answer({"id": str(batch_id)})


@router.post("/batches/{id:batch_id}/start", operation_id="start_batch", summary="Start a batch")
@repeatable
def start(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Lets a fresh batch dial."""
    return _switch(request, batch_id, Switch.START)


@router.post("/batches/{id:batch_id}/pause", operation_id="pause_batch", summary="Pause a batch")
@repeatable
def pause(request: ApiRequest, batch_id: int) -> HttpResponse:
    """No further call goes out; those that are up go on."""
    return _switch(request, batch_id, Switch.PAUSE)


@router.post("/batches/{id:batch_id}/resume", operation_id="resume_batch", summary="Resume a batch")
@repeatable
def resume(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Goes on with a paused batch."""
    return _switch(request, batch_id, Switch.RESUME)


@router.post("/batches/{id:batch_id}/stop", operation_id="stop_batch", summary="Stop a batch")
@repeatable
def stop(request: ApiRequest, batch_id: int) -> HttpResponse:
    """Ends it for good: calls that wait are canceled."""
    return _switch(request, batch_id, Switch.STOP)


def _switch(request: ApiRequest, batch_id: int, way: Switch) -> HttpResponse:
    def work() -> HttpResponse:
        batch = batches.switch_as(actor(request), batch_id, way)
        return answer({"id": str(batch.pk), "status": str(batch.state)})

    return committed(request, work)


def _drafts(request: ApiRequest, *, most: int, batch: Batch | None = None) -> list[Draft]:
    """What the body says, read and checked. Raises ``Refused`` with all its mistakes."""
    mistakes = body.Mistakes()
    elements = body.elements(request, "batch", most=most, mistakes=mistakes)
    drafts = []
    for element in elements:
        errors: list[FieldError] = []
        drafts.append(batch_fields.read(request.account, element.values, errors, batch))
        mistakes.add_all(element, errors)
    mistakes.refuse()
    _decode(request, elements, drafts)
    return drafts


def _decode(request: ApiRequest, elements: list[Element], drafts: list[Draft]) -> None:
    """Decode the intros, each file once. Raises ``Refused``."""
    if len({draft.file for draft in drafts if draft.file is not None}) > MOST_INTROS:
        refuse([FieldError("", _("A request holds at most %(most)d different intros.") % {"most": MOST_INTROS})])
    mistakes = body.Mistakes()
    known: dict[bytes, Intro] = {}
    for element, draft in zip(elements, drafts, strict=True):
        if draft.file in known:
            draft.intro = known[draft.file]
            continue
        errors: list[FieldError] = []
        batch_fields.decode(request.account, draft, errors)
        mistakes.add_all(element, errors)
        if draft.file is not None and draft.intro is not None:
            known[draft.file] = draft.intro
    mistakes.refuse()


def _warnings(drafts: list[Draft]) -> dict[str, str]:
    """The Warning header field, in the form of RFC 7234 section 5.5: code 299, who warns, and a text, once each."""
    texts = dict.fromkeys(text for draft in drafts for text in draft.warnings)
    return {"Warning": ", ".join(f'299 calldron "{text}"' for text in texts)} if texts else {}
