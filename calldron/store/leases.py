"""Whose attempts are whose: leases prolonged, leases that ended, attempts taken back by their owners."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from calldron.dialer.ports import Orphan, Withdrawal
from calldron.store import counters
from calldron.store.counters import NEVER
from calldron.store.progress import close_as_unknown
from calldron.store.session import Session

FORGOTTEN = timedelta(days=1)  # a node that was not seen for so long is no longer told of


def renew(session: Session, node: str, held: list[int], seen_at: datetime, lease_until: datetime) -> list[int]:
    """Prolong those of the leases ``held`` that are this node's and say that it is alive; those that are not its own
    any more. What it does not know of, a claim whose answer got lost, ends by itself."""
    session.run(_SEEN, node, seen_at, seen_at, len(held))
    if not held:
        return []
    session.rows(_OWN + session.lock, held, node)  # in one order, as everybody locks them
    session.run(_RENEWED, lease_until, held, node)
    return [row[0] for row in session.rows(_LOST, held, node)]


def leave(session: Session, node: str) -> None:
    """The node stops in good order: there is nothing to be told of it."""
    session.run("DELETE FROM store_noderow WHERE name = %s", node)


def rescue(session: Session, now: datetime, *, alone: bool = False) -> list[Orphan]:
    """End attempts whose lease is over, at the end of their lease: until then their node may have been alive.
    ``alone``: no other node is, so every attempt is ended, now if its lease would have gone on."""
    session.run("DELETE FROM store_noderow WHERE seen_at < %s", NEVER if alone else now - FORGOTTEN)
    return _end(session, now, _OVER, NEVER if alone else now)


def bury(session: Session, nodes: Sequence[str], now: datetime) -> list[Orphan]:
    """End now what these nodes held: they are known to be dead."""
    session.run("DELETE FROM store_noderow WHERE name IN %s", list(nodes))
    return _end(session, now, _OF_NODES, NEVER, list(nodes))


def _end(session: Session, now: datetime, which: str, *params: object) -> list[Orphan]:
    batches = sorted(row[0] for row in session.rows(_BATCHES + which, *params))
    counters.lock(session, batches)
    rows = session.rows(_EXPIRED + which + _IN_BATCHES + session.lock_free_of("a", "c"), *params, batches)
    close_as_unknown(session, [(attempt, min(until, now), call, batch) for attempt, until, call, batch, _ in rows], now)
    return [Orphan(attempt, call, batch, account) for attempt, _, call, batch, account in rows]


def withdrawn(session: Session, node: str) -> list[Withdrawal]:
    """Attempts of a node whose call or batch was taken back."""
    return [Withdrawal(attempt, gently=not roughly) for attempt, roughly in session.rows(_WITHDRAWN, node)]


def unrecorded(session: Session, attempts: list[int]) -> list[Orphan]:
    """Those of the attempts that are over, were answered and have no recording: their node died before it was made."""
    return [Orphan(*row) for row in session.rows(_UNRECORDED, attempts)]


_SEEN = """
INSERT INTO store_noderow (name, started_at, seen_at, calls) VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, calls = excluded.calls
"""

_OWN = "SELECT id FROM store_attempt WHERE id IN %s AND node = %s AND ended_at IS NULL ORDER BY id"

_RENEWED = "UPDATE store_attempt SET lease_until = %s WHERE id IN %s AND node = %s AND ended_at IS NULL"

# Ended by its own node, an attempt is still its own: only its last steps are being put away.
_LOST = """
SELECT id FROM store_attempt WHERE id IN %s AND (node <> %s OR outcome = 'unknown')
"""

_EXPIRED = """
SELECT a.id, a.lease_until, c.id, c.batch_id, c.account_id
FROM store_attempt a JOIN store_call c ON c.id = a.call_id
WHERE
"""

_BATCHES = "SELECT DISTINCT c.batch_id FROM store_attempt a JOIN store_call c ON c.id = a.call_id WHERE"

_OVER = " a.ended_at IS NULL AND a.lease_until < %s"

_OF_NODES = _OVER + " AND a.node IN %s"

_IN_BATCHES = " AND c.batch_id IN %s ORDER BY a.lease_until, a.id"

_WITHDRAWN = """
SELECT a.id, c.cancelled OR b.deleting
FROM store_attempt a JOIN store_call c ON c.id = a.call_id JOIN store_batch b ON b.id = c.batch_id
WHERE a.ended_at IS NULL AND a.node = %s AND (c.cancelled OR b.deleting OR b.state = 'stopped')
"""

_UNRECORDED = """
SELECT a.id, c.id, c.batch_id, c.account_id
FROM store_attempt a JOIN store_call c ON c.id = a.call_id
WHERE a.id IN %s AND a.ended_at IS NOT NULL AND a.recording = ''
    AND EXISTS (SELECT 1 FROM store_legrow l WHERE l.attempt_id = a.id AND l.answered_at IS NOT NULL)
ORDER BY a.id
"""
