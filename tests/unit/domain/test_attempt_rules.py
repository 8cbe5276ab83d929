"""What holds on every path through the attempt machines, whatever happens in whatever order.

``World`` itself checks at every step that a command addresses a leg that is up, that a number is dialled only while its
leg is down, and that ``Finish`` comes last, once, and with no leg up.
"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from support.attempt_world import (
    BUSY,
    CANCELLED,
    HUNG_UP,
    LEFT,
    REJECTED,
    At,
    World,
    explore,
)
from support.plans import OPT_OUT, callback_plans, outgoing_plans

from calldron.domain.batch import BatchType
from calldron.domain.commands import Bridge, Dial, Hangup
from calldron.domain.events import (
    Answered,
    Digit,
    Ended,
    Event,
    Expired,
    Refused,
    Ringing,
    Role,
    Stopped,
    Timer,
    Withdrawn,
)
from calldron.domain.outcome import Outcome, Result, tried_again

PLANS = [*outgoing_plans(), *callback_plans(most_tries=3)]
FEW_PLANS = [plan for plan in PLANS if plan.confirm_digits and plan.operator_tries < 3]
BREAKING_OFF = (Ended, Refused, Stopped, Withdrawn)
ENDINGS = (BUSY, REJECTED, LEFT, CANCELLED, HUNG_UP)


@st.composite
def walks(draw: st.DrawFn) -> list[tuple[Event | None, World]]:
    """Some legal sequence of events, each with the world after it, and then everything winding down."""
    world = World.begin(draw(st.sampled_from(PLANS)))
    walk: list[tuple[Event | None, World]] = [(None, world)]
    for _ in range(draw(st.integers(0, 30))):
        legal = world.legal()
        if not legal:
            break
        going_on = [event for event in legal if not isinstance(event, BREAKING_OFF)]
        mildly = draw(st.integers(0, 3)) > 0  # else nearly every walk would break off at once
        event: Event = draw(st.sampled_from(going_on if mildly and going_on else legal))
        world = world.after(event)
        walk.append((event, world))
    return [*walk, (None, world.wind_down())]


def test_every_path_can_be_walked_to_its_finish() -> None:
    """Exhaustive where the rules below sample: no step of any path breaks a rule of the world."""
    worlds = {after for _, _, after in explore(FEW_PLANS, ENDINGS)}
    assert all(world.wind_down().finish for world in worlds)
    assert len(worlds) > 10_000, "the machines were not really walked"


@given(walks())
def test_no_number_is_dialled_more_often_than_there_are_tries(walk: list[tuple[Event | None, World]]) -> None:
    for _, world in walk:
        plan = world.plan
        assert world.dialled(Role.CLIENT) <= plan.client_tries
        transfers = int(plan.has_operator and plan.kind is not BatchType.CALLBACK)
        assert world.dialled(Role.OPERATOR) <= max(plan.operator_tries, transfers)


@given(walks())
def test_a_gentle_withdrawal_does_not_cut_who_talks(walk: list[tuple[Event | None, World]]) -> None:
    for (_, before), (event, after) in pairwise(walk):
        if event == Withdrawn(gently=True) and (client := before.leg(Role.CLIENT)):
            talks = client.at is At.ANSWERED and not client.hung_up
            assert not (talks and any(isinstance(command, Hangup) for command in after.commands))


@given(walks())
def test_a_withdrawal_hangs_up_whatever_is_up_and_the_call_is_never_tried_again(
    walk: list[tuple[Event | None, World]],
) -> None:
    for (_, before), (event, after) in pairwise(walk):
        if event == Withdrawn(gently=False):
            assert all(leg.hung_up for _, leg in after.legs)
            if not all(leg.hung_up for _, leg in before.legs):
                finish = after.wind_down().finish
                assert finish
                assert not tried_again(finish.outcome, finish.fault)


@given(walks())
def test_nobody_who_answered_is_called_again(walk: list[tuple[Event | None, World]]) -> None:
    finish = walk[-1][1].finish
    assert finish
    if any(event == Answered(Role.CLIENT) for event, _ in walk):
        assert not tried_again(finish.outcome, finish.fault)


@given(walks())
def test_whoever_refused_is_not_called_again_even_where_we_stop_meanwhile(
    walk: list[tuple[Event | None, World]],
) -> None:
    finish = walk[-1][1].finish
    assert finish
    if Ended(Role.CLIENT, REJECTED) in [event for event, _ in walk]:
        assert finish.outcome in (Outcome.REJECTED, Outcome.CANCELED)


@given(walks())
def test_a_stop_hangs_up_whatever_is_up(walk: list[tuple[Event | None, World]]) -> None:
    for event, world in walk:
        if event == Stopped():
            assert all(leg.hung_up for _, leg in world.legs)


@given(walks())
def test_a_second_stop_changes_nothing(walk: list[tuple[Event | None, World]]) -> None:
    for event, world in walk:
        if event == Stopped() and not world.finish:
            again = world.after(Stopped())
            assert again.machine == world.machine
            assert again.commands == ()


OPTS_OUT = Digit(Role.CLIENT, OPT_OUT)


def opted_out(walk: list[tuple[Event | None, World]]) -> int | None:
    """After which step the call was ended by the client's wish."""
    for step, ((_, before), (event, after)) in enumerate(pairwise(walk), 1):
        if before.plan.opt_out_digit and event == OPTS_OUT and Hangup(Role.CLIENT) in after.commands:
            return step
    return None


@given(walks())
def test_after_an_opt_out_nobody_is_dialled_or_bridged_and_all_are_hung_up(
    walk: list[tuple[Event | None, World]],
) -> None:
    step = opted_out(walk)
    if step is not None:
        assert all(leg.hung_up for _, leg in walk[step][1].legs)
        for _, world in walk[step:]:
            assert not any(isinstance(command, Bridge | Dial) for command in world.commands)


@given(walks())
def test_an_opt_out_is_the_result_and_nothing_else_is(walk: list[tuple[Event | None, World]]) -> None:
    finish = walk[-1][1].finish
    assert finish
    assert (finish.result is Result.OPTED_OUT) == (opted_out(walk) is not None)
    if finish.result is Result.OPTED_OUT:
        assert finish.outcome is Outcome.ANSWERED


@given(walks())
def test_a_client_who_talks_to_nobody_yet_may_always_opt_out(walk: list[tuple[Event | None, World]]) -> None:
    bridged = False
    for (_, before), (event, after) in pairwise(walk):
        client = before.leg(Role.CLIENT)
        if before.plan.opt_out_digit and event == OPTS_OUT and not bridged and client and not client.hung_up:
            assert Hangup(Role.CLIENT) in after.commands
        bridged = bridged or any(isinstance(command, Bridge) for command in after.commands)


@given(walks())
def test_nothing_follows_the_finish(walk: list[tuple[Event | None, World]]) -> None:
    over = walk[-1][1].machine
    assert over.over
    for event in (Ringing(Role.CLIENT), Answered(Role.OPERATOR), Expired(Timer.LONGEST), Stopped(), Withdrawn(False)):
        state, commands = over.step(event)
        assert state is over
        assert not tuple(commands)


@given(walks())
def test_results_say_what_happened(walk: list[tuple[Event | None, World]]) -> None:
    finish = walk[-1][1].finish
    assert finish
    events = [event for event, _ in walk]
    ended_walk = walk[-1][1]
    talked = Answered(Role.CLIENT) in events
    match finish.result:
        case Result.CONNECTED:
            assert talked
            assert Answered(Role.OPERATOR) in events
        case Result.CONFIRMED | Result.SECRETARY | Result.MESSAGE:
            assert talked
        case Result.OPTED_OUT:
            assert talked
            assert OPTS_OUT in events
        case Result.DECLINED:
            assert talked
            assert not ended_walk.dialled(Role.OPERATOR)
        case Result.CALLBACK_FAILED:
            assert ended_walk.dialled(Role.OPERATOR) or ended_walk.plan.operator_tries == 0
        case _:
            assert finish.result is None


def test_the_first_command_dials_the_first_leg_and_the_longest_call_is_bounded() -> None:
    for plan in PLANS:
        world = World.begin(plan)
        if not world.finish:
            assert isinstance(world.commands[0], Dial)
            assert Timer.LONGEST in world.timers


def test_nobody_is_left_alone_on_the_line_with_nothing_to_wait_for() -> None:
    """With no prompt, no other leg and no timer but the longest he would hang on for hours."""
    patience = {Timer.KEY_GRACE, Timer.SECRETARY, Timer.OPERATOR_RETRY}
    stuck = [
        world
        for _, _, world in explore(FEW_PLANS, (BUSY, LEFT))
        if not world.finish
        and not (world.timers & patience)
        and all(leg.at is At.ANSWERED and not (leg.playing or leg.listening or leg.hung_up) for _, leg in world.legs)
        and len(world.legs) < 2
    ]
    assert stuck == []
