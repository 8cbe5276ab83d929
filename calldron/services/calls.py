"""Adding calls to a batch, reading them, and taking them back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from calldron.domain.batch import BatchState, BatchType, with_calls_added
from calldron.domain.call import CallStatus
from calldron.domain.errors import IllegalTransition, InvalidInput
from calldron.services import batches, numbering, values
from calldron.services.errors import Conflict, FieldError, NotFound
from calldron.store import intake
from calldron.store.changes import announce
from calldron.store.models import Account, Attempt, Batch, Call

NOT_YET = frozenset(("variables",))


@dataclass(frozen=True, slots=True)
class NewCall:
    """A number to be reached, in E.164."""

    number: str
    suspect: bool


def read(account: Account, given: Mapping[str, object], errors: list[FieldError]) -> NewCall | None:
    """Read the fields of a new call. What cannot be used is added to ``errors``. An account that is strict about
    numbers takes none that the numbering plans rule out."""
    for name in given:
        if name in NOT_YET:
            errors.append(FieldError(name, _("This field is not yet available in this version.")))
        elif name != "phone_number":
            errors.append(FieldError(name, _("There is no field of this name.")))
    if "phone_number" not in given:
        errors.append(FieldError("phone_number", _("This is missing.")))
        return None
    try:
        number = values.phone_number(given["phone_number"])
    except InvalidInput as error:
        errors.append(FieldError("phone_number", str(error)))
        return None
    impossible = numbering.suspect(number)
    if impossible and account.strict_numbers:
        errors.append(FieldError("phone_number", _("No numbering plan has such a number.")))
    return NewCall(number, impossible)


def page(batch: Batch, *, limit: int, offset: int) -> tuple[list[Call], int]:
    """Part of the batch's calls, oldest first, and how many there are."""
    calls = Call.objects.filter(batch=batch).order_by("id")
    return list(calls[offset : offset + limit]), batch.total


def get(account: Account, batch_id: int, call_id: int, *, lock: bool = False) -> Call:
    """A call of this batch of this account. Raises ``NotFound``."""
    calls = Call.objects.select_for_update(no_key=True) if lock else Call.objects
    return _found(calls.filter(account=account), batch_id, call_id)


def get_signed(batch_id: int, call_id: int) -> Call:
    """A call for whoever has a link signed for it, which is to be checked before. Raises ``NotFound``."""
    return _found(Call.objects.all(), batch_id, call_id)


def _found(calls: QuerySet[Call], batch_id: int, call_id: int) -> Call:
    call = calls.filter(pk=call_id, batch_id=batch_id, batch__deleting=False).first()
    if call is None:
        raise NotFound(_("There is no call %(call)d in a batch %(batch)d.") % {"call": call_id, "batch": batch_id})
    return call


def tries(call: Call) -> list[Attempt]:
    """The attempts at a call, oldest first."""
    return list(Attempt.objects.filter(call=call).order_by("id"))


def create(account: Account, batch_id: int, new: Sequence[NewCall], *, starting: bool = True) -> Sequence[int]:
    """Queue calls, all or none, due at once; their ids, in order. The batch starts by itself where ``autostart`` is
    set, unless not ``starting``: more of them are to come. Raises ``NotFound``, ``Conflict`` (stopped batches take
    none, nor do callbacks that have nobody to call).

    The batch is locked only once the rows are written: its dialling goes on while a long list comes in.
    """
    now = datetime.now(UTC)
    with transaction.atomic():
        batch = batches.get(account, batch_id)
        state_with_more(batch)
        rows = [(call.number, call.suspect) for call in new]
        try:
            ids = intake.add_calls(connection, batch.pk, batch.account_id, rows, now)
        except IntegrityError as error:
            raise batches.not_found(batch_id) from error
        batch = batches.get(account, batch_id, lock=True)
        batch.state = state_with_more(batch, starting=starting)
        batch.total += len(new)
        batch.unfinished += len(new)
        batch.wait_until = None
        if batch.state is BatchState.RUNNING:
            batch.started_at = batch.started_at or now
        batch.finished_at = None
        batch.save(update_fields=["state", "total", "unfinished", "wait_until", "started_at", "finished_at"])
        announce(connection)
        return ids


def state_with_more(batch: Batch, *, starting: bool = True) -> BatchState:
    """The state of a batch that takes more calls. Raises ``Conflict`` where it takes none."""
    if batch.type == BatchType.CALLBACK and not batch.callback and batch.intro_id is None:
        raise Conflict(_("There is nobody to connect: give the batch a callback number, or an intro to be played."))
    try:
        return with_calls_added(BatchState(batch.state), autostart=batch.autostart and starting)
    except IllegalTransition as error:
        raise Conflict(_("The batch is stopped for good and takes no more calls.")) from error


def cancel(account: Account, batch_id: int, call_id: int) -> None:
    """Take a call back: one that waits is final at once, one that is up is hung up by the dialer. Repeating it changes
    nothing. Raises ``NotFound``, and ``Conflict`` where the call is over already."""
    with transaction.atomic():
        batch = batches.get(account, batch_id, lock=True)
        call = get(account, batch_id, call_id, lock=True)
        if call.status == CallStatus.CANCELED and call.final:
            return
        if call.final:
            raise Conflict(_("The call is over, so it can't be taken back."))
        announce(connection)
        if call.due_at is None:
            call.cancelled = True
            call.save(update_fields=["cancelled"])
            return
        call.final, call.status, call.due_at, call.held_by = True, CallStatus.CANCELED, None, ""
        call.save(update_fields=["final", "status", "due_at", "held_by"])
        batch.unfinished -= 1
        if not batch.unfinished and batch.state == BatchState.RUNNING:
            batch.state, batch.finished_at = BatchState.FINISHED, datetime.now(UTC)
        batch.save(update_fields=["unfinished", "state", "finished_at"])
