"""What happens to attempts between claim and end: further dials, legs, the end and what it makes of the call.

Everything is fenced: a statement names the attempt and its lease and changes nothing once the attempt is over.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from calldron.dialer.ports import AttemptEnd, LegIntent, LegProgress, Permit
from calldron.domain.batch import BatchState, BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome, tried_again
from calldron.domain.retry import Dials
from calldron.store import counters, lines
from calldron.store.claim import LEG
from calldron.store.session import Row, Session
from calldron.store.turns import window_of


def intend(session: Session, intents: Sequence[LegIntent]) -> list[Permit | None]:
    """Commit further dials: each is looked at after the one before it was counted."""
    legs = [_intend(session, intent) for intent in intents]
    left: dict[int, list[datetime]] = {}
    for intent, leg in zip(intents, legs, strict=True):
        if leg is not None:
            left.setdefault(intent.trunk_id, []).append(intent.at)
    for trunk, at in sorted(left.items()):
        lines.spend(session, trunk, max(at), len(at))
    return [None if leg is None else Permit(leg) for leg in legs]


def _intend(session: Session, intent: LegIntent) -> int | None:
    row = session.row(_GATE + session.lock, intent.attempt_id, intent.lease)
    if row is None:
        return None
    call_id, cancelled, client, operator, attempts, state, deleting, *hours = row
    if cancelled or deleting or state == BatchState.STOPPED:
        return None
    if (client if intent.role is Role.CLIENT else operator) >= attempts:
        return None
    if intent.role is Role.CLIENT and not window_of(*hours).is_open(intent.at):
        return None  # the window protects the client; an operator is there for who is on the line already
    session.run(_COUNTED[intent.role], call_id)
    leg = (intent.attempt_id, intent.role.value, intent.number, intent.trunk_id, intent.at, "", "", "")
    return int(session.insert(LEG, [leg], "id")[0][0])


def progress(session: Session, steps: Sequence[LegProgress]) -> None:
    """Write what became of legs."""
    session.run_each(_LEG_STEP, [_leg_step(step) for step in steps])
    answered = [(step.leg_id, step.attempt_id, step.lease) for step in steps if step.answered_at is not None]
    session.run_each(_CLIENT_ANSWERED, answered)


def _leg_step(step: LegProgress) -> tuple[object, ...]:
    ending = step.ending
    return (
        step.ringing_at,
        step.answered_at,
        step.ended_at,
        ending and ending.sip_code,
        ending and ending.q850,
        ending and ending.by.value,
        step.outcome and step.outcome.value,
        step.fault and step.fault.value,
        step.leg_id,
        step.attempt_id,
        step.lease,
    )


@dataclass(frozen=True, slots=True)
class _Open:
    """An attempt that an end is about, and what decides about its call."""

    attempt_id: int
    lease: int
    over: bool
    outcome: str
    call_id: int
    batch_id: int
    withdrawn: bool
    call_delay: float
    dials: Dials

    @classmethod
    def read(cls, row: Row) -> "_Open":
        """From a row of ``_OPEN``."""
        attempt, lease, over, outcome, call, batch, withdrawn, delay, kind, attempts, *dials = row
        left = Dials(BatchType(kind), attempts, *dials)
        return cls(attempt, lease, bool(over), outcome, call, batch, bool(withdrawn), delay, left)


def finish(session: Session, ends: Sequence[AttemptEnd]) -> list[bool]:
    """End attempts. Repeating an end that is written already changes nothing and is no lost lease."""
    rows = session.rows(_OPEN + session.lock, [end.attempt_id for end in ends])
    attempts = {one.attempt_id: one for one in map(_Open.read, rows)}
    kept: list[bool] = []
    news: dict[int, AttemptEnd] = {}
    for end in ends:
        attempt = attempts.get(end.attempt_id)
        if attempt is None or attempt.lease != end.lease:
            kept.append(False)
        elif attempt.over:
            kept.append(attempt.outcome == end.outcome.value)
        else:
            kept.append(True)
            news.setdefault(end.attempt_id, end)
    _write(session, [(attempts[attempt], end) for attempt, end in news.items()])
    return kept


def _write(session: Session, ended: Sequence[tuple[_Open, AttemptEnd]]) -> None:
    session.run_each(_ATTEMPT_ENDED, [_attempt_ended(end) for _, end in ended])
    session.run_each(_LEGS_CLOSED, [(end.at, end.outcome.value, end.fault.value, end.attempt_id) for _, end in ended])
    final: Counter[int] = Counter()
    due: dict[int, datetime] = {}
    calls: list[tuple[object, ...]] = []
    for attempt, end in ended:
        again = _due_again(attempt, end)
        result = end.result.value if end.result is not None and again is None else None
        calls.append((end.outcome.value, result, again is None, again, end.at, end.talk, end.digits, attempt.call_id))
        if again is None:
            final[attempt.batch_id] += 1
        else:
            due[attempt.batch_id] = min(again, due.get(attempt.batch_id, again))
    session.run_each(_CALL_ENDED, calls)
    counters.calls_due(session, due)
    if final:
        counters.calls_ended(session, final, max(end.at for _, end in ended))


def _due_again(attempt: _Open, end: AttemptEnd) -> datetime | None:
    if attempt.withdrawn or attempt.dials.first is None or not tried_again(end.outcome, end.fault):
        return None
    return end.at + timedelta(seconds=attempt.call_delay)


def _attempt_ended(end: AttemptEnd) -> tuple[object, ...]:
    result = end.result.value if end.result is not None else None
    return (
        end.at,
        end.outcome.value,
        result,
        end.fault.value,
        end.sip_code,
        end.digits,
        end.talk,
        end.attempt_id,
        end.lease,
    )


def close_as_unknown(session: Session, attempts: Sequence[tuple[int, datetime, int, int]], now: datetime) -> None:
    """End attempts whose node is dead: (attempt, at, call, batch). Nobody can know how their calls ended."""
    unknown = Outcome.UNKNOWN.value
    session.run_each(_ATTEMPT_UNKNOWN, [(at, unknown, attempt) for attempt, at, _, _ in attempts])
    session.run_each(_LEGS_CLOSED, [(at, unknown, "ours", attempt) for attempt, at, _, _ in attempts])
    session.run_each(_CALL_UNKNOWN, [(unknown, at, call) for _, at, call, _ in attempts])
    if attempts:
        counters.calls_ended(session, Counter(batch for *_, batch in attempts), now)


_GATE = """
SELECT c.id, c.cancelled, c.client_dials, c.operator_dials, b.attempts, b.state, b.deleting,
    b.time_zone, b.minute_from, b.minute_to
FROM store_attempt a JOIN store_call c ON c.id = a.call_id JOIN store_batch b ON b.id = c.batch_id
WHERE a.id = %s AND a.lease = %s AND a.ended_at IS NULL
"""

_COUNTED = {
    Role.CLIENT: "UPDATE store_call SET client_dials = client_dials + 1 WHERE id = %s",
    Role.OPERATOR: "UPDATE store_call SET operator_dials = operator_dials + 1 WHERE id = %s",
}

_LEG_STEP = """
UPDATE store_legrow SET
    ringing_at = COALESCE(%s, ringing_at), answered_at = COALESCE(%s, answered_at), ended_at = COALESCE(%s, ended_at),
    sip_code = COALESCE(%s, sip_code), q850 = COALESCE(%s, q850), ended_by = COALESCE(%s, ended_by),
    outcome = COALESCE(%s, outcome), fault = COALESCE(%s, fault)
WHERE id = %s AND attempt_id = (SELECT id FROM store_attempt WHERE id = %s AND lease = %s AND ended_at IS NULL)
"""

_CLIENT_ANSWERED = """
UPDATE store_call SET status = 'answered'
WHERE id = (SELECT a.call_id FROM store_legrow l JOIN store_attempt a ON a.id = l.attempt_id
    WHERE l.id = %s AND l.role = 'client' AND a.id = %s AND a.lease = %s AND a.ended_at IS NULL)
"""

_OPEN = """
SELECT a.id, a.lease, a.ended_at IS NOT NULL, a.outcome, c.id, b.id,
    c.cancelled OR b.deleting OR b.state = 'stopped', b.call_delay,
    b.type, b.attempts, c.client_dials, c.operator_dials, b.callback <> '', b.intro_id IS NOT NULL
FROM store_attempt a JOIN store_call c ON c.id = a.call_id JOIN store_batch b ON b.id = c.batch_id
WHERE a.id IN %s
"""

_ATTEMPT_ENDED = """
UPDATE store_attempt SET ended_at = %s, outcome = %s, result = %s, fault = %s, sip_code = %s, digits = %s, talk = %s
WHERE id = %s AND lease = %s AND ended_at IS NULL
"""

_LEGS_CLOSED = """
UPDATE store_legrow SET ended_at = %s, outcome = %s, fault = %s WHERE attempt_id = %s AND ended_at IS NULL
"""

_CALL_ENDED = """
UPDATE store_call SET status = %s, result = %s, final = %s, due_at = %s, ended_at = %s, talk = %s, digits = %s
WHERE id = %s
"""

_ATTEMPT_UNKNOWN = """
UPDATE store_attempt SET ended_at = %s, outcome = %s, fault = 'ours' WHERE id = %s AND ended_at IS NULL
"""

_CALL_UNKNOWN = """
UPDATE store_call SET status = %s, final = TRUE, result = NULL, due_at = NULL, ended_at = %s WHERE id = %s
"""
