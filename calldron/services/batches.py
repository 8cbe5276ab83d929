"""Making, changing, switching and removing batches."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from calldron.domain.batch import BatchState, Switch, switched
from calldron.domain.errors import IllegalTransition
from calldron.services import audit, intros, removal, waiting
from calldron.services.audit import Action, Actor
from calldron.services.batch_fields import COLUMNS, LONGEST_NAME, Draft
from calldron.services.errors import Conflict, NotFound
from calldron.store.changes import announce
from calldron.store.models import Account, Batch, Call, ListImport

_DEEDS = {
    Switch.START: Action.BATCH_STARTED,
    Switch.PAUSE: Action.BATCH_PAUSED,
    Switch.RESUME: Action.BATCH_RESUMED,
    Switch.STOP: Action.BATCH_STOPPED,
}

Page = tuple[list[Batch], int]


def page(account: Account, *, limit: int, offset: int) -> Page:
    """Part of the account's batches, oldest first, and how many there are."""
    batches = Batch.objects.filter(account=account, deleting=False)
    return list(batches.order_by("id")[offset : offset + limit]), batches.count()


def found(account: Account, *, name: str = "", limit: int, offset: int) -> Page:
    """The same with the newest first, of those that have ``name`` in theirs."""
    batches = Batch.objects.filter(account=account, deleting=False)
    if name:  # SQLite's LIKE knows upper and lower case of Latin letters alone
        batches = batches.filter(name__iregex=re.escape(name))
    return list(batches.order_by("-id")[offset : offset + limit]), batches.count()


def get(account: Account, batch_id: int, *, lock: bool = False, adding: bool = True) -> Batch:
    """A batch of this account; ``lock``: nobody else changes it before the transaction ends. Without ``adding`` nobody
    adds calls to it either, and who does is waited for. Raises ``NotFound``."""
    batches = Batch.objects.select_for_update(no_key=adding) if lock else Batch.objects
    batch = batches.filter(account=account, pk=batch_id, deleting=False).first()
    if batch is None:
        raise not_found(batch_id)
    return batch


def not_found(batch_id: int) -> NotFound:
    """What whoever asks for a batch is told that is not there, or not theirs."""
    return NotFound(_("There is no batch %(id)d.") % {"id": batch_id})


def create(account: Account, drafts: Sequence[Draft]) -> list[Batch]:
    """Make batches, all or none, in order."""
    with transaction.atomic():
        return [_create(account, draft) for draft in drafts]


def _create(account: Account, draft: Draft) -> Batch:
    batch = Batch(account=account, **draft.columns)
    if draft.intro is not None:
        batch.intro = intros.keep(account, draft.intro)
    batch.save()
    if not batch.name:
        batch.name = f"Batch {batch.pk}"
        batch.save(update_fields=["name"])
    return batch


def duplicate(account: Account, batch_id: int) -> Batch:
    """A new batch with all the fields of this one, its intro too, and none of its calls. Raises ``NotFound``."""
    with transaction.atomic():
        batch = get(account, batch_id, lock=True)  # so that nobody discards the intro meanwhile
        copy = Batch(account=account, **{column: getattr(batch, column) for column in COLUMNS})
        copy.name = (_("Copy of %(name)s") % {"name": batch.name})[:LONGEST_NAME]
        copy.save()
        return copy


def update(account: Account, batch_id: int, draft: Draft) -> Batch:
    """Change what the draft carries; the next dial goes by it. Raises ``NotFound``, ``Conflict``."""
    with transaction.atomic():
        batch = get(account, batch_id, lock=True)
        changes = dict(draft.columns)
        if batch.dialed and changes.get("type", batch.type) != batch.type:
            raise Conflict(_("The type is fixed: the batch has been dialled already."))
        if changes.get("name") == "":
            changes["name"] = f"Batch {batch.pk}"
        replaced = batch.intro_id if draft.intro is not None or "intro" in changes else None
        if draft.intro is not None:
            changes["intro"] = intros.keep(account, draft.intro)
        for column, value in changes.items():
            setattr(batch, column, value)
        # The window, the attempts or the delay may have moved: the dialer is to look again.
        batch.wait_until = None
        if not (waiting.HOLDING | waiting.RECKONED).isdisjoint(changes):
            waiting.let_go(Call.objects.filter(batch=batch))
        if not waiting.RECKONED.isdisjoint(changes):
            waiting.reckon_anew(batch)
        batch.save(update_fields=[*changes, "wait_until", "state", "unfinished", "finished_at"])
        if replaced is not None and not removal.is_up(batch.pk):
            intros.discard(replaced)
        announce(connection)
        return batch


def switch(account: Account, batch_id: int, way: Switch) -> Batch:
    """Start, pause, resume or stop. Repeating one changes nothing. Raises ``NotFound``, ``Conflict``.

    Stopping makes the calls that wait final; those that are up are the dialer's to end.
    """
    now = datetime.now(UTC)
    with transaction.atomic():
        batch = get(account, batch_id, lock=True)
        state = BatchState(batch.state)
        try:
            following = switched(state, way)
        except IllegalTransition as error:
            raise Conflict(_refusal(state, way)) from error
        if following is state:
            return batch
        batch.state = following
        batch.wait_until = None
        if following is BatchState.RUNNING:
            batch.started_at = batch.started_at or now
            if batch.total and not batch.unfinished:  # its last call ended while it was paused
                batch.state, batch.finished_at = BatchState.FINISHED, now
        if following is BatchState.STOPPED:
            batch.finished_at = now
        batch.save(update_fields=["state", "wait_until", "started_at", "finished_at"])
        if following is BatchState.STOPPED:
            removal.take_back_waiting(batch.pk)
        announce(connection)
        return batch


def switch_as(actor: Actor, batch_id: int, way: Switch) -> Batch:
    """The same by somebody, and noted where it changes something."""
    with transaction.atomic():
        before = get(actor.account, batch_id, lock=True).state
        batch = switch(actor.account, batch_id, way)
        if batch.state != before:
            audit.note(actor, _DEEDS[way], batch.name)
        return batch


def _refusal(state: BatchState, way: Switch) -> str:
    words = {
        BatchState.FRESH: _("The batch has not been started, so it can't %(way)s."),
        BatchState.RUNNING: _("The batch is running, so it can't %(way)s."),
        BatchState.PAUSED: _("The batch is paused, so it can't %(way)s; resume it."),
        BatchState.FINISHED: _("The batch is finished, so it can't %(way)s; add calls and it goes on."),
        BatchState.STOPPED: _("The batch is stopped for good, so it can't %(way)s."),
    }
    return words[state] % {"way": way.value}


def delete(account: Account, batch_id: int) -> None:
    """End the batch's calls and remove it with its calls and recordings. It is gone for its owner at once; where calls
    are up, or there are very many, the dialer hangs up and removes the rest. Raises ``NotFound``."""
    with transaction.atomic():
        # Before the batch, as a step of an import locks them.
        list(ListImport.objects.filter(account=account, batch=batch_id).order_by("id").select_for_update())
        batch = get(account, batch_id, lock=True, adding=False)
        if batch.total > removal.AT_ONCE or removal.is_up(batch.pk):
            batch.deleting = True
            batch.wait_until = None
            batch.save(update_fields=["deleting", "wait_until"])
            announce(connection)
        else:
            recordings = removal.remove(batch)
            transaction.on_commit(lambda: removal.unlink(recordings))
