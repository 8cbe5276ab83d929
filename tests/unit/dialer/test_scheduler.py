"""The scheduler: how much it claims, when it looks again, and what a stop leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore, claim
from support.scripted_engine import ScriptedEngine

from calldron.dialer.journal import Journal
from calldron.dialer.ports import AttemptEnd, Withdrawal
from calldron.dialer.prompts import Prompts
from calldron.dialer.recordings import Recordings
from calldron.dialer.scheduler import AT_THE_DOOR, IDLE_LOOK, Scheduler
from calldron.domain.outcome import Outcome


class Desk:
    """A scheduler with room for ``max_calls``, not running yet."""

    def __init__(self, folder: Path, max_calls: int, apart: float = 0.0) -> None:
        self.store = MemoryStore()
        self.clock = HandClock()
        self.engine = ScriptedEngine()
        self.journal = Journal(self.store, self.clock)
        self.recordings = Recordings(self.engine, self.store, self.clock, folder / "tracks", folder / "recordings")
        self.scheduler = Scheduler(
            self.store,
            self.engine,
            self.journal,
            Prompts(self.engine, self.store, self.clock, {}),
            self.recordings,
            self.clock,
            max_calls=max_calls,
            lease=timedelta(seconds=30),
            apart=apart,
        )
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        work = (self.journal.run(), self.recordings.run(), self.scheduler.run())
        self.tasks = [asyncio.create_task(part) for part in work]

    async def stop(self) -> None:
        self.scheduler.stop()
        self.scheduler.hang_up()
        await self.scheduler.empty()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def dialled(self, calls: int) -> None:
        await until(lambda: len(self.engine.legs) >= calls)

    def outcomes(self) -> list[Outcome]:
        return [end.outcome for end in self.store.committed("finish") if isinstance(end, AttemptEnd)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path, max_calls=3)
    yield desk
    await desk.stop()


async def test_it_dials_no_more_than_there_is_room_for_and_fills_what_becomes_free(desk: Desk) -> None:
    desk.store.queue = [claim(number) for number in range(1, 6)]
    desk.start()
    await desk.dialled(3)
    await settled()
    assert len(desk.engine.legs) == desk.scheduler.calls_up == 3
    desk.engine.legs[0].end()
    await desk.dialled(4)
    assert desk.scheduler.calls_up == 3
    desk.engine.legs[1].end()
    desk.engine.legs[2].end()
    await desk.dialled(5)
    assert max(desk.store.rooms) == 3


async def test_a_claim_has_a_bound_so_that_a_start_is_a_stream(tmp_path: Path) -> None:
    desk = Desk(tmp_path, max_calls=10 * AT_THE_DOOR)
    desk.store.queue = [claim(number) for number in range(1, 3 * AT_THE_DOOR)]
    desk.start()
    await desk.dialled(3 * AT_THE_DOOR - 1)
    assert max(desk.store.rooms) == AT_THE_DOOR
    await desk.stop()


async def test_calls_that_become_due_soon_after_one_another_are_claimed_together(tmp_path: Path) -> None:
    desk = Desk(tmp_path, max_calls=10, apart=0.02)
    desk.store.queue = [claim(1)]
    desk.start()
    await desk.dialled(1)
    for number in (2, 3):
        desk.store.queue.append(claim(number))
        desk.scheduler.look()
        await settled()
    assert len(desk.engine.legs) == 1
    desk.clock.turn(0.02)
    await desk.dialled(3)
    assert [len(items) for name, items in desk.store.transactions if name == "claim"] == [1, 2]
    await desk.stop()


async def test_it_rests_while_it_is_full_whatever_changes(desk: Desk) -> None:
    desk.store.queue = [claim(number) for number in range(1, 5)]
    desk.start()
    await desk.dialled(3)
    desk.scheduler.look()
    await settled()
    sleeps = desk.clock.sleeps
    await settled()
    assert desk.clock.sleeps == sleeps, "it spins"
    assert len(desk.engine.legs) == 3


async def test_it_looks_when_something_changed(desk: Desk) -> None:
    desk.start()
    await until(lambda: desk.clock.waits == [IDLE_LOOK])
    desk.store.queue = [claim(1)]
    desk.scheduler.look()
    await desk.dialled(1)


async def test_it_looks_when_the_next_call_is_due(desk: Desk) -> None:
    desk.store.due = desk.clock.now() + timedelta(seconds=1.5)
    desk.start()
    await until(lambda: desk.clock.waits == [1.5])
    desk.store.queue = [claim(1)]
    desk.store.due = None
    desk.clock.turn(1.5)
    await desk.dialled(1)


async def test_a_wake_up_that_got_lost_costs_seconds_only(desk: Desk) -> None:
    desk.store.due = desk.clock.now() + timedelta(days=1)
    desk.start()
    await until(lambda: desk.clock.waits == [IDLE_LOOK])
    desk.store.queue = [claim(1)]
    desk.clock.turn(IDLE_LOOK)
    await desk.dialled(1)


async def test_it_goes_on_when_the_store_comes_back(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.store.away = 1
    desk.start()
    await until(lambda: desk.clock.waits == [IDLE_LOOK])
    assert not desk.engine.legs
    desk.clock.turn(IDLE_LOOK)
    await desk.dialled(1)


async def test_a_withdrawal_reaches_its_call_and_no_other(desk: Desk) -> None:
    desk.store.queue = [claim(1), claim(2)]
    desk.start()
    await desk.dialled(2)
    desk.store.withdrawals = [Withdrawal(2, gently=True), Withdrawal(99, gently=False)]
    await desk.scheduler.withdraw()
    await until(lambda: desk.outcomes() == [Outcome.CANCELED])
    assert not desk.engine.legs[0].done
    assert desk.engine.legs[1].over


async def test_a_call_taken_back_before_its_claim_was_heard_of_is_not_dialled(desk: Desk) -> None:
    desk.store.withdrawals = [Withdrawal(1, gently=False)]
    await desk.scheduler.withdraw()
    desk.store.queue = [claim(1), claim(2)]
    desk.start()
    await until(lambda: desk.outcomes() == [Outcome.CANCELED])
    assert [leg.request.leg_id for leg in desk.engine.legs] == ["2"]


async def test_a_claim_under_way_at_the_stop_is_not_lost(desk: Desk) -> None:
    """It may be committed already: its call must be ended by us, not found by the rescuer as ``unknown``."""
    desk.store.queue = [claim(1)]
    desk.store.gate.clear()
    desk.start()
    await until(lambda: desk.store.entered == ["claim"])
    desk.scheduler.stop()
    desk.store.gate.set()
    await asyncio.wait_for(desk.tasks[-1], 5)
    assert desk.scheduler.calls_up == 1
    await desk.dialled(1)
    desk.scheduler.hang_up()
    await desk.scheduler.empty()
    assert desk.outcomes() == [Outcome.FAILED]


async def test_after_the_stop_nothing_more_is_claimed(desk: Desk) -> None:
    desk.start()
    await until(lambda: desk.clock.waits == [IDLE_LOOK])
    desk.scheduler.stop()
    await asyncio.wait_for(desk.tasks[-1], 5)
    assert len(desk.store.rooms) == 1


async def test_an_answered_call_goes_to_the_recordings_and_an_unanswered_one_does_not(
    desk: Desk, tmp_path: Path
) -> None:
    desk.store.queue = [claim(1), claim(2), claim(3, record=False)]
    desk.start()
    await desk.dialled(3)
    desk.engine.legs[0].answer()
    desk.engine.legs[1].end()
    desk.engine.legs[2].answer()
    await desk.scheduler.empty()
    await desk.recordings.drained()
    assert desk.engine.rendered == [(tmp_path / "tracks" / "1", tmp_path / "recordings" / "1/1/1-1.mp3")]


async def test_a_call_that_broke_frees_its_room(desk: Desk) -> None:
    desk.engine.broken = RuntimeError("a defect")
    desk.store.queue = [claim(number) for number in range(1, 4)]
    with structlog.testing.capture_logs() as logs:  # and not rendered: three traces take their time
        desk.start()
        await until(lambda: len(desk.outcomes()) == 3)
        await desk.scheduler.empty()
    assert [one["event"] for one in logs if "exc_info" in one] == ["call broke"] * 3
    assert desk.scheduler.calls_up == 0
    desk.engine.broken = None
    desk.store.queue = [claim(4)]
    desk.scheduler.look()
    await desk.dialled(1)
