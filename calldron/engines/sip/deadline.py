"""The end of a wait for the other side, in a process that may be frozen (SIGSTOP, a suspended machine)."""

import asyncio
from collections.abc import Callable
from typing import Final

GRACE: Final = 1.0
"""Seconds by which a deadline may be late, and for which it then lets the sockets be read first."""


class Deadline:
    """Calls ``act`` after ``seconds``. Where that comes late, what was waited for may lie in the socket, unread: then
    it waits for ``GRACE`` seconds more, and is ``overslept``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, act: Callable[[], None]) -> None:
        self.overslept = False
        self._loop = loop
        self._act = act
        self._handle = loop.call_later(seconds, self._due)

    def cancel(self) -> None:
        """Nothing is waited for any more."""
        self._handle.cancel()

    def _due(self) -> None:
        if self._loop.time() - self._handle.when() < GRACE:
            self._act()
        else:
            self.overslept = True
            self._handle = self._loop.call_later(GRACE, self._due)
