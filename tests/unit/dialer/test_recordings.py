"""From tracks to mp3: mixed, recovered, kept while the store is away, unlinked."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore
from support.scripted_engine import ScriptedEngine

from calldron.dialer.ports import Orphan, Recording
from calldron.dialer.recordings import RETRY_PAUSE, Recordings, Take, recording_path


class Desk:
    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.clock = HandClock()
        self.engine = ScriptedEngine()
        self.folder = folder
        self.recordings = Recordings(self.engine, self.store, self.clock, folder / "tracks", folder / "recordings")
        self.running = asyncio.create_task(self.recordings.run())

    def take(self, attempt: int) -> Take:
        tracks = self.recordings.tracks_of(attempt)
        tracks.mkdir(parents=True)
        (tracks / "client.raw").write_bytes(b"samples")
        return Take(attempt, tracks, recording_path(1, 2, 3, attempt))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.running.cancel()
    await asyncio.gather(desk.running, return_exceptions=True)


async def test_a_take_is_mixed_attached_and_its_tracks_removed(desk: Desk) -> None:
    take = desk.take(7)
    desk.recordings.submit(take)
    await desk.recordings.drained()
    assert desk.store.committed("attach") == [Recording(7, "1/2/3-7.mp3", 1.5)]
    assert (desk.folder / "recordings/1/2/3-7.mp3").is_file()
    assert not take.tracks.exists()


async def test_where_nothing_was_recorded_nothing_is_attached(desk: Desk) -> None:
    desk.engine.seconds = None
    take = desk.take(7)
    desk.recordings.submit(take)
    await desk.recordings.drained()
    assert not desk.store.committed("attach")
    assert not take.tracks.exists()


async def test_tracks_stay_until_the_store_knows_of_their_recording(desk: Desk) -> None:
    desk.store.away = 2
    take = desk.take(7)
    desk.recordings.submit(take)
    for _ in range(2):
        await until(lambda: desk.clock.waits == [RETRY_PAUSE])
        assert take.tracks.is_dir()
        desk.clock.turn(RETRY_PAUSE)
    await desk.recordings.drained()
    assert desk.store.committed("attach") == [Recording(7, "1/2/3-7.mp3", 1.5)]
    assert not take.tracks.exists()
    assert len(desk.engine.rendered) == 1, "mixed once, attached when possible"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("broken track")])
async def test_what_cannot_be_mixed_keeps_its_tracks_and_holds_nobody_up(desk: Desk, error: Exception) -> None:
    desk.engine.render_error = error
    broken = desk.take(7)
    desk.recordings.submit(broken)
    await desk.recordings.drained()
    assert (broken.tracks / "client.raw").is_file()
    desk.engine.render_error = None
    desk.recordings.submit(desk.take(8))
    await desk.recordings.drained()
    assert desk.store.committed("attach") == [Recording(8, "1/2/3-8.mp3", 1.5)]


async def test_an_error_nobody_foresaw_is_not_swallowed(desk: Desk) -> None:
    desk.engine.render_error = ZeroDivisionError("a defect")
    desk.recordings.submit(desk.take(7))
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(asyncio.shield(desk.running), 5)


async def test_the_leavings_of_a_dead_process_become_recordings(desk: Desk) -> None:
    desk.take(7)
    desk.store.unmixed = [
        Orphan(attempt_id=7, call_id=3, batch_id=2, account_id=1),
        Orphan(attempt_id=8, call_id=4, batch_id=2, account_id=1),  # died before a track was written
    ]
    await desk.recordings.recover()
    await desk.recordings.drained()
    assert desk.store.committed("attach") == [Recording(7, "1/2/3-7.mp3", 1.5)]


async def test_a_recording_whose_batch_was_deleted_while_it_was_mixed_does_not_stay(desk: Desk) -> None:
    desk.store.deleted = {7}
    take = desk.take(7)
    desk.recordings.submit(take)
    await desk.recordings.drained()
    assert not (desk.folder / "recordings/1/2").exists()
    assert not take.tracks.exists()


async def test_what_waits_to_be_mixed_is_not_recovered_as_well(desk: Desk) -> None:
    desk.store.unmixed = [Orphan(attempt_id=7, call_id=3, batch_id=2, account_id=1)]
    desk.recordings.submit(desk.take(7))
    await desk.recordings.recover()
    await desk.recordings.drained()
    assert len(desk.engine.rendered) == 1


async def test_a_recording_that_cannot_be_removed_holds_nobody_up(desk: Desk) -> None:
    (desk.folder / "recordings/1/2/3-7.mp3").mkdir(parents=True)
    (desk.folder / "recordings/1/2/3-8.mp3").write_bytes(b"mp3")
    await desk.recordings.unlink(["1/2/3-7.mp3", "1/2/3-8.mp3"])
    assert not (desk.folder / "recordings/1/2/3-8.mp3").exists()


async def test_recordings_of_a_batch_that_is_gone_are_unlinked_with_their_folder(desk: Desk) -> None:
    for attempt in (7, 8):
        desk.recordings.submit(desk.take(attempt))
    await desk.recordings.drained()
    await desk.recordings.unlink(["1/2/3-7.mp3"])
    assert (desk.folder / "recordings/1/2/3-8.mp3").is_file()
    await desk.recordings.unlink(["1/2/3-8.mp3", "1/2/never-there.mp3"])
    assert not (desk.folder / "recordings/1/2").exists()


async def test_recordings_that_are_mixed_while_the_store_is_busy_are_attached_together(desk: Desk) -> None:
    desk.store.gate.clear()
    for attempt in (7, 8, 9):
        desk.recordings.submit(desk.take(attempt))
    await until(lambda: len(desk.engine.rendered) == 3)
    await settled()
    desk.store.gate.set()
    await desk.recordings.drained()
    attached = [len(items) for name, items in desk.store.transactions if name == "attach"]
    assert sum(attached) == 3
    assert len(attached) <= 2, "one that was under way, and one for all the others"
