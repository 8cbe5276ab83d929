"""One call on a scripted engine and a hand-turned clock."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.attempt_world import BUSY, LEFT, MEDIA_LOST, NO_REPLY, OVERLOADED, WRONG_NUMBER
from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore, claim
from support.scripted_engine import ScriptedEngine, ScriptedLeg

from calldron.dialer.call import MAX_DIGITS, OLD, CallRun
from calldron.dialer.journal import Journal
from calldron.dialer.ports import AttemptEnd, Claim, Late, LegIntent, LegProgress
from calldron.dialer.prompts import Prompts
from calldron.dialer.tenure import Tenure
from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.commands import Tune
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result
from calldron.domain.pacing import LEEWAY
from calldron.domain.plan import Plan
from calldron.domain.schedule import Window

BARE = Plan(BatchType.BATCH, Confirmation.DTMF)
KEYED = Plan(BatchType.BATCH, Confirmation.DTMF, has_intro=True)
TRANSFER = Plan(BatchType.BATCH, Confirmation.DTMF, has_intro=True, has_operator=True)
CALLBACK = Plan(
    BatchType.CALLBACK,
    Confirmation.DTMF,
    has_intro=True,
    has_operator=True,
    operator_tries=2,
    call_delay=12.0,
    secretary_after=20.0,
)
INTRO = 5
LEASE = timedelta(seconds=100)


class Desk:
    """What a call needs, and the call."""

    def __init__(self, tracks: Path) -> None:
        self.store = MemoryStore()
        self.store.sounds = {INTRO: b"intro"}
        self.clock = HandClock()
        self.engine = ScriptedEngine()
        self.journal = Journal(self.store, self.clock)
        self.prompts = Prompts(self.engine, self.store, self.clock, {Tune.RINGBACK: b"tu", Tune.ATTENTION: b"ding"})
        self.tracks = tracks
        self.writing = asyncio.create_task(self.journal.run())
        self.running: asyncio.Task[None] | None = None

    def call(
        self, plan: Plan, *, record: bool = True, window: Window | None = None, cps: float = 0.0, wait: float = 0.0
    ) -> CallRun:
        sound_id = INTRO if plan.has_intro else None
        claimed: Claim = claim(1, plan, sound_id=sound_id, record=record, window=window)
        claimed = replace(claimed, trunk=replace(claimed.trunk, cps=cps), wait=wait)
        tenure = Tenure.beginning(self.clock, LEASE)
        run = CallRun(claimed, tenure, self.engine, self.journal, self.prompts, self.clock, self.tracks)
        self.running = asyncio.create_task(run.run())
        return run

    async def leg(self, number: int = 0) -> ScriptedLeg:
        """The leg dialled ``number``-th."""
        await until(lambda: len(self.engine.legs) > number)
        return self.engine.legs[number]

    async def end(self) -> AttemptEnd:
        """How the attempt ended, once the call is done."""
        assert self.running
        await asyncio.wait_for(self.running, 5)
        (end,) = self.store.committed("finish")
        assert isinstance(end, AttemptEnd)
        return end

    def steps(self, leg_id: int) -> list[LegProgress]:
        return [
            step for step in self.store.committed("progress") if isinstance(step, LegProgress) and step.leg_id == leg_id
        ]

    def intents(self) -> list[LegIntent]:
        return [intent for intent in self.store.committed("intend") if isinstance(intent, LegIntent)]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "tracks")
    yield desk
    for task in filter(None, (desk.writing, desk.running)):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_call_from_dial_to_disk(desk: Desk) -> None:
    run = desk.call(KEYED)
    leg = await desk.leg()
    assert leg.request.leg_id == "1"
    assert (leg.request.number, leg.request.caller_id) == (run.claim.number, run.claim.caller_id)
    assert leg.request.recording == desk.tracks
    leg.ring()
    leg.answer()
    await until(lambda: leg.done == [("play", f"sound-{INTRO}", False)])
    assert desk.engine.prompts[f"sound-{INTRO}"] == b"intro"
    desk.clock.turn(4.25)
    leg.press("7")
    end = await desk.end()
    assert (end.outcome, end.result, end.fault, end.sip_code) == (Outcome.ANSWERED, Result.CONFIRMED, Fault.NONE, 200)
    assert (end.digits, end.talk, end.lease) == ("7", 4.25, run.claim.lease)
    assert leg.done[1:] == [("stop playing",), ("hang up",)]
    assert run.answered


async def test_progress_is_noted_with_its_times_before_the_end(desk: Desk) -> None:
    desk.call(KEYED)
    leg = await desk.leg()
    desk.clock.turn(1)
    leg.ring()
    await until(lambda: len(desk.steps(1)) == 1)
    desk.clock.turn(5)
    leg.end(BUSY)
    end = await desk.end()
    start = HandClock().now()
    ringing, ended = desk.steps(1)
    assert ringing.ringing_at == start + timedelta(seconds=1)
    assert ended.ended_at == start + timedelta(seconds=6) == end.at
    assert (ended.outcome, ended.fault, ended.ending) == (Outcome.BUSY, Fault.CALLEE, BUSY)
    assert [name for name, _ in desk.store.transactions][-2:] == ["progress", "finish"]


async def test_the_first_dial_needs_no_further_intent_and_every_other_one_does(desk: Desk) -> None:
    desk.call(TRANSFER)
    client = await desk.leg()
    assert not desk.store.committed("intend")
    client.answer()
    client.press("1")
    operator = await desk.leg(1)
    (intent,) = desk.intents()
    assert (intent.role, intent.number) == (Role.OPERATOR, operator.request.number)
    assert operator.request.leg_id != client.request.leg_id
    assert ("play", "tune-ringback", True) in client.done
    operator.answer()
    await until(lambda: desk.engine.bridges == [(client, operator)])
    operator.end(LEFT)
    assert (await desk.end()).result is Result.CONNECTED


async def test_no_invite_leaves_before_its_intent_is_committed(desk: Desk) -> None:
    desk.call(TRANSFER)
    client = await desk.leg()
    desk.store.gate.clear()
    client.answer()
    client.press("1")
    await until(lambda: "intend" in desk.store.entered or "progress" in desk.store.entered)
    await settled()
    assert len(desk.engine.legs) == 1
    desk.store.gate.set()
    await desk.leg(1)
    client.end()
    assert (await desk.end()).result is Result.CONFIRMED


async def test_a_dial_that_may_not_go_out_is_not_sent(desk: Desk) -> None:
    desk.store.refuses = True
    desk.call(TRANSFER)
    client = await desk.leg()
    client.answer()
    client.press("1")
    assert (await desk.end()).result is Result.CALLBACK_FAILED
    assert len(desk.engine.legs) == 1
    assert ("hang up",) in client.done


async def test_a_client_whom_a_rule_holds_for_now_is_called_later(desk: Desk) -> None:
    desk.store.holds = True
    desk.call(CALLBACK)
    operator = await desk.leg()
    operator.answer()
    operator.press("1")
    end = await desk.end()
    assert (end.outcome, end.result, end.fault) == (Outcome.FAILED, None, Fault.OURS)
    assert len(desk.engine.legs) == 1
    assert ("hang up",) in operator.done


async def test_a_timer_runs_out_when_the_clock_says_so(desk: Desk) -> None:
    desk.call(KEYED)
    leg = await desk.leg()
    leg.answer()
    leg.played()
    await until(lambda: 10.0 in desk.clock.waits)
    desk.clock.turn(9.9)
    await settled()
    assert ("hang up",) not in leg.done
    desk.clock.turn(0.2)
    assert (await desk.end()).result is Result.DECLINED


async def test_a_key_that_came_before_the_end_of_the_grace_counts_although_both_are_read_late(desk: Desk) -> None:
    """The call waits for the store, to call the client in the late operator's stead, while both come in."""
    desk.call(CALLBACK)
    operator = await desk.leg()
    await until(lambda: 20.0 in desk.clock.waits)
    desk.clock.turn(15)
    operator.answer()
    await until(lambda: 10.0 in desk.clock.waits)
    desk.store.gate.clear()
    desk.clock.turn(5)
    await settled()
    assert len(desk.engine.legs) == 1
    operator.press("1")
    desk.clock.turn(5)
    await settled()
    desk.store.gate.set()
    client = await desk.leg(1)
    await until(lambda: ("play", "tune-ringback", True) in operator.done)
    client.answer()
    await until(lambda: desk.engine.bridges == [(client, operator)])
    assert ("hang up",) not in operator.done
    client.end(LEFT)
    assert (await desk.end()).result is Result.CONNECTED


async def test_the_grace_of_one_operator_does_not_shorten_the_next_ones(desk: Desk) -> None:
    desk.call(CALLBACK)
    first = await desk.leg()
    first.answer()
    await until(lambda: ("play", "tune-attention", True) in first.done)
    first.end(LEFT)
    desk.clock.turn(10)
    await until(lambda: 12.0 in desk.clock.waits)
    desk.clock.turn(12)
    client = await desk.leg(1)  # the secretary: the operator is late by now
    second = await desk.leg(2)
    second.answer()
    await until(lambda: ("play", "tune-attention", True) in second.done)
    desk.clock.turn(9)
    await settled()
    assert ("hang up",) not in second.done
    second.press("1")
    client.answer()
    await until(lambda: desk.engine.bridges == [(client, second)])
    client.end(LEFT)
    assert (await desk.end()).result is Result.CONNECTED


async def test_timers_do_not_outlive_the_call(desk: Desk) -> None:
    desk.call(BARE)
    leg = await desk.leg()
    leg.end(BUSY)
    await desk.end()
    await settled()
    assert desk.clock.waits == []


@pytest.mark.parametrize("when", ["dial", "play"])
async def test_an_engine_that_breaks_ends_the_call_as_failed_by_us(
    desk: Desk, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if when == "dial":
        desk.engine.broken = RuntimeError("a defect")
        run = desk.call(KEYED)
    else:
        run = desk.call(KEYED)
        leg = await desk.leg()

        def broken(prompt: str, *, loop: bool = False) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(leg, "play", broken)
        leg.answer()
    assert desk.running
    with pytest.raises(RuntimeError, match="a defect"):
        await asyncio.wait_for(asyncio.shield(desk.running), 5)
    (end,) = desk.store.committed("finish")
    assert isinstance(end, AttemptEnd)
    assert (end.outcome, end.fault) == (Outcome.ANSWERED if run.answered else Outcome.FAILED, Fault.OURS)
    assert all(("hang up",) in leg.done for leg in desk.engine.legs)


async def test_a_client_reached_before_something_broke_is_not_called_again(desk: Desk) -> None:
    desk.call(KEYED)
    leg = await desk.leg()
    leg.answer()
    leg.end(MEDIA_LOST)
    end = await desk.end()
    assert (end.outcome, end.result, end.fault) == (Outcome.ANSWERED, None, Fault.OURS)


async def test_who_is_withdrawn_is_hung_up_on(desk: Desk) -> None:
    run = desk.call(KEYED)
    leg = await desk.leg()
    leg.ring()
    run.withdraw(gently=True)
    assert (await desk.end()).outcome is Outcome.CANCELED
    assert ("hang up",) in leg.done


async def test_a_call_taken_back_before_its_dial_is_not_dialled(desk: Desk) -> None:
    """The intro is still being loaded when the owner changes his mind."""
    desk.store.gate.clear()
    run = desk.call(KEYED)
    await until(lambda: "sound" in desk.store.entered)
    run.withdraw(gently=True)
    desk.store.gate.set()
    assert (await desk.end()).outcome is Outcome.CANCELED
    assert desk.engine.legs == []


async def test_a_call_stopped_before_its_dial_may_be_tried_again(desk: Desk) -> None:
    desk.store.gate.clear()
    run = desk.call(CALLBACK)
    await until(lambda: "sound" in desk.store.entered)
    run.hang_up()
    desk.store.gate.set()
    end = await desk.end()
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.OURS)
    assert desk.engine.legs == []


async def test_a_stop_while_ringing_cancels_and_may_be_tried_again(desk: Desk) -> None:
    run = desk.call(KEYED)
    leg = await desk.leg()
    leg.ring()
    run.hang_up()
    end = await desk.end()
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.OURS)


async def test_keys_are_kept_up_to_a_bound_and_an_operators_are_not_the_clients(desk: Desk) -> None:
    desk.call(TRANSFER)
    client = await desk.leg()
    client.answer()
    client.press("1")
    operator = await desk.leg(1)
    operator.answer()
    operator.press("9")
    for _ in range(2 * MAX_DIGITS):
        client.press("2")
    client.end(LEFT)
    assert (await desk.end()).digits == "1" + "2" * (MAX_DIGITS - 1)


async def test_the_secretary_calls_when_the_operator_is_late(desk: Desk) -> None:
    desk.call(CALLBACK)
    operator = await desk.leg()
    assert operator.request.role is Role.OPERATOR
    operator.ring()
    await until(lambda: 20.0 in desk.clock.waits)
    desk.clock.turn(20)
    client = await desk.leg(1)
    assert client.request.role is Role.CLIENT
    client.answer()
    await until(lambda: ("play", f"sound-{INTRO}", False) in client.done)
    client.played()
    await until(lambda: ("listen", 120.0, 8.0) in client.done)
    client.end(LEFT)
    assert (await desk.end()).result is Result.SECRETARY
    assert ("hang up",) in operator.done


async def test_the_second_try_at_the_operator_is_a_leg_of_its_own(desk: Desk) -> None:
    desk.call(CALLBACK)
    first = await desk.leg()
    first.end(BUSY)
    await until(lambda: 12.0 in desk.clock.waits)
    desk.clock.turn(12)
    second = await desk.leg(1)
    assert second.request.leg_id != first.request.leg_id
    second.answer()
    await until(lambda: second.done)
    second.press("1")
    client = await desk.leg(2)
    client.end(BUSY)
    end = await desk.end()
    assert (end.outcome, end.talk) == (Outcome.BUSY, 0.0)
    assert desk.steps(int(second.request.leg_id))[-1].outcome is Outcome.ANSWERED


async def test_what_is_not_to_be_recorded_is_not(desk: Desk) -> None:
    desk.call(BARE, record=False)
    leg = await desk.leg()
    assert leg.request.recording is None
    leg.end(BUSY)
    await desk.end()


async def test_an_attempt_that_is_no_longer_ours_ends_quietly(desk: Desk) -> None:
    desk.store.ours = False
    desk.call(BARE)
    leg = await desk.leg()
    leg.answer()
    await desk.end()


async def test_an_operator_waits_for_the_rate_of_the_trunk_and_the_client_hears_ringback(desk: Desk) -> None:
    desk.store.wait = 3.0
    desk.call(TRANSFER)
    client = await desk.leg()
    client.answer()
    client.press("1")
    await until(lambda: 3.0 in desk.clock.waits)
    assert ("play", "tune-ringback", True) in client.done
    desk.clock.turn(2.9)
    await settled()
    assert len(desk.engine.legs) == 1
    desk.clock.turn(0.1)
    operator = await desk.leg(1)
    operator.answer()
    operator.end(LEFT)
    assert (await desk.end()).result is Result.CONNECTED


async def waiting_for_the_operators_turn(desk: Desk) -> tuple[CallRun, ScriptedLeg]:
    """A call whose client confirmed, and whose operator may be dialled in three seconds."""
    desk.store.wait = 3.0
    run = desk.call(TRANSFER)
    client = await desk.leg()
    client.answer()
    client.press("1")
    await until(lambda: 3.0 in desk.clock.waits)
    return run, client


@pytest.mark.parametrize("gently", [True, False])
async def test_who_is_withdrawn_while_a_dial_waits_is_not_dialled(desk: Desk, gently: bool) -> None:
    run, client = await waiting_for_the_operators_turn(desk)
    run.withdraw(gently=gently)
    end = await desk.end()
    assert len(desk.engine.legs) == 1
    assert ("hang up",) in client.done
    assert (end.outcome, end.result) == (
        (Outcome.ANSWERED, Result.CALLBACK_FAILED) if gently else (Outcome.CANCELED, Result.CONFIRMED)
    )
    assert 3.0 not in desk.clock.waits


async def test_a_stop_while_a_dial_waits_ends_the_call_at_once(desk: Desk) -> None:
    run, _ = await waiting_for_the_operators_turn(desk)
    run.hang_up()
    assert (await desk.end()).result is Result.CONFIRMED
    assert len(desk.engine.legs) == 1


async def test_nobody_is_dialled_for_a_client_who_left_while_the_dial_waited(desk: Desk) -> None:
    _, client = await waiting_for_the_operators_turn(desk)
    client.end(LEFT)
    assert (await desk.end()).result is Result.CONFIRMED
    desk.clock.turn(10)
    await settled()
    assert len(desk.engine.legs) == 1


async def test_nobody_is_dialled_for_a_client_who_left_the_moment_the_permit_came(desk: Desk) -> None:
    _, client = await waiting_for_the_operators_turn(desk)
    desk.clock.turn(3.0)
    client.end(LEFT)
    assert (await desk.end()).result is Result.CONFIRMED
    assert len(desk.engine.legs) == 1


# ---------------------------------------------------------------- leases that may be over


@pytest.mark.parametrize("plan", [KEYED, CALLBACK])
async def test_a_process_frozen_between_claim_and_dial_rings_nobody(desk: Desk, plan: Plan) -> None:
    desk.store.gate.clear()
    desk.call(plan)
    await until(lambda: "sound" in desk.store.entered)
    desk.clock.turn(LEASE.total_seconds())
    desk.store.gate.set()
    end = await desk.end()
    assert desk.engine.legs == []
    assert (end.outcome, end.fault, end.refused) == (Outcome.FAILED, Fault.OURS, True)


@pytest.mark.parametrize("plan", [KEYED, CALLBACK])
async def test_a_process_frozen_between_dial_and_invite_rings_nobody(desk: Desk, plan: Plan) -> None:
    desk.call(plan)
    leg = await desk.leg()
    desk.clock.turn(LEASE.total_seconds() * 0.8)
    assert not leg.leave()
    end = await desk.end()
    assert (end.outcome, end.fault, end.refused) == (Outcome.FAILED, Fault.OURS, True)


async def test_a_renewal_lets_invites_leave_for_longer(desk: Desk) -> None:
    run = desk.call(KEYED)
    leg = await desk.leg()
    desk.clock.turn(LEASE.total_seconds() * 0.7)
    run.renewed(Tenure.beginning(desk.clock, LEASE))
    desk.clock.turn(LEASE.total_seconds() * 0.7)
    assert leg.leave()
    leg.end(BUSY)
    assert (await desk.end()).outcome is Outcome.BUSY


async def test_a_further_dial_waits_until_the_lease_is_known_to_last(desk: Desk) -> None:
    run = desk.call(TRANSFER)
    client = await desk.leg()
    client.answer()
    desk.clock.turn(LEASE.total_seconds())
    client.press("1")
    await until(lambda: desk.store.committed("intend"))
    await settled()
    assert len(desk.engine.legs) == 1
    run.renewed(Tenure.beginning(desk.clock, LEASE))
    operator = await desk.leg(1)
    operator.answer()
    operator.end(LEFT)
    assert (await desk.end()).result is Result.CONNECTED


async def test_a_further_dial_of_a_call_that_is_lost_does_not_leave(desk: Desk) -> None:
    run = desk.call(TRANSFER)
    client = await desk.leg()
    client.answer()
    desk.clock.turn(LEASE.total_seconds())
    client.press("1")
    await until(lambda: desk.store.committed("intend"))
    run.hang_up()
    await desk.end()
    assert len(desk.engine.legs) == 1
    assert ("hang up",) in client.done


# ---------------------------------------------------------------- windows that close meanwhile

TILL_NOON_AND_A_MINUTE = Window(ZoneInfo("UTC"), 9 * 60, 12 * 60 + 1)  # the clock begins at noon
MINUTE = 60.0


@pytest.mark.parametrize("seconds", [MINUTE - 0.1, MINUTE])
async def test_no_client_is_dialled_once_his_window_has_closed(desk: Desk, seconds: float) -> None:
    desk.store.gate.clear()
    desk.call(KEYED, window=TILL_NOON_AND_A_MINUTE)
    await until(lambda: "sound" in desk.store.entered)
    desk.clock.turn(seconds)
    desk.store.gate.set()
    if seconds < MINUTE:
        leg = await desk.leg()
        assert leg.leave()
        desk.clock.turn(MINUTE - seconds)
        assert not leg.leave(), "nor is a challenge answered"
    end = await desk.end()
    assert (end.outcome, end.fault) == (Outcome.FAILED, Fault.OURS)
    assert end.refused == (seconds == MINUTE), "counted once its INVITE left"


async def test_an_operator_is_dialled_whatever_the_window_of_the_client_is(desk: Desk) -> None:
    desk.store.window = TILL_NOON_AND_A_MINUTE
    desk.call(TRANSFER, window=TILL_NOON_AND_A_MINUTE)
    client = await desk.leg()
    client.answer()
    desk.clock.turn(MINUTE)
    client.press("1")
    assert (await desk.leg(1)).leave()


async def test_a_client_whose_window_closed_while_his_dial_waited_is_not_dialled(desk: Desk) -> None:
    desk.store.window = TILL_NOON_AND_A_MINUTE
    desk.store.wait = MINUTE
    desk.call(CALLBACK, window=TILL_NOON_AND_A_MINUTE)
    operator = await desk.leg()
    operator.answer()
    await until(lambda: ("play", "tune-attention", True) in operator.done)
    operator.press("1")
    await until(lambda: MINUTE in desk.clock.waits)
    desk.clock.turn(MINUTE)
    end = await desk.end()
    assert (end.outcome, end.fault, end.refused) == (Outcome.FAILED, Fault.OURS, False)
    assert len(desk.engine.legs) == 1


# ---------------------------------------------------------------- attempts that were none

NO_ADDRESS = Ending(EndedBy.SILENCE, sent=False)
NO_PORT = Ending(EndedBy.MEDIA, sent=False)


@pytest.mark.parametrize(
    ("ending", "refused"),
    [
        (OVERLOADED, True),
        (NO_REPLY, True),
        (Ending(EndedBy.REMOTE, 403), True),
        (Ending(EndedBy.REMOTE, 407), True),
        (NO_ADDRESS, True),
        (NO_PORT, True),
        (Ending(EndedBy.REMOTE, 503, reached=True), False),
        (Ending(EndedBy.SILENCE, reached=True), False),
        (Ending(EndedBy.REMOTE, 500), False),
        (BUSY, False),
        (WRONG_NUMBER, False),
        (Ending(EndedBy.REMOTE, 484, sent=False), False),
        (MEDIA_LOST, False),
    ],
)
async def test_which_attempts_do_not_count(desk: Desk, ending: Ending, refused: bool) -> None:
    desk.call(BARE)
    leg = await desk.leg()
    leg.end(ending)
    assert (await desk.end()).refused is refused


async def test_an_attempt_counts_where_one_of_its_numbers_was_reached(desk: Desk) -> None:
    desk.call(CALLBACK)
    (await desk.leg()).end(BUSY)
    await until(lambda: {12.0, 20.0} <= set(desk.clock.waits))
    desk.clock.turn(20)
    await desk.leg(2)
    for leg in desk.engine.legs[1:]:
        leg.end(OVERLOADED)
    end = await desk.end()
    assert (end.outcome, end.refused) == (Outcome.FAILED, False)


async def test_an_attempt_does_not_count_where_all_its_dials_were_refused(desk: Desk) -> None:
    desk.call(CALLBACK)
    (await desk.leg()).end(OVERLOADED)
    await until(lambda: {12.0, 20.0} <= set(desk.clock.waits))
    desk.clock.turn(20)
    await desk.leg(2)
    for leg in desk.engine.legs[1:]:
        leg.end(OVERLOADED)
    end = await desk.end()
    assert (end.outcome, end.refused) == (Outcome.FAILED, True)


async def test_a_stop_before_the_dial_costs_no_attempt_and_one_while_it_rings_does(desk: Desk) -> None:
    run = desk.call(KEYED)
    leg = await desk.leg()
    leg.ring()
    run.hang_up()
    assert not (await desk.end()).refused


async def test_a_withdrawn_call_is_no_refused_one(desk: Desk) -> None:
    run = desk.call(KEYED)
    leg = await desk.leg()
    run.withdraw(gently=True)
    leg.end(OVERLOADED)
    end = await desk.end()
    assert (end.outcome, end.refused) == (Outcome.CANCELED, False)


async def test_a_call_that_broke_counts(desk: Desk) -> None:
    desk.engine.broken = RuntimeError("a defect")
    desk.call(KEYED)
    assert desk.running
    with pytest.raises(RuntimeError, match="a defect"):
        await asyncio.wait_for(asyncio.shield(desk.running), 5)
    (end,) = desk.store.committed("finish")
    assert isinstance(end, AttemptEnd)
    assert not end.refused


async def test_who_opts_out_is_hung_up_on_and_the_end_says_so(desk: Desk) -> None:
    desk.call(replace(KEYED, opt_out_digit="9"))
    leg = await desk.leg()
    leg.answer()
    leg.press("9")
    end = await desk.end()
    assert (end.outcome, end.result, end.digits) == (Outcome.ANSWERED, Result.OPTED_OUT, "9")
    assert leg.done[-2:] == [("stop playing",), ("hang up",)]


async def test_an_invite_that_is_in_time_is_not_counted_again(desk: Desk) -> None:
    desk.call(KEYED, cps=10, wait=0.5)
    leg = await desk.leg()
    turn = asyncio.create_task(leg.request.turn())
    await until(lambda: 0.5 in desk.clock.waits)
    desk.clock.turn(0.5 + LEEWAY)
    await turn
    assert not desk.store.committed("recount")


async def test_an_invite_that_missed_its_moment_is_counted_again_until_it_leaves_in_time(desk: Desk) -> None:
    desk.call(KEYED, cps=10)
    leg = await desk.leg()
    desk.clock.turn(2)
    desk.store.wait = 3.0
    turn = asyncio.create_task(leg.request.turn())
    await until(lambda: 3.0 in desk.clock.waits)
    assert [one.attempt_id for one in desk.store.committed("recount") if isinstance(one, Late)] == [1]
    desk.clock.turn(3.5)  # the machine is busy: it is late again
    await until(lambda: len(desk.store.committed("recount")) == 2)
    assert not turn.done()
    await until(lambda: 3.0 in desk.clock.waits)
    desk.clock.turn(3)
    await turn


async def test_an_operator_is_counted_again_like_anybody(desk: Desk) -> None:
    desk.call(TRANSFER, cps=10)
    client = await desk.leg()
    client.answer()
    desk.store.wait = 0.25
    client.press("1")
    await until(lambda: 0.25 in desk.clock.waits)
    desk.clock.turn(0.25)
    operator = await desk.leg(1)
    desk.clock.turn(1)
    desk.store.wait = 0.0
    await operator.request.turn()
    assert len(desk.store.committed("recount")) == 1


async def test_without_a_rate_only_old_looks_are_taken_again(desk: Desk) -> None:
    desk.call(KEYED)
    leg = await desk.leg()
    desk.clock.turn(OLD)
    await leg.request.turn()
    assert not desk.store.committed("recount")
    desk.clock.turn(0.1)
    await leg.request.turn()
    assert len(desk.store.committed("recount")) == 1


@pytest.mark.parametrize(("held", "outcome"), [(True, Outcome.FAILED), (False, Outcome.CANCELED)])
async def test_a_late_invite_that_may_not_leave_any_more_does_not(desk: Desk, held: bool, outcome: Outcome) -> None:
    desk.call(KEYED)
    leg = await desk.leg()
    desk.clock.turn(5)  # the program stood still
    desk.store.holds, desk.store.refuses = held, not held
    await leg.request.turn()
    assert not leg.leave()
    end = await desk.end()
    assert (end.outcome, end.refused) == (outcome, held)
