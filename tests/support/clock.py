"""A clock that stands still until a test turns it, and waiting for a condition instead of for time to pass."""

import asyncio
import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class HandClock:
    """Implements the dialer's ``Clock``. ``turn`` moves it and wakes whoever slept until then, in order.

    ``sleeps``: how often anybody went to sleep.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self.sleeps = 0
        self._passed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + seconds, next(self._order), woken))
        await woken

    @property
    def waits(self) -> list[float]:
        """How long whoever sleeps now has yet to sleep, shortest first."""
        return sorted(due - self._passed for due, _, woken in self._sleepers if not woken.done())

    def turn(self, seconds: float) -> None:
        """Let time pass; who sleeps until then is woken, and runs when the loop next does."""
        self._passed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._passed:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():  # a sleeper that was cancelled
                woken.set_result(None)


async def until(condition: Callable[[], object], *, deadline: float = 5.0) -> None:
    """Let the loop run until the condition holds; fails where it doesn't within ``deadline`` real seconds."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"still not so after {deadline} s"
        await asyncio.sleep(0)


async def settled(turns: int = 50) -> None:
    """Let everything that can run without time passing or threads answering run: for what must not happen."""
    for _ in range(turns):
        await asyncio.sleep(0)
