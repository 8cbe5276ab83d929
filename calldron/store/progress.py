"""What happens to attempts between claim and end: what became of legs, the end and what it makes of the call.

Everything is fenced: a statement names the attempt and its lease and changes nothing once the attempt is over.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from calldron.dialer.ports import AttemptEnd, LegProgress
from calldron.domain.batch import BatchType
from calldron.domain.outcome import Fault, Outcome, Result
from calldron.domain.retry import Dials, RetryPolicy
from calldron.store import counters, health
from calldron.store.session import Row, Session
from calldron.store.turns import retry_of

# A trunk refuses calls, not numbers: a call it refused goes back uncounted. But not for ever: a number that is refused
# while others pass, or is the only one that was refused, some times, or refused so often, has had its attempt.
MOST_RETURNS = 20
FEW_RETURNS = 3
_LATELY = timedelta(minutes=5)
_RETURN_PAUSE = timedelta(seconds=1)  # it goes behind those that are due; the trunk's pace does the rest


def progress(session: Session, steps: Sequence[LegProgress]) -> None:
    """Write what became of legs, and heed what it says about the trunks."""
    health.heed(session, steps)
    if session.lock:  # before their legs: who ends them for a node that fell silent locks in this order too
        session.rows(_THEIR_ATTEMPTS + session.lock, [step.attempt_id for step in steps])
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
    account_id: int
    number: str
    withdrawn: bool
    call_delay: float
    retry: RetryPolicy
    dials: Dials
    returns: int
    returned_at: datetime | None
    carried_at: datetime | None  # when the last call left that its trunk carried
    strain: int  # of its trunk
    tests_trunk: bool

    @classmethod
    def read(cls, row: Row) -> "_Open":
        """From a row of ``_OPEN``."""
        attempt, lease, over, outcome, call, batch, account, number, withdrawn, delay, retry, *rest = row
        kind, attempts, *dials, returns, returned_at, carried_at, strain, tests_trunk = rest
        left = Dials(BatchType(kind), attempts, *dials)
        return cls(
            attempt, lease, bool(over), outcome, call, batch, account, number, bool(withdrawn), delay,
            retry_of(retry), left, returns, returned_at, carried_at, strain or 0, bool(tests_trunk),
        )  # fmt: skip

    def is_returned(self, end: AttemptEnd) -> bool:
        """Whether the attempt does not count: its trunk refused it, and is not known to carry others meanwhile."""
        if not end.refused or self.withdrawn or self.returns >= MOST_RETURNS:
            return False
        if self.tests_trunk and (end.sip_code is not None or end.fault is Fault.TRUNK):
            return False  # the refusal is what was asked for
        if end.fault is not Fault.TRUNK:  # no INVITE left, or our credentials are wrong: no number's doing
            return True
        if self.returned_at is None or self.carried_at is None:
            return True
        if self.carried_at > self.returned_at:
            return False
        # Every level of the strain is this call's own doing, and who left shortly before it was carried.
        only_this = self.returns >= FEW_RETURNS and self.strain <= self.returns + 1
        return not (only_this and self.carried_at > self.returned_at - _LATELY)


def finish(session: Session, ends: Sequence[AttemptEnd]) -> list[bool]:
    """End attempts. Repeating an end that is written already changes nothing and is no lost lease."""
    ids = [end.attempt_id for end in ends]
    counters.lock_of_attempts(session, ids)
    rows = session.rows(_OPEN + session.lock_of("a", "c"), ids)
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
        again = _due_again(session, attempt, end)
        result = end.result.value if end.result is not None and again is None else None
        calls.append((end.outcome.value, result, again is None, again, end.at, end.talk, end.digits, attempt.call_id))
        if again is None:
            final[attempt.batch_id] += 1
        else:
            due[attempt.batch_id] = min(again, due.get(attempt.batch_id, again))
    session.run_each(_CALL_ENDED, calls)
    session.run_each(_OPTED_OUT, [_opted_out(one, end) for one, end in ended if end.result is Result.OPTED_OUT])
    counters.calls_due(session, due)
    if final:
        counters.calls_ended(session, final, max(end.at for _, end in ended))


def _due_again(session: Session, attempt: _Open, end: AttemptEnd) -> datetime | None:
    """When the call is dialled again; ``None``: never. An attempt that does not count is taken off the call."""
    if attempt.is_returned(end):
        session.run(_GIVEN_BACK, attempt.attempt_id)
        session.run(_LEGS_REFUSED, attempt.attempt_id)
        session.run(_RETURNED, *[attempt.attempt_id] * 2, end.at, attempt.call_id)
        return end.at + _RETURN_PAUSE
    if attempt.withdrawn or attempt.dials.first is None:
        return None
    so_often = 0
    if attempt.retry.counts(end.outcome):
        row = session.row(_SO_OFTEN, attempt.call_id, end.outcome.value)
        so_often = row[0] if row else 0
    if not attempt.retry.again(end.outcome, end.fault, so_often):
        return None
    return end.at + timedelta(seconds=attempt.retry.delay(end.outcome, attempt.call_delay))


def _opted_out(attempt: _Open, end: AttemptEnd) -> tuple[object, ...]:
    return attempt.account_id, attempt.number, end.at


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


_THEIR_ATTEMPTS = "SELECT id FROM store_attempt WHERE id IN %s AND ended_at IS NULL ORDER BY id"

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
SELECT a.id, a.lease, a.ended_at IS NOT NULL, a.outcome, c.id, b.id, c.account_id, c.number,
    c.cancelled OR b.deleting OR b.state = 'stopped', b.call_delay, b.retry,
    b.type, b.attempts, c.client_dials, c.operator_dials, b.callback <> '', b.intro_id IS NOT NULL,
    c.returns, c.returned_at, (SELECT t.carried_at FROM store_trunkrow t WHERE t.id = a.trunk_id),
    (SELECT t.strain FROM store_trunkrow t WHERE t.id = a.trunk_id), b.only_trunk IS NOT NULL
FROM store_attempt a JOIN store_call c ON c.id = a.call_id JOIN store_batch b ON b.id = c.batch_id
WHERE a.id IN %s ORDER BY c.id
"""

_ATTEMPT_ENDED = """
UPDATE store_attempt SET ended_at = %s, outcome = %s, result = %s, fault = %s, sip_code = %s, digits = %s, talk = %s
WHERE id = %s AND lease = %s AND ended_at IS NULL
"""

_LEGS_CLOSED = """
UPDATE store_legrow SET ended_at = %s, outcome = %s, fault = %s WHERE attempt_id = %s AND ended_at IS NULL
"""

_GIVEN_BACK = "UPDATE store_attempt SET given_back = TRUE WHERE id = %s"

_LEGS_REFUSED = "UPDATE store_legrow SET refused = TRUE WHERE attempt_id = %s"

_RETURNED = """
UPDATE store_call SET returns = returns + 1,
    client_dials = client_dials
        - (SELECT COUNT(*) FROM store_legrow l WHERE l.attempt_id = %s AND l.role = 'client'),
    operator_dials = operator_dials
        - (SELECT COUNT(*) FROM store_legrow l WHERE l.attempt_id = %s AND l.role = 'operator'),
    returned_at = %s
WHERE id = %s
"""

_SO_OFTEN = "SELECT COUNT(*) FROM store_attempt WHERE call_id = %s AND outcome = %s AND NOT given_back"

_OPTED_OUT = """
INSERT INTO store_stopnumber (account_id, number, source, comment, created_at) VALUES (%s, %s, 'opt_out', '', %s)
ON CONFLICT (account_id, number) DO NOTHING
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
