"""What holds the calls of a batch at a moment, by the same functions that a claim goes by: read, and nothing locked."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from calldron.domain.batch import BatchState
from calldron.domain.retry import Dials
from calldron.domain.rule import Hold, Rule
from calldron.store.counters import NEVER
from calldron.store.gate import Gate, stopped
from calldron.store.limits import Limits
from calldron.store.lines import Lines
from calldron.store.session import Session, moment
from calldron.store.turns import Turn

_CHANNELS = frozenset({Rule.TRUNK_CHANNELS, Rule.BATCH_CHANNELS, Rule.ACCOUNT_CHANNELS})
_OF_STATE = {
    BatchState.FRESH: Rule.BATCH_FRESH,
    BatchState.PAUSED: Rule.BATCH_PAUSED,
    BatchState.STOPPED: Rule.BATCH_STOPPED,
}
_A_SECOND = timedelta(seconds=1)
_STEPS = 100  # rules that wait for each other give in long before


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a call is. ``due_at`` is ``None`` while it is up, and once it is final."""

    number: str
    final: bool
    due_at: datetime | None
    held_by: str
    client_dials: int
    operator_dials: int


class Look:
    """The rules as they are at ``now`` for one batch, whose row says ``state`` and ``wait_until``. A dialer that was
    seen since ``seen_since`` is alive."""

    def __init__(
        self,
        session: Session,
        turn: Turn,
        state: BatchState,
        wait_until: datetime | None,
        now: datetime,
        seen_since: datetime,
    ) -> None:
        row = session.row("SELECT MAX(seen_at) FROM store_noderow")
        self.turn = turn
        self.now = now
        self.dialer_seen_at = moment(row[0]) if row else None
        self._state = state
        self._wait_until = wait_until
        self._seen_since = seen_since
        self._session = session
        self._room = _Room(session, turn, now)

    def holds(self, call: Standing) -> Iterator[Hold]:
        """Every rule that holds the call now, in the order of ``Rule``: the first is the one to be told."""
        if call.final:
            yield Hold(Rule.FINAL)
        elif call.due_at is None:
            yield Hold(Rule.IN_PROGRESS)
        else:
            yield from self._holds_waiting(call, call.due_at)

    def holds_due(self) -> Iterator[Hold]:
        """Every rule that holds all of the batch's calls that are due now."""
        yield from self._holds_batch()
        yield from self._room.holds(self._batch_window(self.now), self.dials.channels)

    @property
    def dials(self) -> Dials:
        """Of a call of the batch that was never dialled."""
        return self.turn.dials(0, 0)

    def could_ever_take(self, channels: int) -> bool:
        """Whether trunks and limits have so many channels at all."""
        return self._room.could_ever_take(channels)

    def eligible_at(self, call: Standing) -> datetime | None:
        """When everything that goes by time lets the call go: a full second, unless it is now. ``None`` where something
        else has to happen first, or where nothing follows."""
        if call.due_at is None or _for_good(self.holds(call)):
            return None
        dials = self.turn.dials(call.client_dials, call.operator_dials)
        return self._free_at(call.due_at, call.number, dials.channels)

    def batch_eligible_at(self, due_at: datetime) -> datetime | None:
        """The same for the batch as a whole, whose first waiting call is due then."""
        if _for_good(self._holds_batch()):
            return None
        return self._free_at(due_at, None, self.dials.channels)

    def _holds_waiting(self, call: Standing, due_at: datetime) -> Iterator[Hold]:
        dials = self.turn.dials(call.client_dials, call.operator_dials)
        yield from self._holds_state()
        if stopped(self._session, self.turn.account_id, call.number):
            yield Hold(Rule.STOP_LIST)
        if dials.first is None:
            yield Hold(Rule.ATTEMPTS)
        yield from self._holds_dialer()
        waits = Hold(Rule(call.held_by or Rule.RETRY_DELAY), due_at) if due_at > self.now else None
        own = self._of_number(call.number, self.now)
        both = [hold for hold in (waits, own) if hold is not None]
        if waits is not None and own is not None and waits.rule is own.rule:
            both = [waits]
        yield from sorted(both, key=lambda hold: _ORDER[hold.rule])
        yield from self._room.holds(None, dials.channels)

    def _holds_batch(self) -> Iterator[Hold]:
        yield from self._holds_state()
        yield from self._holds_dialer()

    def _holds_state(self) -> Iterator[Hold]:
        if self._state in _OF_STATE:
            yield Hold(_OF_STATE[self._state])

    def _holds_dialer(self) -> Iterator[Hold]:
        if self.dialer_seen_at is None or self.dialer_seen_at < self._seen_since:
            yield Hold(Rule.NO_DIALER)

    def _of_number(self, number: str, at: datetime) -> Hold | None:
        gate = Gate(self._session, self.turn.account_id, self.turn.quota, at)
        gate.know([number])
        return gate.hold(self.turn.hours, number)

    def _batch_window(self, at: datetime) -> Hold | None:
        """Of all numbers, where they share one."""
        if self.turn.hours.by_callee:
            return None
        window = self.turn.hours.window("")
        return None if window.is_open(at) else Hold(Rule.WINDOW, window.opens_at(at) or NEVER)

    def _free_at(self, due_at: datetime, number: str | None, channels: int) -> datetime | None:
        """The first moment from ``due_at`` on that every rule of time lets pass, going on from each to what it waits
        for. What is full now tells nothing of later."""
        at = self.now if due_at <= self.now else full_second(due_at)
        for _ in range(_STEPS):
            if at >= NEVER:
                return None
            own = self._batch_window(at) if number is None else self._of_number(number, at)
            room = self._room if at == self.now else _Room(self._session, self.turn, at)
            holds = list(room.holds(own, channels))
            if _for_good(holds) or not room.could_ever_take(channels):
                return None
            until = max([at, *(hold.until for hold in holds if hold.until is not None)])
            if holds and until == self.now:
                return None  # channels are all that it waits for
            if self._wait_until is not None and self._wait_until < NEVER:
                until = max(until, self._wait_until)
            if until == at:
                return at
            at = full_second(until)
        return None


def _for_good(holds: Iterable[Hold]) -> bool:
    """Whether one of them is none of time, nor of room that others will leave."""
    return any(hold.until is None and hold.rule not in _CHANNELS for hold in holds)


class _Room:
    """What trunks, batch and account have free at a moment."""

    def __init__(self, session: Session, turn: Turn, now: datetime) -> None:
        self._lines = Lines.load(session, now, lock=False)
        self._limits = Limits(self._lines.holdings, now)
        self._limits.know(turn.id, turn.account_id, turn.limit, turn.account_limit)
        self._turn = turn

    def holds(self, own: Hold | None, channels: int) -> Iterator[Hold]:
        """``own``, what holds the number or the batch itself, and then what keeps so many channels from leaving."""
        limits = self._limits.hold(self._turn.id, self._turn.account_id, channels)
        yield from (
            hold for hold in (own, self._lines.hold(channels, self._turn.only_trunk), limits) if hold is not None
        )

    def could_ever_take(self, channels: int) -> bool:
        """Whether trunks and limits have so many channels at all."""
        limits = self._limits.could_ever_take(self._turn.id, self._turn.account_id, channels)
        return limits and self._lines.could_ever_take(channels, self._turn.only_trunk)


def full_second(at: datetime) -> datetime:
    """The first full second from then on: what is told is told in seconds, and none of them may be too early."""
    full = at.replace(microsecond=0)
    return full if full == at or at >= NEVER else full + _A_SECOND


_ORDER = {rule: place for place, rule in enumerate(Rule)}
