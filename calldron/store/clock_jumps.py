"""What a clock left behind that had run ahead and was set right: calls that wait as long as it had gone wrong.

What else is kept as a time heals by itself: paces, and the waits of slowed trunks.
"""

from datetime import datetime, timedelta

from calldron.store.session import Session

NOTICED = timedelta(seconds=2)  # clocks are corrected by less all the time


def put_right(session: Session, now: datetime) -> None:
    """Let calls whose last attempt ended in the future have ended now, and look at every batch again."""
    batches = [row[0] for row in session.rows(_RUNNING + session.lock)]
    session.run("UPDATE store_batch SET wait_until = NULL WHERE id IN %s", batches)
    for call, ended_at, due_at in session.rows(_WAITING_IN_THE_FUTURE, now + NOTICED):
        session.run(_ENDED_NOW, now, now + max(timedelta(0), due_at - ended_at), call)


_RUNNING = "SELECT id FROM store_batch WHERE state = 'running' AND NOT deleting ORDER BY id"

# The one statement of the queue that looks at all calls that wait: it runs when a dialer starts and when a
# clock went back.
_WAITING_IN_THE_FUTURE = """
SELECT id, ended_at, due_at FROM store_call WHERE due_at IS NOT NULL AND ended_at > %s
"""

_ENDED_NOW = "UPDATE store_call SET ended_at = %s, due_at = %s, held_by = '' WHERE id = %s"
