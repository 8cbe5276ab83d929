"""Sounds that are played and recordings that were made, as rows."""

from collections.abc import Sequence

from calldron.dialer.ports import Recording
from calldron.store.session import Session


def sound(session: Session, sound_id: int) -> bytes:
    """An intro's samples. Raises ``LookupError`` where it is gone."""
    row = session.row("SELECT pcm FROM store_sound WHERE id = %s", sound_id)
    if row is None:
        raise LookupError(f"There is no intro {sound_id}.")
    return bytes(row[0])


def attach(session: Session, recordings: Sequence[Recording]) -> list[bool]:
    """Name the recordings of attempts; a call shows the one made last. ``False``: it was deleted meanwhile."""
    rows = session.rows(_ATTEMPTS + session.lock_of("c"), [one.attempt_id for one in recordings])
    kept = {row[0] for row in rows}
    named = sorted((one for one in recordings if one.attempt_id in kept), key=lambda one: one.attempt_id)
    session.run_each(_ATTEMPT_RECORDED, [(one.path, one.attempt_id) for one in named])
    session.run_each(_CALL_RECORDED, [(one.path, one.attempt_id, one.attempt_id) for one in named])
    return [one.attempt_id in kept for one in recordings]


_ATTEMPTS = "SELECT a.id FROM store_attempt a JOIN store_call c ON c.id = a.call_id WHERE a.id IN %s ORDER BY c.id"

_ATTEMPT_RECORDED = "UPDATE store_attempt SET recording = %s WHERE id = %s"

_CALL_RECORDED = """
UPDATE store_call SET recording = %s WHERE id = (SELECT call_id FROM store_attempt WHERE id = %s)
    AND NOT EXISTS (SELECT 1 FROM store_attempt later
        WHERE later.call_id = store_call.id AND later.id > %s AND later.recording <> '')
"""
