"""One time for all nodes of a database: the database's own.

Leases, paces and windows are compared between nodes. A machine's wall clock may be wrong or jump; its monotonic clock
does not, so that between two looks at the database's clock time goes on by that.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog

from calldron.dialer.ports import Clock
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

EVERY = 5.0  # seconds between two looks; a quartz drifts by some 50 microseconds meanwhile


class SharedClock:
    """Implements ``Clock``. ``clock``: this machine's, for its monotonic time. ``ask``: the database's time, now.
    ``synchronise`` once before anybody asks it."""

    def __init__(self, clock: Clock, ask: Callable[[], Awaitable[datetime]]) -> None:
        self._clock = clock
        self._ask = ask
        self._started = datetime.min.replace(tzinfo=UTC)  # when the monotonic clock showed 0, by the database's

    def now(self) -> datetime:
        """The database's wall-clock time, aware, UTC."""
        return self._started + timedelta(seconds=self._clock.monotonic())

    def monotonic(self) -> float:
        """The machine's."""
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """By the machine's monotonic clock."""
        await self._clock.sleep(seconds)

    async def synchronise(self) -> None:
        """Look at the database's clock; its answer is taken for the time half-way through the wait for it. Raises
        ``StoreUnavailable``."""
        asked = self._clock.monotonic()
        answer = await self._ask()
        middle = (asked + self._clock.monotonic()) / 2
        self._started = answer - timedelta(seconds=middle)

    async def run(self) -> None:
        """Keep in time until cancelled. While the database is away time goes on as it did."""
        while True:
            await self._clock.sleep(EVERY)
            try:
                await self.synchronise()
            except StoreUnavailable as error:
                log.warning("store away, its clock is not looked at", error=str(error))
