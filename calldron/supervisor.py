"""Several processes as one: starts them, restarts those that die, and stops them, the last first.

A part may need those before it while it stops: the sandbox carrier has to be there until the dialer let its calls end.
A part that keeps dying is restarted ever more slowly, and said so each time; it is never given up silently.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

PAUSES = (0.2, 1.0, 5.0, 15.0)
HEALTHY_AFTER = 60.0  # seconds up, after which earlier deaths are forgotten
DUE_AGAIN = 2.0  # seconds until a part that is not due is asked about again
WIND_DOWN = 45.0  # seconds that a part may take to stop besides what it waits for


@dataclass(frozen=True, slots=True)
class Part:
    """A ``calldron`` command that is kept running, from when it is ``due`` on. That is asked in a thread."""

    name: str
    arguments: Sequence[str]
    due: Callable[[], bool] = lambda: True


async def supervise(parts: Sequence[Part], *, stop_within: float = WIND_DOWN) -> None:
    """Keep the parts running until SIGTERM or SIGINT; a second signal is passed on, which makes them hurry. Who has not
    stopped after ``stop_within`` seconds is killed."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    keepers = [_Keeper(part, stopping, stop_within) for part in parts]

    def stop() -> None:
        stopping.set()
        for keeper in keepers:
            keeper.hurry()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as tasks:
        for keeper in keepers:
            tasks.create_task(keeper.keep(), name=keeper.part.name)
        await stopping.wait()
        for keeper in reversed(keepers):
            await keeper.stop()


class _Keeper:
    """Keeps one part running until it is told to stop it."""

    def __init__(self, part: Part, stopping: asyncio.Event, stop_within: float) -> None:
        self.part = part
        self._stopping = stopping
        self._stop_within = stop_within
        self._process: asyncio.subprocess.Process | None = None
        self._told = False
        self._over = asyncio.Event()

    async def keep(self) -> None:
        """Start the part, and start it again when it dies, ever more slowly, until all are to stop."""
        deaths = 0
        try:
            await self._until_due()
            while not self._stopping.is_set():
                started = time.monotonic()
                # Its own session: a Ctrl-C at the terminal reaches the supervisor alone, which then stops the parts.
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "calldron.cli", *self.part.arguments, start_new_session=True
                )
                if self._told:  # while it was being started
                    self._signal()
                code = await self._process.wait()
                if self._stopping.is_set():
                    return
                deaths = 0 if time.monotonic() - started > HEALTHY_AFTER else deaths + 1
                pause = PAUSES[min(deaths, len(PAUSES) - 1)]
                log.error("a part died and is started again", part=self.part.name, exit=code, pause=pause)
                await self._rest(pause)
        finally:
            self._over.set()

    async def _until_due(self) -> None:
        while not self._stopping.is_set() and not await asyncio.to_thread(self.part.due):
            await self._rest(DUE_AGAIN)

    async def _rest(self, pause: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause)

    def hurry(self) -> None:
        """Signal again a part that was told to stop before."""
        if self._told:
            self._signal()

    async def stop(self) -> None:
        """Tell the part to stop and wait until it has."""
        self._told = True
        self._signal()
        try:
            await asyncio.wait_for(self._over.wait(), self._stop_within)
        except TimeoutError:
            log.error("a part did not stop in time and is killed", part=self.part.name)
            if self._process is not None and self._process.returncode is None:
                self._process.kill()

    def _signal(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
