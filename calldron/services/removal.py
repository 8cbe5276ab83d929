"""Taking back calls and removing batches, in statements over whole batches: a batch may hold a million calls."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from django.db import connection, transaction

from calldron.config import config
from calldron.services import intros
from calldron.store import taking_back
from calldron.store.models import Attempt, Batch, Call, ImportPiece, LegRow, ListImport
from calldron.store.session import Session

AT_ONCE = 5_000  # calls: a larger batch is left to the dialer, which removes it in steps

log = logging.getLogger(__name__)


def is_up(batch_id: int) -> bool:
    """Whether an attempt at a call of this batch is under way."""
    return Attempt.objects.filter(ended_at=None, call__batch_id=batch_id).exists()


def take_back_waiting(batch_id: int) -> None:
    """Make every call that waits in a stopped batch final as ``canceled``: some thousand now, in the transaction of the
    stop; where there are more, step by step once it is committed, and so that others can write in between."""
    if taking_back.take_back(Session(connection), batch_id):
        transaction.on_commit(partial(_take_back_the_rest, batch_id))


def _take_back_the_rest(batch_id: int) -> None:
    more = True
    while more:
        with transaction.atomic():
            more = taking_back.take_back(Session(connection), batch_id)


def remove(batch: Batch) -> list[str]:
    """Delete a batch none of whose calls is up; the recordings to unlink once that is committed, relative paths."""
    calls = Call.objects.filter(batch=batch)
    tries = Attempt.objects.filter(call__batch=batch)
    recordings = {
        *calls.exclude(recording="").values_list("recording", flat=True),
        *tries.exclude(recording="").values_list("recording", flat=True),
    }
    # ``_raw_delete``: one statement each, without reading a million rows to look for what hangs on them.
    pieces, imports = ImportPiece.objects.filter(list_import__batch=batch), ListImport.objects.filter(batch=batch)
    for rows in (LegRow.objects.filter(attempt__call__batch=batch), tries, calls, pieces, imports):
        rows._raw_delete(rows.db)
    sound = batch.intro_id
    Batch.objects.filter(pk=batch.pk)._raw_delete("default")
    if sound is not None:
        intros.discard(sound)
    return sorted(recordings)


def unlink(recordings: Iterable[str]) -> None:
    """Remove recordings and the folders this leaves empty. One that is not there is none of our concern; one that stays
    is logged."""
    for path in recordings:
        file = config().recordings / path
        try:
            file.unlink(missing_ok=True)
        except OSError:
            log.exception("A recording could not be removed: %s", path)
        with suppress(OSError):  # there are more, or there is none
            file.parent.rmdir()
