"""Spreads what would otherwise happen all at once: a thousand hang-ups are a burst that loses packets."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

INTERVAL: Final = 0.002
"""Seconds between two actions."""


class Pacer:
    """Runs actions in order, ``INTERVAL`` apart; the first of a quiet time at once."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._handle: asyncio.TimerHandle | None = None

    def submit(self, action: Callable[[], None]) -> None:
        """Run this when it is its turn."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(INTERVAL, self._next)
            action()
        else:
            self._waiting.append(action)

    def _next(self) -> None:
        self._handle = None
        if self._waiting:
            self.submit(self._waiting.popleft())
