"""The dialer as a running thing: named tasks that may not die unseen, and a stop in stages."""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from calldron.dialer.journal import Journal
from calldron.dialer.ports import Clock, Engine, Store
from calldron.dialer.prompts import Prompts
from calldron.dialer.recordings import Recordings
from calldron.dialer.rescuer import Rescuer
from calldron.dialer.scheduler import Scheduler
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

REMINDER = 10.0  # seconds between two words on what a stop waits for


@dataclass(frozen=True, slots=True)
class Settings:
    """``lease``, ``drain`` and ``apart`` (between two claims, and two writings of what calls report) in seconds;
    ``tracks`` and ``recordings`` are folders."""

    max_calls: int
    lease: float
    drain: float
    tracks: Path
    recordings: Path
    apart: float = 0.02


class Dialer:
    """One node's dialer. ``run`` returns after ``stop``; it raises where one of its parts died."""

    def __init__(self, store: Store, engine: Engine, prompts: Prompts, clock: Clock, settings: Settings) -> None:
        lease = timedelta(seconds=settings.lease)
        self._store = store
        self._engine = engine
        self._prompts = prompts
        self._clock = clock
        self._settings = settings
        self._journal = Journal(store, clock, apart=settings.apart)
        self._recordings = Recordings(engine, store, clock, settings.tracks, settings.recordings)
        self._scheduler = Scheduler(
            store,
            engine,
            self._journal,
            prompts,
            self._recordings,
            clock,
            max_calls=settings.max_calls,
            lease=lease,
            apart=settings.apart,
        )
        self._rescuer = Rescuer(store, self._scheduler, self._recordings, clock, lease)
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._enough = asyncio.Event()

    def stop(self) -> None:
        """Stop in stages: dial no more, let calls end, hang up, write. A second call skips the letting, a third all
        waiting but for the hang-ups: what is not written then is ended as ``unknown`` once its lease is over."""
        self._scheduler.stop()
        for stage in (self._stopping, self._hurry, self._enough):
            if not stage.is_set():
                stage.set()
                break

    async def run(self) -> None:
        """Dial until ``stop``. The store must be open; the engine is started and stopped here."""
        await self._engine.start()
        try:
            await self._prompts.start()
            await self._run_parts()
        finally:
            await self._engine.stop()

    async def _run_parts(self) -> None:
        dialing = self._part("scheduler", self._scheduler.run())
        parts = {
            dialing,
            self._part("journal", self._journal.run()),
            self._part("recordings", self._recordings.run()),
            self._part("rescuer", self._rescuer.run()),
            self._part("changes", self._follow_changes()),
        }
        stopping = asyncio.create_task(self._stopping.wait(), name="stop")
        try:
            done, _ = await asyncio.wait({stopping, *parts}, return_when=asyncio.FIRST_COMPLETED)
            if stopping not in done:
                raise _death(done)
            await self._wind_down(dialing, parts - {dialing})
        finally:
            for task in (stopping, *parts):
                task.cancel()
            await asyncio.gather(stopping, *parts, return_exceptions=True)

    async def _wind_down(self, dialing: asyncio.Task[None], parts: set[asyncio.Task[None]]) -> None:
        log.info("stopping", calls=self._scheduler.calls_up)
        finished = asyncio.create_task(self._end_calls(dialing), name="end calls")
        enough = asyncio.create_task(self._enough.wait(), name="stop at once")
        try:
            while not finished.done():
                done, _ = await asyncio.wait(
                    {finished, enough, *parts}, timeout=REMINDER, return_when=asyncio.FIRST_COMPLETED
                )
                if died := done & parts:
                    raise _death(died)
                if enough in done:
                    log.error("stopped at once, this is left undone", **self._left())
                    return
                if not done:
                    log.info("still stopping, waiting for this", **self._left())
            await finished
        finally:
            finished.cancel()
            enough.cancel()

    def _left(self) -> dict[str, int]:
        return {
            "calls": self._scheduler.calls_up,
            "writes": self._journal.waiting,
            "recordings": self._recordings.waiting,
        }

    async def _end_calls(self, dialing: asyncio.Task[None]) -> None:
        await dialing  # a last claim may come in; its calls are ended like the others
        hurry = asyncio.create_task(self._hurry.wait())
        empty = asyncio.create_task(self._scheduler.empty())
        await asyncio.wait({hurry, empty}, timeout=self._settings.drain, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        self._scheduler.hang_up()
        await empty
        await self._journal.drained()
        await self._recordings.drained()

    async def _follow_changes(self) -> None:
        """What others committed may free calls, take calls back or remove batches."""
        missed = False
        while True:
            try:
                missed = await self._store.wait_for_change(timeout=1.0) or missed
                if missed:
                    await self._scheduler.withdraw()
                    self._scheduler.look()
                    missed = False
                await self._recordings.unlink(await self._store.expunge())
            except StoreUnavailable as error:
                log.warning("store away, changes are not seen", error=str(error))
                missed = True
                await self._clock.sleep(1.0)

    def _part(self, name: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)


def _death(done: Iterable[asyncio.Task[Any]]) -> BaseException:
    task = next(iter(done))
    error = task.exception()
    log.error("a part of the dialer died", part=task.get_name(), error=repr(error))
    return error or RuntimeError(f"{task.get_name()} returned, which it never should")
