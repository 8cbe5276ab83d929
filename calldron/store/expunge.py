"""Ending what stopped batches left waiting, and removing those that are gone for their owner, some thousand calls at a
time: a batch may hold a million."""

from calldron.store import taking_back
from calldron.store.session import Session

_CALLS_A_STEP = 5_000


def expunge(session: Session) -> tuple[list[str], bool]:
    """One step: the recordings that nothing names any more, relative paths, and whether there is more to do."""
    stopped = taking_back.left_over(session)
    if stopped is not None:
        taking_back.take_back(session, stopped)
        return [], True
    batch = session.row(_NEXT + session.to_remove_free_of("b"))
    if batch is None:
        return [], False
    batch_id, sound_id = batch
    calls = [row[0] for row in session.rows(_CALLS, batch_id, _CALLS_A_STEP)]
    recordings = {row[0] for sql in _RECORDINGS for row in session.rows(sql, calls)}
    for sql in _ROWS_OF_CALLS:
        session.run(sql, calls)
    if len(calls) < _CALLS_A_STEP:
        for sql in _ROWS_OF_BATCH:
            session.run(sql, batch_id)
        session.run(_UNUSED_SOUND, sound_id, sound_id)
    return sorted(recordings), True


_NEXT = """
SELECT b.id, b.intro_id FROM store_batch b
WHERE b.deleting AND NOT EXISTS (
    SELECT 1 FROM store_attempt a JOIN store_call c ON c.id = a.call_id
    WHERE a.ended_at IS NULL AND c.batch_id = b.id)
ORDER BY b.id LIMIT 1
"""

_CALLS = "SELECT id FROM store_call WHERE batch_id = %s ORDER BY id LIMIT %s"

_RECORDINGS = (
    "SELECT recording FROM store_call WHERE id IN %s AND recording <> ''",
    "SELECT recording FROM store_attempt WHERE call_id IN %s AND recording <> ''",
)

_ROWS_OF_CALLS = (
    "DELETE FROM store_legrow WHERE attempt_id IN (SELECT id FROM store_attempt WHERE call_id IN %s)",
    "DELETE FROM store_attempt WHERE call_id IN %s",
    "DELETE FROM store_call WHERE id IN %s",
)

_ROWS_OF_BATCH = (
    "DELETE FROM store_importpiece WHERE list_import_id IN (SELECT id FROM store_listimport WHERE batch_id = %s)",
    "DELETE FROM store_listimport WHERE batch_id = %s",
    "DELETE FROM store_batch WHERE id = %s",
)

_UNUSED_SOUND = """
DELETE FROM store_sound WHERE id = %s AND name = '' AND NOT EXISTS (SELECT 1 FROM store_batch WHERE intro_id = %s)
"""
