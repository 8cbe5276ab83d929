"""Beginnings that are kept apart, so that what comes in between is done together: a transaction costs the same for one
call as for ten."""

from calldron.dialer.ports import Clock


class Spacing:
    """``seconds`` from one beginning to the next at least; the first one, and one after a quiet time, is at once."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._next = 0.0

    async def turn(self) -> None:
        """Return when it may begin."""
        wait = self._next - self._clock.monotonic()
        if wait > 0:
            await self._clock.sleep(wait)
        self._next = self._clock.monotonic() + self._seconds
