"""From the tracks of a call that ended to its mp3, behind the calls that are up."""

import asyncio
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from calldron.dialer.ports import Clock, Engine, Recording, Store
from calldron.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

RETRY_PAUSE = 1.0
# Takes that the engine has in hand: its processes need not wait for what comes before and after a mix.
AT_ONCE = 4


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
    """Mixes takes in the order in which they come. What is left in the tracks folder, by a dead process or since it
    could not be mixed, is found by ``recover``."""

    def __init__(self, engine: Engine, store: Store, clock: Clock, tracks: Path, recordings: Path) -> None:
        self._engine = engine
        self._store = store
        self._clock = clock
        self._tracks = tracks
        self._recordings = recordings
        self._takes: asyncio.Queue[Take] = asyncio.Queue()
        self._mixed: asyncio.Queue[tuple[Take, float | None]] = asyncio.Queue()  # with its seconds, if it has any
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
        work = [asyncio.create_task(self._mix(), name=f"mixer {number}") for number in range(AT_ONCE)]
        work.append(asyncio.create_task(self._keep(), name="keeper of recordings"))
        try:
            await asyncio.gather(*work)
        finally:
            for task in work:
                task.cancel()

    async def _mix(self) -> None:
        while True:
            take = await self._takes.get()
            try:
                seconds = await self._engine.render(take.tracks, self._recordings / take.path)
            except (OSError, ValueError) as error:
                log.error(
                    "recording not mixed, it is tried again at the next start",
                    attempt=take.attempt_id,
                    tracks=str(take.tracks),
                    error=str(error),
                )
                self._done(take)
            else:
                self._mixed.put_nowait((take, seconds))

    async def _keep(self) -> None:
        """Let the store know of what is mixed, all that came meanwhile at once; then the tracks may go."""
        while True:
            mixed = [await self._mixed.get()]
            while not self._mixed.empty():
                mixed.append(self._mixed.get_nowait())
            await self._attach([Recording(take.attempt_id, take.path, sec) for take, sec in mixed if sec is not None])
            await asyncio.to_thread(_remove, [take.tracks for take, _ in mixed])
            for take, _ in mixed:
                self._done(take)

    async def _attach(self, finished: Sequence[Recording]) -> None:
        while finished:
            try:
                kept = await self._store.attach_recordings(finished)
            except StoreUnavailable as error:
                log.warning("store away, recordings wait", recordings=len(finished), error=str(error))
                await self._clock.sleep(RETRY_PAUSE)
            else:
                # The others' batches were deleted while they were mixed.
                await self.unlink([one.path for one, named in zip(finished, kept, strict=True) if not named])
                return

    def _done(self, take: Take) -> None:
        self._submitted.discard(take.attempt_id)
        self._takes.task_done()

    async def unlink(self, paths: list[str]) -> None:
        """Remove recordings of batches that are gone, and the folders this leaves empty."""
        if paths:
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


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
