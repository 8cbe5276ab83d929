"""Which batches have their turn: those that run and may have calls due, the ones that wait longest first."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.numbers import as_dialled
from calldron.domain.plan import Plan
from calldron.domain.quota import Quota
from calldron.domain.retry import Dials, RetryPolicy
from calldron.domain.schedule import Window
from calldron.domain.zones import zone
from calldron.store.callee_zones import callee_zone
from calldron.store.counters import NEVER
from calldron.store.limits import Limit
from calldron.store.session import Row, Session, moment
from calldron.store.windows import window_of

CALLEE = "callee"  # in the place of a time zone: the one of each number


@dataclass(frozen=True, slots=True)
class Hours:
    """When a batch may dial, as its row says it. ``fallback``: the zone of numbers that don't tell theirs."""

    time_zone: str
    fallback: str
    minute_from: int | None
    minute_to: int | None
    days: str

    @property
    def by_callee(self) -> bool:
        """Whether every number has a window of its own."""
        return self.time_zone == CALLEE

    def window(self, number: str) -> Window:
        """The window in which this number may be dialled."""
        name = callee_zone(number, self.fallback) if self.by_callee else self.time_zone
        return window_of(name, self.minute_from, self.minute_to, self.days)


@dataclass(frozen=True, slots=True)
class Turn:
    """A batch as its calls are dialled now."""

    id: int
    account_id: int
    kind: BatchType
    confirmation: Confirmation
    confirm_digits: str
    opt_out_digit: str
    hours: Hours
    quota: Quota
    limit: Limit
    account_limit: Limit
    attempts: int
    call_delay: float
    ring_timeout: float
    secretary_after: float
    operator: str
    caller_id: str  # "": the trunk's
    sound_id: int | None
    record: bool
    only_trunk: int | None

    def dials(self, client: int, operator: int) -> Dials:
        """What a call that was dialled so often has left."""
        return Dials(self.kind, self.attempts, client, operator, bool(self.operator), self.sound_id is not None)

    def plan(self, dials: Dials) -> Plan:
        """What the next attempt at a call is to do."""
        return Plan(
            kind=self.kind,
            confirmation=self.confirmation,
            confirm_digits=self.confirm_digits,
            has_intro=self.sound_id is not None,
            has_operator=bool(self.operator),
            operator_tries=dials.operator_left,
            client_tries=dials.client_left,
            call_delay=self.call_delay,
            secretary_after=self.secretary_after,
            opt_out_digit=self.opt_out_digit,
        )


def ready(session: Session, now: datetime, *, urgent: bool, limit: int) -> list[Turn]:
    """Up to ``limit`` batches to look at, the one served longest ago first. ``urgent``: instant and callback. Batches
    that somebody is changing are left out: they come next time."""
    sql = (_URGENT if urgent else _PATIENT) + session.lock_free_of("b")
    return [_turn(row) for row in session.rows(sql, now, limit)]


def one(session: Session, batch_id: int) -> Turn | None:
    """A batch whatever its state, as it would be dialled."""
    row = session.row(_BATCHES + "b.id = %s", batch_id)
    return None if row is None else _turn(row)


def any_ready(session: Session, now: datetime) -> bool:
    """Whether a batch is to be looked at now."""
    return session.row(_ANY, now) is not None


def next_wait(session: Session, now: datetime) -> datetime | None:
    """When the first batch of those that wait is to be looked at again."""
    row = session.row(
        "SELECT MIN(wait_until) FROM store_batch"
        " WHERE state = 'running' AND NOT deleting AND wait_until > %s AND wait_until < %s",
        now,
        NEVER,
    )
    return moment(row[0]) if row else None


@lru_cache(maxsize=1024)
def retry_of(kept: str) -> RetryPolicy:
    """The retry policy of a batch from its column."""
    return RetryPolicy.read(json.loads(kept))


@lru_cache(maxsize=1024)
def quota_of(time_zone: str, day: int, week: int, month: int) -> Quota:
    """The quota of an account from its columns."""
    return Quota(zone(time_zone), day, week, month)


def _turn(row: Row) -> Turn:
    (batch, account, kind, confirmation, digits, opt_out, *rest) = row
    hours, rest = rest[:5], rest[5:]
    account_zone, day, week, month, *rest = rest
    limit, account_limit, rest = rest[:3], rest[3:6], rest[6:]
    attempts, call_delay, ring_timeout, secretary_after, operator, caller_id, sound, record, only_trunk = rest
    time_zone, fallback, minute_from, minute_to, days = hours
    return Turn(
        batch,
        account,
        BatchType(kind),
        Confirmation(confirmation),
        digits,
        opt_out,
        Hours(time_zone, fallback or account_zone, minute_from, minute_to, days),
        quota_of(account_zone, day, week, month),
        Limit(*limit),
        Limit(*account_limit),
        attempts,
        call_delay,
        ring_timeout,
        secretary_after,
        as_dialled(operator),
        as_dialled(caller_id),
        sound,
        record,
        only_trunk,
    )


_READY = """
b.state = 'running' AND NOT b.deleting AND (b.wait_until IS NULL OR b.wait_until <= %s)
"""

_BATCHES = """
SELECT b.id, b.account_id, b.type, b.confirmation, b.confirm_digits, b.opt_out_digit,
    b.time_zone, b.time_zone_fallback, b.minute_from, b.minute_to, b.days,
    a.time_zone, a.quota_day, a.quota_week, a.quota_month,
    b.cps, b.channels, b.tat, a.cps, a.channels, a.tat,
    b.attempts, b.call_delay, b.ring_timeout, b.timeout_before_intro_callback, b.callback,
    CASE WHEN b.caller_id = '' THEN a.caller_id ELSE b.caller_id END, b.intro_id, b.record,
    b.only_trunk
FROM store_batch b JOIN store_account a ON a.id = b.account_id
WHERE
"""

_ONE = "SELECT 1 FROM store_batch b WHERE"

_ANY = _ONE + _READY + "LIMIT 1"
_URGENT = _BATCHES + _READY + "AND b.type <> 'batch' ORDER BY b.served, b.id LIMIT %s"
_PATIENT = _BATCHES + _READY + "AND b.type = 'batch' ORDER BY b.served, b.id LIMIT %s"
