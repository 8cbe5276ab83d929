"""One time for all nodes of a database: the database's own.

Leases, paces and windows are compared between nodes. A machine's wall clock may be wrong or jump; its monotonic clock
does not, so that between two looks at the database's clock time goes on by that.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from calldron.dialer.ports import Clock
from calldron.domain.errors import StoreUnavailable
from calldron.store.session import Session, moment

log = structlog.get_logger(__name__)

EVERY = 5.0  # seconds between two looks; a quartz drifts by some 50 microseconds meanwhile
LOOKS = 5  # at once, of which the quickest counts: what an answer waited for somewhere makes it wrong by as much
JUMP = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database's clock showed between two moments of a monotonic clock, in seconds."""

    shown: datetime
    asked: float
    answered: float

    @property
    def took(self) -> float:
        """Seconds; the reading is right to half of it."""
        return self.answered - self.asked


Monotonic = Callable[[], float]


def read(session: Session, monotonic: Monotonic) -> Reading:
    """Look at the database's clock, next to it: whoever asks may have waited for the thread."""
    return min((_look(session, monotonic) for _ in range(LOOKS)), key=lambda reading: reading.took)


def _look(session: Session, monotonic: Monotonic) -> Reading:
    asked = monotonic()
    row = session.row(_NOW if session.lock else _NOW_OF_SQLITE)
    answered = monotonic()
    shown = moment(row[0]) if row else None
    if shown is None:
        raise LookupError("The database does not say what time it is.")
    return Reading(shown, asked, answered)


_NOW = "SELECT clock_timestamp()"
_NOW_OF_SQLITE = "SELECT strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')"


class SharedClock:
    """Implements ``Clock``. ``clock``: this machine's, for its monotonic time. ``look``: reads the database's by it.
    ``synchronise`` once before anybody asks it."""

    def __init__(self, clock: Clock, look: Callable[[Monotonic], Awaitable[Reading]]) -> None:
        self._clock = clock
        self._look = look
        self._started: datetime | None = None  # when the monotonic clock showed 0, by the database's

    def now(self) -> datetime:
        """The database's wall-clock time, aware, UTC."""
        if self._started is None:
            raise RuntimeError("This clock was never set.")
        return self._started + timedelta(seconds=self._clock.monotonic())

    def monotonic(self) -> float:
        """The machine's."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """By the machine's monotonic clock."""
        await self._clock.sleep(seconds)

    async def synchronise(self) -> None:
        """Look at the database's clock; what it showed is taken for the time half-way through the wait for it. Raises
        ``StoreUnavailable``."""
        reading = await self._look(self._clock.monotonic)
        started = reading.shown - timedelta(seconds=(reading.asked + reading.answered) / 2)
        if self._started is not None and abs(jump := (started - self._started).total_seconds()) > JUMP:
            log.warning("the clock of the database was set, and ours with it", seconds=round(jump, 3))
        self._started = started

    async def run(self) -> None:
        """Keep in time until cancelled. While the database is away time goes on as it did."""
        while True:
            await self._clock.sleep(EVERY)
            try:
                await self.synchronise()
            except StoreUnavailable as error:
                log.warning("store away, its clock is not looked at", error=str(error))
