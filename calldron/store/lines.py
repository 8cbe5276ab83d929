"""What the trunks can take: the channels they have free and the calls their rate lets leave now."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calldron.dialer.ports import Trunk
from calldron.domain.pacing import Gcra
from calldron.domain.rule import Hold, Rule
from calldron.domain.strain import Strain
from calldron.store.holdings import Holdings
from calldron.store.session import Row, Session

Passed = Callable[[], float]
"""Seconds since the moment that a unit of work was given."""


def no_time() -> float:
    """Nothing has passed."""
    return 0.0


@dataclass(slots=True)
class Line:
    """A trunk during one claim. ``tat`` is the state of its pace."""

    trunk: Trunk
    strain: Strain
    pace: Gcra
    tat: float
    channels_held: int
    taken: int = 0

    def has_free(self, channels: int) -> bool:
        """Whether so many channels are free."""
        return not self.trunk.channels or self.channels_held + channels <= self.trunk.channels

    def ready(self, now: float) -> bool:
        """Whether its rate lets a call leave."""
        ready = self.pace.ready(self.tat, now)
        return now >= self._opens() and (ready is None or ready > 0)

    def ready_at(self, now: float) -> float:
        """When its rate lets a call leave."""
        return max(self._opens(), self.pace.ready_at(self.tat, now))

    def spend(self, now: float) -> float:
        """Count a call that leaves, if need be ahead of its time; the seconds it has to wait."""
        wait = self.ready_at(now) - now
        self.tat = self.pace.spent(self.tat, now, 1)
        self.taken += 1
        return wait

    def _opens(self) -> float:
        return self.strain.until.timestamp() if self.strain.until else 0.0


class Lines:
    """The real trunks in the order in which they are tried; while there is none, the sandbox's.

    Loading them locks them, so that whoever decides about dials does so alone, whatever the number of nodes: limits and
    quotas are exact because of it. What open attempts hold is read once they are locked, and kept as ``holdings``;
    ``now`` is the time then, ``waited`` seconds after it was asked for.
    """

    def __init__(self, lines: list[Line], holdings: Holdings, now: datetime, waited: float = 0.0) -> None:
        self.now = now
        self.waited = waited
        self.holdings = holdings
        self._lines = lines
        self._now = now.timestamp()

    @classmethod
    def load(cls, session: Session, now: datetime, *, lock: bool = True, passed: Passed = no_time) -> "Lines":
        """Read the trunks and what is held of them. ``passed`` since ``now``, while others held the
        locks."""
        rows = session.rows(_TRUNKS + (session.lock if lock else ""))
        waited = passed()
        now += timedelta(seconds=waited)
        if any(not sandbox for *_, sandbox in rows):
            rows = [row for row in rows if not row[-1]]
        holdings = Holdings.load(session)
        return cls([_line(row, holdings.trunks[row[0]], now) for row in rows], holdings, now, waited)

    @property
    def any(self) -> bool:
        """Whether there is a trunk."""
        return bool(self._lines)

    def take(self, channels: int, only: int | None = None) -> Trunk | None:
        """Spend one call of a rate and hold so many channels; ``None`` where no trunk has both. ``only``, here and
        below: the one trunk that it may be, for a call that tests it."""
        for line in self._those(only):
            if line.ready(self._now) and line.has_free(channels):
                line.spend(self._now)
                line.channels_held += channels
                return line.trunk
        return None

    def spend(self, trunk_id: int) -> float:
        """Count a call that leaves over this trunk outside a claim: an operator is dialled for who has just confirmed,
        and later calls make room for it. The seconds it has to wait."""
        return next((line.spend(self._now) for line in self._lines if line.trunk.id == trunk_id), 0.0)

    def hold(self, channels: int, only: int | None = None) -> Hold | None:
        """What keeps a call of so many channels from leaving over any trunk now."""
        lines = self._those(only)
        if not lines:
            return Hold(Rule.NO_TRUNK)
        wide = [line for line in lines if line.has_free(channels)]
        if not wide:
            return Hold(Rule.TRUNK_CHANNELS)
        if any(line.ready(self._now) for line in wide):
            return None
        first = min(wide, key=lambda line: line.ready_at(self._now))
        slowed = first.strain.level or first.strain.until
        rule = Rule.TRUNK_SLOWED if slowed else Rule.TRUNK_RATE
        return Hold(rule, datetime.fromtimestamp(first.ready_at(self._now), UTC))

    def could_ever_take(self, channels: int, only: int | None = None) -> bool:
        """Whether any trunk has so many channels at all."""
        return any(not line.trunk.channels or line.trunk.channels >= channels for line in self._those(only))

    def ready_at(self, channels: int, only: int | None = None) -> datetime | None:
        """When a call of so many channels may leave by the rates; ``None`` where it waits for a channel."""
        free = [line.ready_at(self._now) for line in self._those(only) if line.has_free(channels)]
        return datetime.fromtimestamp(min(free), UTC) if free else None

    def _those(self, only: int | None) -> list[Line]:
        return self._lines if only is None else [line for line in self._lines if line.trunk.id == only]

    def save(self, session: Session) -> None:
        """Write down what was spent."""
        spent = [(line.tat, line.trunk.id) for line in self._lines if line.taken and line.pace.rate]
        session.run_each("UPDATE store_trunkrow SET tat = %s WHERE id = %s", spent)


def _line(row: Row, held: int, now: datetime) -> Line:
    *fields, tat, level, changed_at, until, _sandbox = row
    trunk = Trunk(*fields)  # the columns of _TRUNKS are its fields, in their order
    strain = Strain(level, changed_at, until).at(now)
    return Line(trunk, strain, strain.pace(trunk.cps), tat, held)


_TRUNKS = """
SELECT id, name, host, port, transport, username, password, caller_id, cps, channels,
    tat, strain, strain_changed_at, strain_until, sandbox
FROM store_trunkrow ORDER BY priority, id
"""
