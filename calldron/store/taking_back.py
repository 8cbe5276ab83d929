"""Calls that wait in a batch that was stopped become final, some thousand at a time: nobody who ends a call waits for a
million rows."""

from calldron.store import counters
from calldron.store.session import Session

STEP = 5_000  # calls


def take_back(session: Session, batch_id: int) -> bool:
    """One step: make up to ``STEP`` calls final that wait; whether there may be more."""
    counters.lock(session, [batch_id])
    taken = session.run(_TAKE_BACK, batch_id, STEP)
    session.run("UPDATE store_batch SET unfinished = unfinished - %s WHERE id = %s", taken, batch_id)
    return taken == STEP


def left_over(session: Session) -> int | None:
    """A stopped batch in which calls still wait: whoever stopped it died before they were taken back."""
    row = session.row(_LEFT_OVER)
    return None if row is None else int(row[0])


_TAKE_BACK = """
UPDATE store_call SET final = TRUE, status = 'canceled', due_at = NULL, held_by = '', closed_by = 'batch_stopped'
WHERE id IN (SELECT id FROM store_call WHERE batch_id = %s AND due_at IS NOT NULL ORDER BY due_at, id LIMIT %s)
"""

_LEFT_OVER = """
SELECT b.id FROM store_batch b
WHERE b.state = 'stopped' AND NOT b.deleting AND b.unfinished > 0
    AND EXISTS (SELECT 1 FROM store_call c WHERE c.batch_id = b.id AND c.due_at IS NOT NULL)
ORDER BY b.id LIMIT 1
"""
