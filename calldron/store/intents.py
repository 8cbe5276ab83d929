"""Further dials within an attempt: looked at by the same rules as a claim, and counted, before their INVITE leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

from calldron.dialer.ports import Late, LegIntent, NotNow, Permit
from calldron.domain.batch import BatchState
from calldron.domain.events import Role
from calldron.store import counters
from calldron.store.claim import LEG
from calldron.store.gate import Gate, stopped
from calldron.store.limits import Limit, Limits
from calldron.store.lines import Lines, Passed, no_time
from calldron.store.session import Row, Session
from calldron.store.turns import Hours, quota_of


@dataclass(frozen=True, slots=True)
class _Asked:
    """An intent and what decides about it."""

    intent: LegIntent
    call_id: int
    number: str
    batch_id: int
    account_id: int
    withdrawn: bool
    paused: bool
    client_dials: int
    operator_dials: int
    attempts: int
    hours: Hours
    quota: tuple[str, int, int, int]
    limit: Limit
    account_limit: Limit

    @classmethod
    def read(cls, intent: LegIntent, row: Row) -> "_Asked":
        """From a row of ``_ATTEMPT``."""
        call, number, batch, account, cancelled, state, deleting, client, operator, attempts, *rest = row
        time_zone, fallback, minute_from, minute_to, days, account_zone, day, week, month, *limits = rest
        return cls(
            intent,
            call,
            number,
            batch,
            account,
            _is_withdrawn(cancelled, deleting, state),
            state == BatchState.PAUSED,
            client,
            operator,
            attempts,
            Hours(time_zone, fallback or account_zone, minute_from, minute_to, days),
            (account_zone, day, week, month),
            Limit(*limits[:3]),
            Limit(*limits[3:]),
        )


def intend(session: Session, intents: Sequence[LegIntent], *, passed: Passed = no_time) -> list[Permit | NotNow | None]:
    """Commit further dials: each is looked at after the one before it was counted."""
    lines = Lines.load(session, max(intent.at for intent in intents), passed=passed)
    limits = Limits(lines.holdings, lines.now)
    counters.lock_of_attempts(session, [intent.attempt_id for intent in intents])
    permits = [_intend(session, intent, lines, limits) for intent in intents]
    lines.save(session)
    limits.save(session)
    return permits


def recount(session: Session, late: Sequence[Late], *, passed: Passed = no_time) -> list[float | NotNow | None]:
    """Look again at INVITEs that missed their moment, and count them once more; the seconds each has to wait from when
    this was asked."""
    lines = Lines.load(session, max(one.at for one in late), passed=passed)
    limits = Limits(lines.holdings, lines.now)
    counters.lock_of_attempts(session, [one.attempt_id for one in late])
    rows = {row[0]: row[1:] for row in session.rows(_LATE, [one.attempt_id for one in late])}
    waits = [_recount(lines, limits, one, rows.get(one.attempt_id)) for one in late]
    lines.save(session)
    limits.save(session)
    return waits


def _recount(lines: Lines, limits: Limits, late: Late, row: Row | None) -> float | NotNow | None:
    if row is None:
        return None
    lease, cancelled, state, deleting, stop_listed, on_the_line, trunk, batch, account, *rates = row
    if lease != late.lease or _is_withdrawn(cancelled, deleting, state):
        return None
    if stop_listed and late.role is Role.CLIENT:
        return None
    if state == BatchState.PAUSED and not on_the_line:
        return NotNow()
    cps, tat, account_cps, account_tat = rates
    limits.know(batch, account, Limit(cps, tat=tat), Limit(account_cps, tat=account_tat))
    return _spend(lines, limits, trunk, batch, account)


def _spend(lines: Lines, limits: Limits, trunk: int, batch: int, account: int) -> float:
    """Count an INVITE; the seconds until it may leave. Its channels are the attempt's own since the claim."""
    return lines.waited + max(lines.spend(trunk), limits.spend(batch, account, 0))


def _intend(session: Session, intent: LegIntent, lines: Lines, limits: Limits) -> Permit | NotNow | None:
    row = session.row(_ATTEMPT + session.lock_of("c", "t"), intent.attempt_id, intent.lease)
    if row is None:
        return None
    asked = _Asked.read(intent, row)
    if asked.withdrawn or _never(session, asked):
        return None
    if _not_now(session, asked):
        return NotNow()
    session.run(_COUNTED[intent.role], asked.call_id)
    leg = (intent.attempt_id, intent.role.value, intent.number, intent.trunk_id, intent.at, "", "", "")
    leg_id = int(session.insert(LEG, [leg], "id")[0][0])
    limits.know(asked.batch_id, asked.account_id, asked.limit, asked.account_limit)
    wait = _spend(lines, limits, intent.trunk_id, asked.batch_id, asked.account_id)
    return Permit(leg_id, wait, asked.hours.window(asked.number))


def _is_withdrawn(cancelled: bool, deleting: bool, state: str) -> bool:
    return bool(cancelled or deleting or state == BatchState.STOPPED)


def _never(session: Session, asked: _Asked) -> bool:
    if asked.intent.role is Role.OPERATOR:
        return asked.operator_dials >= asked.attempts
    return asked.client_dials >= asked.attempts or stopped(session, asked.account_id, asked.number)


def _not_now(session: Session, asked: _Asked) -> bool:
    if asked.paused and not session.row(_IS_ON_THE_LINE, asked.intent.attempt_id):
        return True
    if asked.intent.role is Role.OPERATOR:  # window and quota protect the client
        return False
    gate = Gate(session, asked.account_id, quota_of(*asked.quota), asked.intent.at)
    gate.know([asked.number])
    return gate.hold(asked.hours, asked.number) is not None


_ATTEMPT = """
SELECT c.id, c.number, b.id, c.account_id, c.cancelled, b.state, b.deleting, c.client_dials, c.operator_dials,
    b.attempts, b.time_zone, b.time_zone_fallback, b.minute_from, b.minute_to, b.days,
    a.time_zone, a.quota_day, a.quota_week, a.quota_month, b.cps, b.channels, b.tat, a.cps, a.channels, a.tat
FROM store_attempt t JOIN store_call c ON c.id = t.call_id JOIN store_batch b ON b.id = c.batch_id
    JOIN store_account a ON a.id = b.account_id
WHERE t.id = %s AND t.lease = %s AND t.ended_at IS NULL
"""

_ON_THE_LINE = """EXISTS (
    SELECT 1 FROM store_legrow l WHERE l.attempt_id = t.id AND l.answered_at IS NOT NULL AND l.ended_at IS NULL
)"""

_IS_ON_THE_LINE = f"SELECT 1 FROM store_attempt t WHERE t.id = %s AND {_ON_THE_LINE}"  # noqa: S608 - a text of our own

_LATE = f"""
SELECT t.id, t.lease, c.cancelled, b.state, b.deleting,
    EXISTS (SELECT 1 FROM store_stopnumber s WHERE s.account_id = t.account_id AND s.number = c.number),
    {_ON_THE_LINE},
    t.trunk_id, t.batch_id, t.account_id, b.cps, b.tat, a.cps, a.tat
FROM store_attempt t JOIN store_call c ON c.id = t.call_id JOIN store_batch b ON b.id = t.batch_id
    JOIN store_account a ON a.id = t.account_id
WHERE t.id IN %s AND t.ended_at IS NULL
"""  # noqa: S608 - a text of our own

_COUNTED = {
    Role.CLIENT: "UPDATE store_call SET client_dials = client_dials + 1 WHERE id = %s",
    Role.OPERATOR: "UPDATE store_call SET operator_dials = operator_dials + 1 WHERE id = %s",
}
