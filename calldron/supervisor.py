"""Several processes as one: starts them, restarts those that die, and stops them together.

A part that keeps dying is restarted ever more slowly, and said so each time; it is never given up silently.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)

PAUSES = (0.2, 1.0, 5.0, 15.0)
HEALTHY_AFTER = 60.0  # seconds up, after which earlier deaths are forgotten
STOP_WITHIN = 75.0  # seconds; longer than a dialer may drain


@dataclass(frozen=True, slots=True)
class Part:
    """A ``calldron`` command that is kept running."""

    name: str
    arguments: Sequence[str]


async def supervise(parts: Sequence[Part]) -> None:
    """Keep the parts running until SIGTERM or SIGINT; a second signal is passed on, which makes them hurry."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    running: dict[str, asyncio.subprocess.Process] = {}

    def stop() -> None:
        stopping.set()
        for process in running.values():
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with asyncio.TaskGroup() as keepers:
        for part in parts:
            keepers.create_task(_keep(part, running, stopping), name=part.name)


async def _keep(part: Part, running: dict[str, asyncio.subprocess.Process], stopping: asyncio.Event) -> None:
    deaths = 0
    while not stopping.is_set():
        started = time.monotonic()
        # Its own session: a Ctrl-C at the terminal reaches the supervisor alone, which then stops the parts in order.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "calldron.cli", *part.arguments, start_new_session=True
        )
        running[part.name] = process
        if stopping.is_set():  # the signal came while it was being started
            process.terminate()
        code = await _ended(process, stopping)
        if stopping.is_set():
            return
        deaths = 0 if time.monotonic() - started > HEALTHY_AFTER else deaths + 1
        pause = PAUSES[min(deaths, len(PAUSES) - 1)]
        log.error("a part died and is started again", part=part.name, exit=code, pause=pause)
        try:
            await asyncio.wait_for(stopping.wait(), pause)
        except TimeoutError:
            continue


async def _ended(process: asyncio.subprocess.Process, stopping: asyncio.Event) -> int:
    """The exit code; a part that does not stop in time is killed."""
    ended = asyncio.create_task(process.wait())
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            done, _ = await asyncio.wait({ended}, timeout=STOP_WITHIN)
            if not done:
                log.error("a part did not stop in time and is killed", pid=process.pid)
                process.kill()
        return await ended
    finally:
        stop.cancel()
