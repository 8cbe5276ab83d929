"""How many calls of a batch wait, and for what: counted from indexes, for a batch may hold a million."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from calldron.domain.rule import Hold, Rule
from calldron.store.session import Session

EVER = datetime(1970, 1, 1, tzinfo=UTC)  # before every lease


@dataclass(slots=True)
class Waiting:
    """``due``: calls whose time has come; ``later``: the others that wait, by what they wait for; ``up``: in an
    attempt; ``final``: over; ``stopped``: of those, the ones that the stop list ended."""

    total: int
    up: int
    due: int
    stopped: int
    later: Counter[Rule] = field(default_factory=Counter)

    @property
    def final(self) -> int:
        """Calls that are over."""
        return self.total - self.up - self.waiting

    @property
    def waiting(self) -> int:
        """Calls that are to be dialled, now or later."""
        return self.due + self.later.total()


def count(session: Session, batch_id: int, now: datetime) -> Waiting:
    """Count the calls of a batch at a moment."""
    total, unfinished, due, later, stopped = session.rows(_COUNTS, now, now, batch_id)[0]
    waiting = Waiting(total, max(0, unfinished - due - later), due, stopped)
    waiting.later.update({Rule(rule): calls for rule, calls in session.rows(_HELD, batch_id, now, now)})
    waiting.later[Rule.RETRY_DELAY] = max(0, later - waiting.later.total())
    return waiting


@dataclass(frozen=True, slots=True)
class Glance:
    """As much of it as says what to tell of a batch, at no more than a few steps of indexes. ``due``: whether the time
    of any has come; ``following``: until when the first of the others waits, and for what."""

    total: int
    up: int
    waiting: int
    due: bool
    following: Hold | None


def glance(session: Session, batch_id: int, now: datetime) -> Glance:
    """Look at the calls of a batch at a moment."""
    total, unfinished, up = session.rows(_GLANCE, EVER, batch_id)[0]
    due = session.row(_FIRST_DUE, batch_id, now) is not None
    return Glance(total, up, max(0, unfinished - up), due, _following(session, batch_id, now))


def on_stop_list(session: Session, batch_id: int, account_id: int, now: datetime) -> Counter[Rule | None]:
    """How many of the waiting calls are on the account's stop list, by what they wait for otherwise; ``None``: they are
    due. What has no list costs nothing."""
    if session.row(_ANY_STOPPED, account_id) is None:
        return Counter()
    rows = session.rows(_STOPPED, now, batch_id, account_id)
    return Counter({None if due else Rule(rule or Rule.RETRY_DELAY): calls for due, rule, calls in rows})


def ahead(session: Session, batch_id: int, call_id: int, due_at: datetime) -> int:
    """How many calls of the batch are dialled before this one."""
    rows = session.rows(_AHEAD, batch_id, due_at, batch_id, due_at, call_id)
    return sum(calls for (calls,) in rows)


def _following(session: Session, batch_id: int, now: datetime) -> Hold | None:
    row = session.row(_NEXT, batch_id, now)
    return None if row is None else Hold(Rule(row[1] or Rule.RETRY_DELAY), row[0])


# Conditions are spelled as those of the indexes call_due, call_held and call_told: SQLite knows them by their letters.
_COUNTS = """
SELECT b.total, b.unfinished,
    (SELECT COUNT(*) FROM store_call WHERE batch_id = b.id AND due_at <= %s),
    (SELECT COUNT(*) FROM store_call WHERE batch_id = b.id AND due_at > %s),
    (SELECT COUNT(*) FROM store_call WHERE batch_id = b.id AND NOT (status = 'queued')
        AND status = 'canceled' AND closed_by = 'stop_list')
FROM store_batch b WHERE b.id = %s
"""

# The range of leases is all of them: it has SQLite go through the index of open attempts, which are few.
_GLANCE = """
SELECT b.total, b.unfinished,
    (SELECT COUNT(*) FROM store_attempt WHERE ended_at IS NULL AND lease_until > %s AND +batch_id = b.id)
FROM store_batch b WHERE b.id = %s
"""

_FIRST_DUE = "SELECT id FROM store_call WHERE batch_id = %s AND due_at <= %s LIMIT 1"

_NEXT = "SELECT due_at, held_by FROM store_call WHERE batch_id = %s AND due_at > %s ORDER BY due_at, id LIMIT 1"

# COALESCE keeps the planner from going through all that are due later, where few of them are held.
_HELD = """
SELECT held_by, COUNT(*) FROM store_call
WHERE batch_id = %s AND NOT (held_by = '') AND COALESCE(due_at, %s) > %s GROUP BY held_by
"""

_ANY_STOPPED = "SELECT 1 FROM store_stopnumber WHERE account_id = %s LIMIT 1"

_STOPPED = """
SELECT c.due_at <= %s AS due, c.held_by, COUNT(*) FROM store_call c
WHERE c.batch_id = %s AND c.due_at IS NOT NULL
    AND EXISTS (SELECT 1 FROM store_stopnumber s WHERE s.account_id = %s AND s.number = c.number)
GROUP BY due, c.held_by
"""

_AHEAD = """
SELECT COUNT(*) FROM store_call WHERE batch_id = %s AND due_at < %s
UNION ALL SELECT COUNT(*) FROM store_call WHERE batch_id = %s AND due_at = %s AND id < %s
"""
