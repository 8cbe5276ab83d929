"""Repeats the 2xx to an INVITE until its ACK comes (RFC 3261 section 13.3.1.4), over TCP too."""

import asyncio
from collections.abc import Callable

from calldron.engines.sip.transaction import Timing


class Repeater:
    """``send`` is called after T1, 2*T1 and so on up to every T2; ``give_up`` once 64*T1 have passed."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, timing: Timing, send: Callable[[], None], give_up: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._timing = timing
        self._send = send
        self._give_up = give_up
        self._interval = timing.t1
        self._end = loop.time() + timing.patience
        self._handle = loop.call_later(self._interval, self._repeat)

    def stop(self) -> None:
        """The ACK came, or the call is over."""
        self._handle.cancel()

    def _repeat(self) -> None:
        if self._loop.time() >= self._end:
            self._give_up()
            return
        self._send()
        self._interval = min(2 * self._interval, self._timing.t2)
        pause = min(self._interval, self._end - self._loop.time())
        self._handle = self._loop.call_later(max(pause, 0.0), self._repeat)
