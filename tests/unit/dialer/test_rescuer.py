"""Leases: kept while a node lives, ended of those that do not, and never by who was away himself."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore, claim
from support.scripted_engine import ScriptedEngine

from calldron.dialer.journal import Journal
from calldron.dialer.ports import AttemptEnd, Orphan, Recording
from calldron.dialer.prompts import Prompts
from calldron.dialer.recordings import Recordings
from calldron.dialer.rescuer import RETRY_PAUSE, Rescuer
from calldron.dialer.scheduler import Scheduler
from calldron.dialer.tenure import Tenure
from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.outcome import Outcome
from calldron.domain.plan import Plan

LEASE = timedelta(seconds=30)
LOOK = 10.0
TALK = Plan(BatchType.BATCH, Confirmation.DTMF, has_intro=True)


class Desk:
    """A node: scheduler, journal, recordings and rescuer."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.store.sounds = {5: b"intro"}
        self.clock = HandClock()
        self.engine = ScriptedEngine()
        self.folder = folder
        self.journal = Journal(self.store, self.clock)
        self.recordings = Recordings(self.engine, self.store, self.clock, folder / "tracks", folder / "recordings")
        prompts = Prompts(self.engine, self.store, self.clock, {})
        self.scheduler = Scheduler(
            self.store, self.engine, self.journal, prompts, self.recordings, self.clock, max_calls=3, lease=LEASE
        )
        self.rescuer = Rescuer(self.store, self.scheduler, self.recordings, self.clock, LEASE)
        work = (self.journal.run(), self.recordings.run(), self.scheduler.run(), self.rescuer.run())
        self.tasks = [asyncio.create_task(part) for part in work]

    async def look(self, seconds: float = LOOK) -> None:
        """Let time pass until the next look, and that look happen."""
        await until(lambda: seconds in self.clock.waits)
        looks = self.looks
        self.clock.turn(seconds)
        await until(lambda: self.looks > looks)
        await settled()

    @property
    def looks(self) -> int:
        return self.store.entered.count("renew")

    @property
    def rescues(self) -> int:
        return len(self.store.committed("rescue"))

    async def dialled(self, calls: int) -> None:
        await until(lambda: len(self.engine.legs) >= calls)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    for task in desk.tasks:
        task.cancel()
    await asyncio.gather(*desk.tasks, return_exceptions=True)


async def test_nobodys_lease_is_ended_before_everybody_had_the_time_to_renew_his(desk: Desk) -> None:
    await until(lambda: desk.looks == 1)
    for _ in range(2):
        await desk.look()
        assert desk.rescues == 0
    await desk.look()
    assert desk.rescues == 1
    await desk.look()
    assert desk.rescues == 2


async def test_a_store_that_was_away_starts_the_wait_again_and_own_leases_come_first(desk: Desk) -> None:
    for _ in range(3):
        await desk.look()
    assert desk.rescues == 1
    desk.store.away_from = {"renew"}
    await desk.look()
    await desk.look(RETRY_PAUSE)
    desk.store.away_from = set()
    renewed = len(desk.store.committed("renew"))
    await desk.look(RETRY_PAUSE)
    assert len(desk.store.committed("renew")) == renewed + 1, "soon, not after a third of the lease"
    for _ in range(2):
        await desk.look()
    assert desk.rescues == 1
    await desk.look()
    assert desk.rescues == 2


async def test_a_node_that_was_frozen_starts_the_wait_again(desk: Desk) -> None:
    for _ in range(3):
        await desk.look()
    assert desk.rescues == 1
    await until(lambda: LOOK in desk.clock.waits)
    desk.clock.turn(60)
    await settled()
    for _ in range(2):
        await desk.look()
    assert desk.rescues == 1
    await desk.look()
    assert desk.rescues == 2


async def test_a_node_frozen_in_the_middle_of_its_look_ends_nobodys_lease(desk: Desk) -> None:
    for _ in range(2):
        await desk.look()
    await until(lambda: LOOK in desk.clock.waits)
    desk.store.gate.clear()
    desk.clock.turn(LOOK)
    await until(lambda: desk.looks == 4)
    desk.clock.turn(60)
    desk.store.gate.set()
    await settled()
    assert desk.rescues == 0


async def test_what_is_lost_is_hung_up_and_nothing_else(desk: Desk) -> None:
    desk.store.queue = [claim(1), claim(2)]
    desk.scheduler.look()
    await desk.dialled(2)
    for leg in desk.engine.legs:
        leg.ring()
    desk.store.lost = {2, 99}
    desk.store.ours = False
    await desk.look()
    await until(lambda: desk.scheduler.held == [1])
    assert not desk.engine.legs[0].done
    assert desk.engine.legs[1].over


async def test_the_recording_of_a_lost_call_is_kept(desk: Desk) -> None:
    desk.store.queue = [claim(1, TALK, sound_id=5)]
    desk.scheduler.look()
    await desk.dialled(1)
    desk.engine.legs[0].answer()
    desk.store.lost = {1}
    desk.store.ours = False
    await desk.look()
    await until(lambda: desk.store.committed("attach") == [Recording(1, "1/1/1-1.mp3", 1.5)])


async def test_tracks_that_are_still_written_are_not_taken_for_a_dead_nodes(desk: Desk) -> None:
    """The store holds the call for over, its leg is not down yet: only then its tracks are whole."""
    desk.store.queue = [claim(1, TALK, sound_id=5)]
    desk.scheduler.look()
    await desk.dialled(1)
    desk.engine.legs[0].answer()
    await until(lambda: desk.engine.legs[0].done)
    for attempt in (1, 7):
        (desk.folder / "tracks" / str(attempt)).mkdir(parents=True)
    desk.store.orphans = [Orphan(attempt_id=n, call_id=n, batch_id=1, account_id=1) for n in (1, 7)]
    for _ in range(3):
        await desk.look()
    await until(lambda: desk.store.committed("attach"))
    assert desk.store.committed("attach") == [Recording(7, "1/1/7-7.mp3", 1.5)]


async def test_recordings_of_a_rescue_are_looked_for_again_where_the_store_was_away_meanwhile(
    desk: Desk,
) -> None:
    (desk.folder / "tracks" / "7").mkdir(parents=True)
    for _ in range(2):
        await desk.look()
    desk.store.orphans = [Orphan(attempt_id=7, call_id=7, batch_id=1, account_id=1)]
    desk.store.away_from = {"unrecorded"}
    asked = desk.store.entered.count("unrecorded")
    await desk.look()
    assert desk.rescues == 1
    await until(lambda: desk.store.entered.count("unrecorded") > asked)
    await until(lambda: RETRY_PAUSE in desk.clock.waits)
    desk.store.away_from = set()
    await desk.look(RETRY_PAUSE)
    for _ in range(3):
        await desk.look()
    await until(lambda: desk.store.committed("attach") == [Recording(7, "1/1/7-7.mp3", 1.5)])


async def test_a_call_that_ended_by_itself_while_leases_were_renewed_is_not_lost(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.scheduler.look()
    await desk.dialled(1)
    await until(lambda: LOOK in desk.clock.waits)
    desk.store.gate.clear()
    desk.clock.turn(LOOK)
    await until(lambda: desk.looks == 2)
    desk.engine.legs[0].end()
    desk.store.lost = {1}
    await settled()
    desk.store.gate.set()
    await until(lambda: not desk.scheduler.held)
    (end,) = desk.store.committed("finish")
    assert isinstance(end, AttemptEnd)
    assert end.outcome is Outcome.ANSWERED


async def test_renewals_reach_the_calls(desk: Desk) -> None:
    desk.store.queue = [claim(1)]
    desk.scheduler.look()
    await desk.dialled(1)
    for _ in range(5):
        await desk.look()
    assert desk.engine.legs[0].leave(), "50 s after the claim, 0 s after a renewal"


@pytest.mark.parametrize("renewed_first", [True, False])
async def test_after_a_freeze_no_invite_leaves_whoever_wakes_first(desk: Desk, renewed_first: bool) -> None:
    desk.store.queue = [claim(1)]
    desk.scheduler.look()
    await desk.dialled(1)
    await until(lambda: LOOK in desk.clock.waits)
    desk.store.lost = {1}
    desk.store.ours = False
    desk.clock.turn(60)
    if renewed_first:
        await settled()
    assert not desk.engine.legs[0].leave()
    await until(lambda: not desk.scheduler.held)


def test_a_tenure_is_over_by_whichever_clock_is_ahead() -> None:
    class Skewed(HandClock):
        ahead = timedelta()

        def now(self) -> datetime:
            return super().now() + self.ahead

    for jump, over in ((timedelta(seconds=23), False), (timedelta(seconds=24), True), (timedelta(hours=-1), False)):
        clock = Skewed()
        tenure = Tenure.beginning(clock, LEASE)
        clock.ahead = jump
        assert tenure.lasts(clock) is not over
    clock = Skewed()
    tenure = Tenure.beginning(clock, LEASE)
    clock.ahead = timedelta(hours=-1)
    clock.turn(24)
    assert not tenure.lasts(clock)
