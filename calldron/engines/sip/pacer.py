"""Spreads what would otherwise happen all at once: a thousand hang-ups are a burst that loses packets."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

INTERVAL: Final = 0.002
"""Seconds between the turns of two actions."""

BURST: Final = 10
"""Actions that one wake-up may run: those whose turn passed while the event loop was busy."""


class Pacer:
    """Runs actions in order, ``INTERVAL`` apart; the first of a quiet time at once.

    Turns are counted from turn to turn, not from when a timer fired: a busy event loop wakes us milliseconds late, and
    each of them would make every action behind wait, until a thousand calls stay up seconds after they were hung up.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._turn = 0.0  # when the next action may run, by the event loop's clock
        self._handle: asyncio.TimerHandle | None = None

    def submit(self, action: Callable[[], None]) -> None:
        """Run this when it is its turn."""
        loop = asyncio.get_running_loop()
        if self._handle is not None or loop.time() < self._turn:
            self._waiting.append(action)
            self._sleep(loop)
        else:
            self._turn = loop.time() + INTERVAL
            action()

    def _sleep(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._handle is None:
            self._handle = loop.call_at(self._turn, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._handle = None
        now = loop.time()
        self._turn = max(self._turn, now - (BURST - 1) * INTERVAL)
        while self._waiting and self._turn <= now:
            self._turn += INTERVAL
            loop.call_soon(self._waiting.popleft())  # one that fails costs the others nothing
        if self._waiting:
            self._sleep(loop)
