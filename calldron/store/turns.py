"""Which batches have their turn: those that run and may have calls due, the ones that wait longest first."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.numbers import as_dialled
from calldron.domain.plan import Plan
from calldron.domain.retry import Dials
from calldron.domain.schedule import Window
from calldron.domain.zones import zone
from calldron.store.counters import NEVER
from calldron.store.session import Row, Session, moment


@dataclass(frozen=True, slots=True)
class Turn:
    """A batch as its calls are dialled now."""

    id: int
    account_id: int
    kind: BatchType
    confirmation: Confirmation
    confirm_digits: str
    window: Window
    attempts: int
    call_delay: float
    ring_timeout: float
    secretary_after: float
    operator: str
    caller_id: str  # "": the trunk's
    sound_id: int | None
    record: bool

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
        )


def ready(session: Session, now: datetime, *, urgent: bool, limit: int) -> list[Turn]:
    """Up to ``limit`` batches to look at, the one served longest ago first. ``urgent``: instant and callback."""
    return [_turn(row) for row in session.rows(_URGENT if urgent else _PATIENT, now, limit)]


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
def window_of(time_zone: str, minute_from: int | None, minute_to: int | None) -> Window:
    """The window of a batch from its columns. Raises ``UnknownZone``."""
    return Window(zone(time_zone), minute_from, minute_to)


def _turn(row: Row) -> Turn:
    batch, account, kind, confirmation, digits, time_zone, minute_from, minute_to, *rest = row
    window = window_of(time_zone, minute_from, minute_to)
    turn = Turn(batch, account, BatchType(kind), Confirmation(confirmation), digits, window, *rest)
    return replace(turn, operator=as_dialled(turn.operator), caller_id=as_dialled(turn.caller_id))


_READY = """
b.state = 'running' AND NOT b.deleting AND (b.wait_until IS NULL OR b.wait_until <= %s)
"""

_BATCHES = """
SELECT b.id, b.account_id, b.type, b.confirmation, b.confirm_digits, b.time_zone, b.minute_from, b.minute_to,
    b.attempts, b.call_delay, b.ring_timeout, b.timeout_before_intro_callback, b.callback,
    CASE WHEN b.caller_id = '' THEN a.caller_id ELSE b.caller_id END, b.intro_id, b.record
FROM store_batch b JOIN store_account a ON a.id = b.account_id
WHERE
"""

_ONE = "SELECT 1 FROM store_batch b WHERE"

_ANY = _ONE + _READY + "LIMIT 1"
_URGENT = _BATCHES + _READY + "AND b.type <> 'batch' ORDER BY b.served, b.id LIMIT %s"
_PATIENT = _BATCHES + _READY + "AND b.type = 'batch' ORDER BY b.served, b.id LIMIT %s"
