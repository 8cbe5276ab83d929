"""What a batch keeps about its calls, changed in the transaction that changes them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from calldron.store.session import Session

# A batch with nothing that time alone could free waits until somebody touches it.
NEVER = datetime(9999, 12, 31, tzinfo=UTC)


def lock(session: Session, batches: Iterable[int]) -> None:
    """Take hold of batches whose counters will change, before any of their calls: everybody locks in this order."""
    if session.lock:
        session.rows(_BATCHES + session.lock, sorted(set(batches)))


def lock_of_attempts(session: Session, attempts: Sequence[int]) -> None:
    """The same for the batches of these attempts."""
    if session.lock:
        session.rows(_BATCHES_OF_ATTEMPTS + session.lock, list(attempts))


def calls_ended(session: Session, ended: Mapping[int, int], at: datetime) -> None:
    """So many calls of these batches became final; a running batch whose last one did is finished."""
    session.run_each(
        "UPDATE store_batch SET unfinished = unfinished - %s WHERE id = %s",
        [(calls, batch) for batch, calls in sorted(ended.items())],
    )
    finish(session, sorted(ended), at)


def finish(session: Session, batches: list[int], at: datetime) -> None:
    """Finish those of the batches that run, have had calls and have none left."""
    session.run(
        "UPDATE store_batch SET state = 'finished', finished_at = %s"
        " WHERE id IN %s AND state = 'running' AND unfinished = 0 AND total > 0",
        at,
        batches,
    )


def calls_due(session: Session, due: Mapping[int, datetime]) -> None:
    """A call of these batches may go out at that time: they are looked at then, if not before."""
    session.run_each(
        "UPDATE store_batch SET wait_until = %s WHERE id = %s AND wait_until > %s",
        [(at, batch, at) for batch, at in sorted(due.items())],
    )


_BATCHES = "SELECT id FROM store_batch WHERE id IN %s ORDER BY id"

_BATCHES_OF_ATTEMPTS = """
SELECT id FROM store_batch WHERE id IN
    (SELECT c.batch_id FROM store_attempt a JOIN store_call c ON c.id = a.call_id WHERE a.id IN %s)
ORDER BY id
"""
