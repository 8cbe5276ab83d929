"""Sounds that are played and recordings that were made, as rows."""

from calldron.store.session import Session


def sound(session: Session, sound_id: int) -> bytes:
    """An intro's samples. Raises ``LookupError`` where it is gone."""
    row = session.row("SELECT pcm FROM store_sound WHERE id = %s", sound_id)
    if row is None:
        raise LookupError(f"There is no intro {sound_id}.")
    return bytes(row[0])


def attach(session: Session, attempt_id: int, path: str, seconds: float) -> bool:
    """Name the recording of an attempt; the call shows the one made last. ``False``: it was deleted meanwhile."""
    if not session.run("UPDATE store_attempt SET recording = %s WHERE id = %s", path, attempt_id):
        return False
    session.run(_CALL_RECORDED, path, attempt_id, attempt_id)
    return True


_CALL_RECORDED = """
UPDATE store_call SET recording = %s WHERE id = (SELECT call_id FROM store_attempt WHERE id = %s)
    AND NOT EXISTS (SELECT 1 FROM store_attempt later
        WHERE later.call_id = store_call.id AND later.id > %s AND later.recording <> '')
"""
