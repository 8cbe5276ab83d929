"""From the tracks of a call that ended to its mp3, behind the calls that are up."""

import asyncio
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from calldron.dialer.ports import Clock, Engine, Store
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

RETRY_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Take:
    """Tracks that wait to be mixed. ``path``: the recording's, relative to the recordings folder."""

    attempt_id: int
    tracks: Path
    path: str


def recording_path(account_id: int, batch_id: int, call_id: int, attempt_id: int) -> str:
    """Where the recording of an attempt lives: one folder a batch, so that deleting a batch is cheap."""
    return f"{account_id}/{batch_id}/{call_id}-{attempt_id}.mp3"


class Recordings:
    """Mixes takes one after another. What is left in the tracks folder, by a dead process or since it could not be
    mixed, is found by ``recover``."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, tracks: Path, recordings: Path) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._tracks = tracks
        self._recordings = recordings
        self._takes: asyncio.Queue[Take] = asyncio.Queue()
        self._submitted: set[int] = set()  # attempts that are not done

    def tracks_of(self, attempt_id: int) -> Path:
        """The folder of an attempt's tracks."""
        return self._tracks / str(attempt_id)

    def submit(self, take: Take) -> None:
        """Mix this when its turn comes."""
        if take.attempt_id not in self._submitted:
            self._submitted.add(take.attempt_id)
            self._takes.put_nowait(take)

    @property
    def waiting(self) -> int:
        """How many takes were handed in and are not done."""
        return len(self._submitted)

    async def drained(self) -> None:
        """Wait until every take handed in is done."""
        await self._takes.join()

    async def recover(self, up: Collection[int] = ()) -> None:
        """Submit what a process left that died before it was mixed, whether the call was up then or over. ``up``:
        attempts of this process, whose tracks are still written even where the store holds them for over."""
        left = set(await asyncio.to_thread(self._left))
        for orphan in await self._store.unrecorded(sorted(left.difference(up))):
            path = recording_path(orphan.account_id, orphan.batch_id, orphan.call_id, orphan.attempt_id)
            self.submit(Take(orphan.attempt_id, self.tracks_of(orphan.attempt_id), path))

    def _left(self) -> list[int]:
        """The attempts of which there are tracks."""
        return [int(folder.name) for folder in self._tracks.glob("*") if folder.name.isdecimal()]

    async def run(self) -> None:
        """Mix until cancelled. Tracks that can't be mixed stay where they are, and the log says why."""
        while True:
            take = await self._takes.get()
            try:
                await self._mix(take)
            except (OSError, ValueError) as error:
                log.error(
                    "recording not mixed, it is tried again at the next start",
                    attempt=take.attempt_id,
                    tracks=str(take.tracks),
                    error=str(error),
                )
            finally:
                self._submitted.discard(take.attempt_id)
                self._takes.task_done()

    async def _mix(self, take: Take) -> None:
        target = self._recordings / take.path
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        seconds = await self._engine.render(take.tracks, target)
        if seconds is not None:
            while True:
                try:
                    if not await self._store.attach_recording(take.attempt_id, take.path, seconds):
                        await self.unlink([take.path])  # its batch was deleted while it was mixed
                    break
                except StoreUnavailable as error:
                    log.warning("store away, recording waits", attempt=take.attempt_id, error=str(error))
                    await self._clock.sleep(RETRY_PAUSE)
        await asyncio.to_thread(shutil.rmtree, take.tracks, ignore_errors=True)

    async def unlink(self, paths: list[str]) -> None:
        """Remove recordings of batches that are gone, and the folders this leaves empty."""
        await asyncio.to_thread(self._unlink, paths)

    def _unlink(self, paths: list[str]) -> None:
        for path in paths:
            file = self._recordings / path
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                log.error("recording of a deleted batch cannot be removed", file=str(file), error=str(error))
            with suppress(OSError):  # it is not empty, or gone already
                file.parent.rmdir()
