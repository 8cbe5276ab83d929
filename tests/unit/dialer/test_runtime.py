"""The dialer as a whole: parts that die are seen, and a stop goes in stages."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore, claim
from support.scripted_engine import ScriptedEngine

from calldron.dialer import runtime
from calldron.dialer.journal import RETRY_PAUSE
from calldron.dialer.ports import AttemptEnd, Orphan, Recording, Withdrawal
from calldron.dialer.prompts import Prompts
from calldron.dialer.runtime import Dialer, Settings
from calldron.domain.errors import EngineUnavailable
from calldron.domain.outcome import Outcome

LEASE = 30.0


class Desk:
    """A dialer that runs. Its drain is waited for by the event loop, so it is long, and tests hurry it."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.clock = HandClock()
        self.engine = ScriptedEngine()
        self.folder = folder
        settings = Settings(
            max_calls=10,
            lease=LEASE,
            drain=600.0,
            tracks=folder / "tracks",
            recordings=folder / "recordings",
            apart=0.0,
        )
        self.dialer = Dialer(
            self.store, self.engine, Prompts(self.engine, self.store, self.clock, {}), self.clock, settings
        )
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.running = asyncio.create_task(self.dialer.run())

    async def returned(self) -> None:
        assert self.running
        await asyncio.wait_for(asyncio.shield(self.running), 5)

    async def dialled(self, calls: int) -> None:
        await until(lambda: len(self.engine.legs) >= calls)

    def outcomes(self) -> list[Outcome]:
        return [end.outcome for end in self.store.committed("finish") if isinstance(end, AttemptEnd)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    if desk.running:
        desk.running.cancel()
        await asyncio.gather(desk.running, return_exceptions=True)


async def test_calls_are_dialled_and_ended_and_recorded(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    desk.engine.legs[0].answer()
    await until(lambda: desk.store.committed("attach"))
    assert desk.outcomes() == [Outcome.ANSWERED]


async def test_a_stop_lets_calls_end_by_themselves(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    desk.dialer.stop()
    desk.store.queue = [claim(2)]
    desk.store.changed.set()
    await settled()
    assert not desk.engine.legs[0].done
    assert len(desk.engine.legs) == 1
    desk.engine.legs[0].answer()
    await desk.returned()
    assert desk.outcomes() == [Outcome.ANSWERED]
    assert desk.store.committed("attach"), "the recording is finished before the dialer is"
    assert not desk.engine.running


async def test_a_second_stop_hurries(desk: Desk) -> None:
    desk.store.queue = [claim(1), claim(2)]
    desk.start()
    await desk.dialled(2)
    desk.engine.legs[0].ring()
    desk.dialer.stop()
    await settled()
    desk.dialer.stop()
    await desk.returned()
    assert desk.outcomes() == [Outcome.FAILED, Outcome.FAILED]
    assert all(("hang up",) in leg.done for leg in desk.engine.legs)


async def test_a_third_stop_waits_for_no_store(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    desk.store.away_from = {"finish"}
    for _ in range(2):
        desk.dialer.stop()
        await settled()
    await until(lambda: desk.engine.legs[0].over)
    await settled()
    assert desk.running
    assert not desk.running.done(), "what happened is to be written first"
    with structlog.testing.capture_logs() as logs:
        desk.dialer.stop()
        await desk.returned()
    assert not desk.engine.running
    (told,) = logs
    assert (told["calls"], told["recordings"]) == (1, 0)
    assert told["writes"] > 0


async def test_a_stop_that_waits_says_for_what(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "REMINDER", 0.01)
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    with structlog.testing.capture_logs() as logs:
        desk.dialer.stop()
        await until(lambda: [one for one in logs if one["event"].startswith("still stopping")])
    desk.engine.legs[0].end()
    await desk.returned()


async def test_a_stop_ends_the_calls_while_the_store_is_away_and_writes_when_it_is_back(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    desk.store.away_from = {"finish", "progress", "renew", "claim"}
    desk.dialer.stop()
    await settled()
    desk.dialer.stop()
    await until(lambda: desk.engine.legs[0].over)
    await until(lambda: RETRY_PAUSE in desk.clock.waits)
    desk.store.away_from = set()
    desk.clock.turn(RETRY_PAUSE)
    await desk.returned()
    assert desk.outcomes() == [Outcome.FAILED]


async def test_a_stop_with_nothing_up_returns_at_once(desk: Desk) -> None:
    desk.start()
    await until(lambda: desk.store.rooms)
    desk.dialer.stop()
    await desk.returned()
    assert not desk.engine.running


async def test_a_claim_under_way_at_the_stop_is_brought_to_its_end(desk: Desk) -> None:
    desk.store.gate.clear()
    desk.store.queue = [claim(1)]
    desk.start()
    await until(lambda: "claim" in desk.store.entered)
    desk.dialer.stop()
    desk.dialer.stop()
    await settled()
    desk.store.gate.set()
    await desk.returned()
    assert desk.outcomes() == [Outcome.FAILED]


@pytest.mark.parametrize("stopping", [False, True])
async def test_a_part_that_dies_ends_the_dialer_with_its_error(desk: Desk, stopping: bool) -> None:
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    if stopping:
        desk.dialer.stop()
        await settled()
    desk.store.error = ZeroDivisionError("a defect in the store")
    desk.engine.legs[0].ring()  # the journal writes it
    with pytest.raises(ZeroDivisionError):
        await desk.returned()
    assert not desk.engine.running


async def test_an_engine_that_does_not_start_says_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def start() -> None:
        raise EngineUnavailable("Port 5060 is taken.")

    monkeypatch.setattr(desk.engine, "start", start)
    desk.start()
    with pytest.raises(EngineUnavailable, match="5060"):
        await desk.returned()
    assert not desk.store.entered


async def test_a_change_seen_while_the_store_went_away_is_not_forgotten(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    desk.store.withdrawals = [Withdrawal(1, gently=False)]
    desk.store.away_from = {"withdrawn"}
    desk.store.changed.set()
    await until(lambda: "withdrawn" in desk.store.entered)
    await until(lambda: 1.0 in desk.clock.waits)
    desk.store.away_from = set()
    desk.clock.turn(1.0)
    desk.store.idle.set()
    await until(lambda: desk.outcomes() == [Outcome.CANCELED])


async def test_changes_by_others_withdraw_calls_remove_batches_and_wake_the_scheduler(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    recording = desk.folder / "recordings/1/9/9-9.mp3"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"mp3")
    desk.start()
    await desk.dialled(1)
    desk.store.withdrawals = [Withdrawal(1, gently=False)]
    desk.store.expunged = ["1/9/9-9.mp3"]
    desk.store.queue = [claim(2)]
    desk.store.changed.set()
    await desk.dialled(2)
    await until(lambda: desk.outcomes() == [Outcome.CANCELED])
    await until(lambda: not recording.exists())


async def test_leases_are_renewed_three_times_before_they_end(desk: Desk) -> None:
    desk.start()
    renewed: list[object] = []
    for passed in (0, 10, 20, 30):
        renewed.append(desk.clock.now() + timedelta(seconds=LEASE))
        await until(lambda: desk.store.committed("renew") == renewed)
        await until(lambda: LEASE / 3 in desk.clock.waits)
        assert desk.clock.monotonic() == passed
        desk.clock.turn(LEASE / 3)


async def test_a_rescued_calls_tracks_become_its_recording(desk: Desk) -> None:
    tracks = desk.folder / "tracks/7"
    tracks.mkdir(parents=True)
    desk.store.orphans = [Orphan(attempt_id=7, call_id=3, batch_id=2, account_id=1)]
    desk.start()
    for _ in range(3):
        await until(lambda: LEASE / 3 in desk.clock.waits)
        desk.clock.turn(LEASE / 3)
    await until(lambda: desk.store.committed("attach") == [Recording(7, "1/2/3-7.mp3", 1.5)])
