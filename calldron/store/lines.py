"""What the trunks can take: the channels they have free and the calls their rate lets leave now."""

from dataclasses import dataclass
from datetime import UTC, datetime

from calldron.dialer.ports import Trunk
from calldron.domain.pacing import Gcra
from calldron.store.session import Row, Session


@dataclass(slots=True)
class Line:
    """A trunk during one claim. ``tat`` is the state of its pace."""

    trunk: Trunk
    pace: Gcra
    tat: float
    channels_held: int
    taken: int = 0

    def has_free(self, channels: int) -> bool:
        """Whether so many channels are free."""
        return not self.trunk.channels or self.channels_held + channels <= self.trunk.channels


class Lines:
    """The real trunks in the order in which they are tried; while there is none, the sandbox's."""

    def __init__(self, lines: list[Line], now: datetime) -> None:
        self._lines = lines
        self._now = now.timestamp()

    @classmethod
    def load(cls, session: Session, now: datetime) -> "Lines":
        """Read the trunks and what open attempts hold of them."""
        rows = session.rows(_TRUNKS + session.lock)
        if any(not sandbox for *_, sandbox in rows):
            rows = [row for row in rows if not row[-1]]
        held: dict[int, int] = dict(session.rows(_HELD))
        return cls([_line(row, held.get(row[0], 0)) for row in rows], now)

    @property
    def any(self) -> bool:
        """Whether there is a trunk."""
        return bool(self._lines)

    def take(self, channels: int) -> Trunk | None:
        """Spend one call of a rate and hold so many channels; ``None`` where no trunk has both."""
        for line in self._lines:
            ready = line.pace.ready(line.tat, self._now)
            if (ready is None or ready > 0) and line.has_free(channels):
                line.tat = line.pace.spent(line.tat, self._now, 1)
                line.channels_held += channels
                line.taken += 1
                return line.trunk
        return None

    def could_ever_take(self, channels: int) -> bool:
        """Whether any trunk has so many channels at all."""
        return any(not line.trunk.channels or line.trunk.channels >= channels for line in self._lines)

    def ready_at(self, channels: int) -> datetime | None:
        """When a call of so many channels may leave by the rates; ``None`` where it waits for a channel."""
        free = [line.pace.ready_at(line.tat, self._now) for line in self._lines if line.has_free(channels)]
        return datetime.fromtimestamp(min(free), UTC) if free else None

    def save(self, session: Session) -> None:
        """Write down what was spent."""
        spent = [(line.tat, line.trunk.id) for line in self._lines if line.taken and line.pace.rate]
        session.run_each("UPDATE store_trunkrow SET tat = %s WHERE id = %s", spent)


def spend(session: Session, trunk_id: int, now: datetime, calls: int) -> None:
    """Count calls that leave outside a claim: an operator is dialled for who has just confirmed, whatever the rate,
    and later calls make room for it."""
    row = session.row(_PACE + session.lock, trunk_id)
    if row is None:
        return
    cps, tat = row
    spent = Gcra.never_above(cps).spent(tat, now.timestamp(), calls)
    session.run("UPDATE store_trunkrow SET tat = %s WHERE id = %s", spent, trunk_id)


def _line(row: Row, held: int) -> Line:
    *fields, tat, _sandbox = row
    trunk = Trunk(*fields)  # the columns of _TRUNKS are its fields, in their order
    return Line(trunk, Gcra.never_above(trunk.cps), tat, held)


_TRUNKS = """
SELECT id, name, host, port, transport, username, password, caller_id, cps, channels, tat, sandbox
FROM store_trunkrow ORDER BY priority, id
"""

_PACE = "SELECT cps, tat FROM store_trunkrow WHERE id = %s"

_HELD = "SELECT trunk_id, SUM(channels) FROM store_attempt WHERE ended_at IS NULL GROUP BY trunk_id"
