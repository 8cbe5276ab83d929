"""The flows of the specification by name: what happens, and what the call is then said to have achieved."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from support.attempt_world import (
    BUSY,
    CANCELLED,
    HUNG_UP,
    LEFT,
    MEDIA_LOST,
    NO_REPLY,
    OVERLOADED,
    REJECTED,
    UNANSWERED,
    WRONG_NUMBER,
    World,
)

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.commands import Bridge, Dial, Hangup, Listen, Play, StartTimer, StopPlaying, Tune
from calldron.domain.events import (
    Answered,
    Digit,
    Ended,
    Event,
    Expired,
    Heard,
    Played,
    Refused,
    Ringing,
    Role,
    Stopped,
    Timer,
    Withdrawn,
)
from calldron.domain.outcome import Ending, Fault, Outcome, Result
from calldron.domain.plan import Plan

CLIENT, OPERATOR = Role.CLIENT, Role.OPERATOR

KEYED = Plan(BatchType.BATCH, Confirmation.DTMF, has_intro=True)
KEYED_ONE = Plan(BatchType.BATCH, Confirmation.DTMF, confirm_digits="1", has_intro=True)
HEARD_OUT = Plan(BatchType.INSTANT, Confirmation.TIMEOUT, has_intro=True)
BARE = Plan(BatchType.INSTANT, Confirmation.DTMF)
TRANSFER = Plan(BatchType.BATCH, Confirmation.DTMF, has_intro=True, has_operator=True)
OPT_OUT = Plan(BatchType.BATCH, Confirmation.DTMF, has_intro=True, has_operator=True, opt_out_digit="9")
OPT_OUT_HEARD = Plan(BatchType.BATCH, Confirmation.TIMEOUT, has_intro=True, opt_out_digit="9")
BACK_OPT_OUT = Plan(
    BatchType.CALLBACK, Confirmation.TIMEOUT, has_intro=True, has_operator=True, operator_tries=1, opt_out_digit="9"
)
TRANSFER_AT_ANSWER = Plan(BatchType.INSTANT, Confirmation.TIMEOUT, has_operator=True)

BACK_KEYED = Plan(BatchType.CALLBACK, Confirmation.DTMF, has_intro=True, has_operator=True, operator_tries=2)
BACK = Plan(BatchType.CALLBACK, Confirmation.TIMEOUT, has_intro=True, has_operator=True, operator_tries=2)
BACK_LAST_TRY = Plan(BatchType.CALLBACK, Confirmation.TIMEOUT, has_intro=True, has_operator=True, operator_tries=1)
BACK_SECRETARY = Plan(BatchType.CALLBACK, Confirmation.TIMEOUT, has_intro=True, has_operator=True)
BACK_MUTE = Plan(BatchType.CALLBACK, Confirmation.TIMEOUT, has_operator=True, operator_tries=2)
BACK_MUTE_KEYED = Plan(BatchType.CALLBACK, Confirmation.DTMF, has_operator=True, operator_tries=2)

LATE = Expired(Timer.SECRETARY)
NO_KEY = Expired(Timer.KEY_GRACE)
AGAIN = Expired(Timer.OPERATOR_RETRY)


@dataclass(frozen=True)
class Flow:
    """``code``: the SIP code the attempt is filed under. What is up after ``events`` winds down by itself."""

    name: str
    plan: Plan
    events: Sequence[Event]
    outcome: Outcome
    result: Result | None
    fault: Fault = Fault.NONE
    code: int | None = 200

    def __str__(self) -> str:
        return self.name


OUTGOING = [
    Flow("confirmed by a key while the intro plays", KEYED,
         [Ringing(CLIENT), Answered(CLIENT), Digit(CLIENT, "5")], Outcome.ANSWERED, Result.CONFIRMED),
    Flow("confirmed by a key after the intro", KEYED,
         [Answered(CLIENT), Played(CLIENT), Digit(CLIENT, "1")], Outcome.ANSWERED, Result.CONFIRMED),
    Flow("a wrong key, then the right one", KEYED_ONE,
         [Answered(CLIENT), Digit(CLIENT, "5"), Digit(CLIENT, "1")], Outcome.ANSWERED, Result.CONFIRMED),
    Flow("a wrong key only", KEYED_ONE,
         [Answered(CLIENT), Digit(CLIENT, "5"), Played(CLIENT), Digit(CLIENT, "5"), NO_KEY],
         Outcome.ANSWERED, Result.DECLINED),
    Flow("no key", KEYED, [Answered(CLIENT), Played(CLIENT), NO_KEY], Outcome.ANSWERED, Result.DECLINED),
    Flow("hung up in the intro", KEYED, [Answered(CLIENT), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.DECLINED),
    Flow("hung up after the intro", KEYED,
         [Answered(CLIENT), Played(CLIENT), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.DECLINED),
    Flow("listened to the end", HEARD_OUT, [Answered(CLIENT), Played(CLIENT)], Outcome.ANSWERED, Result.CONFIRMED),
    Flow("timeout mode, a key means nothing", HEARD_OUT,
         [Answered(CLIENT), Digit(CLIENT, "1"), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.DECLINED),
    Flow("no intro confirms at answer", BARE, [Answered(CLIENT)], Outcome.ANSWERED, Result.CONFIRMED),
    Flow("transfer", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Ringing(OPERATOR), Answered(OPERATOR), Ended(OPERATOR, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("transfer, the client leaves first", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Answered(OPERATOR), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("transfer to a busy operator", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Ended(OPERATOR, BUSY)], Outcome.ANSWERED, Result.CALLBACK_FAILED),
    Flow("transfer that may not go out", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Refused(OPERATOR)], Outcome.ANSWERED, Result.CALLBACK_FAILED),
    Flow("client leaves while the operator rings", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Ringing(OPERATOR), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONFIRMED),
    Flow("client leaves, the operator answers that moment", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Ended(CLIENT, LEFT), Answered(OPERATOR), Ended(OPERATOR, HUNG_UP)],
         Outcome.ANSWERED, Result.CONFIRMED),
    Flow("transfer at answer", TRANSFER_AT_ANSWER,
         [Answered(CLIENT), Answered(OPERATOR), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.CONNECTED),
    Flow("declined, so nobody is called", TRANSFER,
         [Answered(CLIENT), Played(CLIENT), NO_KEY], Outcome.ANSWERED, Result.DECLINED),
    Flow("busy", KEYED, [Ended(CLIENT, BUSY)], Outcome.BUSY, None, Fault.CALLEE, 486),
    Flow("no answer", KEYED, [Ringing(CLIENT)], Outcome.NO_ANSWER, None, Fault.CALLEE, 487),
    Flow("rejected", KEYED, [Ended(CLIENT, REJECTED)], Outcome.REJECTED, None, Fault.CALLEE, 603),
    Flow("wrong number", KEYED, [Ended(CLIENT, WRONG_NUMBER)], Outcome.INVALID_NUMBER, None, Fault.NUMBER, 404),
    Flow("trunk overloaded", KEYED, [Ended(CLIENT, OVERLOADED)], Outcome.FAILED, None, Fault.TRUNK, 503),
    Flow("trunk silent", KEYED, [Ended(CLIENT, NO_REPLY)], Outcome.FAILED, None, Fault.TRUNK, None),
    Flow("media process dies in the intro: nobody declined", KEYED,
         [Answered(CLIENT), Ended(CLIENT, MEDIA_LOST)], Outcome.ANSWERED, None, Fault.OURS),
    Flow("withdrawn while ringing", KEYED,
         [Ringing(CLIENT), Withdrawn(gently=True), Ended(CLIENT, CANCELLED)], Outcome.CANCELED, None, code=487),
    Flow("withdrawn, yet answered that moment", KEYED,
         [Withdrawn(gently=False), Answered(CLIENT), Ended(CLIENT, HUNG_UP)], Outcome.CANCELED, None),
    Flow("withdrawn gently in the intro goes on", KEYED,
         [Answered(CLIENT), Withdrawn(gently=True), Digit(CLIENT, "1")], Outcome.ANSWERED, Result.CONFIRMED),
    Flow("withdrawn in the intro: nobody declined", KEYED,
         [Answered(CLIENT), Withdrawn(gently=False)], Outcome.CANCELED, None),
    Flow("withdrawn while they talk", TRANSFER,
         [Answered(CLIENT), Digit(CLIENT, "1"), Answered(OPERATOR), Withdrawn(gently=False)],
         Outcome.CANCELED, Result.CONNECTED),
    Flow("stopped while ringing may be tried again", KEYED,
         [Ringing(CLIENT), Stopped(), Ended(CLIENT, CANCELLED)], Outcome.FAILED, None, Fault.OURS, 487),
    Flow("stopped twice while ringing", KEYED,
         [Ringing(CLIENT), Stopped(), Stopped()], Outcome.FAILED, None, Fault.OURS, 487),
    Flow("stopped, then withdrawn: the first counts", KEYED,
         [Stopped(), Withdrawn(gently=False)], Outcome.FAILED, None, Fault.OURS, 487),
    Flow("stopped, yet answered that moment", KEYED,
         [Stopped(), Answered(CLIENT), Ended(CLIENT, HUNG_UP)], Outcome.ANSWERED, None),
    Flow("stopped, yet rejected that moment", KEYED,
         [Stopped(), Ended(CLIENT, REJECTED)], Outcome.REJECTED, None, Fault.CALLEE, 603),
    Flow("stopped in the intro: nobody declined, nobody is called again", KEYED,
         [Answered(CLIENT), Stopped()], Outcome.ANSWERED, None),
    Flow("opts out in the intro, although any key confirms", OPT_OUT,
         [Answered(CLIENT), Digit(CLIENT, "9")], Outcome.ANSWERED, Result.OPTED_OUT),
    Flow("opts out where only listening confirms", OPT_OUT_HEARD,
         [Answered(CLIENT), Digit(CLIENT, "1"), Digit(CLIENT, "9")], Outcome.ANSWERED, Result.OPTED_OUT),
    Flow("opts out after the intro", OPT_OUT,
         [Answered(CLIENT), Played(CLIENT), Digit(CLIENT, "9")], Outcome.ANSWERED, Result.OPTED_OUT),
    Flow("opts out while the operator rings", OPT_OUT,
         [Answered(CLIENT), Digit(CLIENT, "1"), Ringing(OPERATOR), Digit(CLIENT, "9"), Answered(OPERATOR)],
         Outcome.ANSWERED, Result.OPTED_OUT),
    Flow("the key means nothing while they talk", OPT_OUT,
         [Answered(CLIENT), Digit(CLIENT, "1"), Answered(OPERATOR), Digit(CLIENT, "9"), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("an operator does not opt the client out", OPT_OUT,
         [Answered(CLIENT), Digit(CLIENT, "1"), Answered(OPERATOR), Digit(OPERATOR, "9"), Ended(OPERATOR, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("an end that got lost", KEYED, [Answered(CLIENT), Expired(Timer.LONGEST)], Outcome.ANSWERED, None),
]  # fmt: skip

CALLBACK = [
    Flow("operator accepts at answer, client answers", BACK,
         [Answered(OPERATOR), Answered(CLIENT), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.CONNECTED),
    Flow("operator accepts with a key", BACK_KEYED,
         [Ringing(OPERATOR), Answered(OPERATOR), Digit(OPERATOR, "1"), Ringing(CLIENT), Answered(CLIENT),
          Ended(OPERATOR, LEFT)], Outcome.ANSWERED, Result.CONNECTED),
    Flow("voicemail presses no key, the second try accepts", BACK_KEYED,
         [Answered(OPERATOR), NO_KEY, Ended(OPERATOR, HUNG_UP), AGAIN, Answered(OPERATOR), Digit(OPERATOR, "1"),
          Answered(CLIENT), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.CONNECTED),
    Flow("operator busy, then accepts before the secretary", BACK,
         [Ended(OPERATOR, BUSY), AGAIN, Answered(OPERATOR), Answered(CLIENT), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("operator late, accepts while the client rings", BACK,
         [LATE, Ringing(CLIENT), Answered(OPERATOR), Answered(CLIENT), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("operator joins while the secretary speaks", BACK,
         [LATE, Answered(CLIENT), Answered(OPERATOR), Ended(OPERATOR, LEFT)], Outcome.ANSWERED, Result.CONNECTED),
    Flow("operator joins by key while a message is left", BACK_KEYED,
         [LATE, Answered(CLIENT), Played(CLIENT), Answered(OPERATOR), Digit(OPERATOR, "1"), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("operator joins at the second try while the secretary speaks", BACK,
         [LATE, Answered(CLIENT), Ended(OPERATOR, BUSY), AGAIN, Answered(OPERATOR), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("what was measured of a message before the bridge means nothing after it", BACK,
         [LATE, Answered(CLIENT), Played(CLIENT), Answered(OPERATOR), Heard(CLIENT, 1.0), Ended(CLIENT, LEFT)],
         Outcome.ANSWERED, Result.CONNECTED),
    Flow("a message is left", BACK,
         [LATE, Answered(CLIENT), Played(CLIENT), Heard(CLIENT, 1.0)], Outcome.ANSWERED, Result.MESSAGE),
    Flow("opts out while the secretary speaks", BACK_OPT_OUT,
         [LATE, Answered(CLIENT), Digit(CLIENT, "9"), Answered(OPERATOR)], Outcome.ANSWERED, Result.OPTED_OUT),
    Flow("opts out instead of leaving a message", BACK_OPT_OUT,
         [LATE, Answered(CLIENT), Played(CLIENT), Digit(CLIENT, "9"), Heard(CLIENT, 1.0)],
         Outcome.ANSWERED, Result.OPTED_OUT),
    Flow("no message is left", BACK,
         [LATE, Answered(CLIENT), Played(CLIENT), Heard(CLIENT, 0.99)], Outcome.ANSWERED, Result.SECRETARY),
    Flow("client leaves while the secretary speaks", BACK,
         [LATE, Answered(CLIENT), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.SECRETARY),
    Flow("client leaves a message and hangs up", BACK_LAST_TRY,
         [Ended(OPERATOR, UNANSWERED), LATE, Answered(CLIENT), Played(CLIENT), Heard(CLIENT, 1.0),
          Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.MESSAGE),
    Flow("operator accepts, leaves while the client rings: the secretary stands in", BACK_LAST_TRY,
         [Answered(OPERATOR), Ringing(CLIENT), Ended(OPERATOR, LEFT), Answered(CLIENT), Played(CLIENT),
          Heard(CLIENT, 0.99)], Outcome.ANSWERED, Result.SECRETARY),
    Flow("the operator's tries are used up: the secretary goes ahead", BACK_SECRETARY,
         [Answered(CLIENT), Played(CLIENT), Heard(CLIENT, 1.0)], Outcome.ANSWERED, Result.MESSAGE),
    Flow("client busy, the operator is let go", BACK,
         [Answered(OPERATOR), Ended(CLIENT, BUSY)], Outcome.BUSY, None, Fault.CALLEE, 486),
    Flow("client busy to the secretary", BACK,
         [LATE, Ended(CLIENT, BUSY)], Outcome.BUSY, None, Fault.CALLEE, 486),
    Flow("client's dial may not go out", BACK,
         [Answered(OPERATOR), Refused(CLIENT), Ended(OPERATOR, HUNG_UP)], Outcome.CANCELED, None),
    Flow("a pause while nobody is on the line: the client is called once the batch goes on", BACK_LAST_TRY,
         [Ended(OPERATOR, BUSY), LATE, Refused(CLIENT, for_now=True)], Outcome.FAILED, None, Fault.OURS, 486),
    Flow("no intro, operator busy", BACK_MUTE,
         [Ended(OPERATOR, BUSY)], Outcome.BUSY, Result.CALLBACK_FAILED, Fault.CALLEE, 486),
    Flow("no intro, voicemail presses no key", BACK_MUTE_KEYED,
         [Answered(OPERATOR), NO_KEY], Outcome.NO_ANSWER, Result.CALLBACK_FAILED, Fault.CALLEE),
    Flow("no intro, operator leaves while the client rings", BACK_MUTE,
         [Answered(OPERATOR), Ringing(CLIENT), Ended(OPERATOR, LEFT), Ended(CLIENT, CANCELLED)],
         Outcome.CANCELED, Result.CALLBACK_FAILED, code=487),
    Flow("no intro, both answer", BACK_MUTE,
         [Answered(OPERATOR), Answered(CLIENT), Ended(CLIENT, LEFT)], Outcome.ANSWERED, Result.CONNECTED),
    Flow("withdrawn while the operator waits for the client", BACK,
         [Answered(OPERATOR), Ringing(CLIENT), Withdrawn(gently=True), Ended(CLIENT, CANCELLED)],
         Outcome.CANCELED, None, code=487),
    Flow("withdrawn gently while the secretary speaks goes on", BACK,
         [LATE, Answered(CLIENT), Withdrawn(gently=True), Played(CLIENT), Heard(CLIENT, 1.0)],
         Outcome.ANSWERED, Result.MESSAGE),
    Flow("withdrawn between two tries", BACK,
         [Ended(OPERATOR, BUSY), Withdrawn(gently=True)], Outcome.CANCELED, None, code=486),
    Flow("stopped before anybody answered may be tried again", BACK,
         [Ringing(OPERATOR), Stopped(), Ended(OPERATOR, CANCELLED)], Outcome.FAILED, None, Fault.OURS, 487),
    Flow("stopped while the client rings, yet he rejects that moment", BACK,
         [Answered(OPERATOR), Stopped(), Ended(CLIENT, REJECTED)], Outcome.REJECTED, None, Fault.CALLEE, 603),
    Flow("stopped while the secretary speaks", BACK,
         [LATE, Answered(CLIENT), Stopped()], Outcome.ANSWERED, Result.SECRETARY),
]  # fmt: skip


def walked(plan: Plan, events: Sequence[Event]) -> World:
    world = World.begin(plan)
    for event in events:
        world = world.after(event)
    return world


@pytest.mark.parametrize("flow", [*OUTGOING, *CALLBACK], ids=str)
def test_flow(flow: Flow) -> None:
    finish = walked(flow.plan, flow.events).wind_down().finish
    assert finish
    assert (finish.outcome, finish.result, finish.fault, finish.sip_code) == (
        flow.outcome,
        flow.result,
        flow.fault,
        flow.code,
    )


def test_the_intro_stops_at_the_key_and_the_client_hears_ringback_until_he_is_joined() -> None:
    confirmed = walked(TRANSFER, [Answered(CLIENT), Digit(CLIENT, "1")])
    assert confirmed.commands == (StopPlaying(CLIENT), Play(CLIENT, Tune.RINGBACK), Dial(OPERATOR))
    assert confirmed.after(Answered(OPERATOR)).commands == (Bridge(),)


def test_the_intro_stops_at_once_for_who_opts_out() -> None:
    assert walked(OPT_OUT, [Answered(CLIENT), Digit(CLIENT, "9")]).commands == (StopPlaying(CLIENT), Hangup(CLIENT))


def test_ten_seconds_are_left_for_a_key_after_the_intro() -> None:
    assert walked(KEYED, [Answered(CLIENT), Played(CLIENT)]).commands == (StartTimer(Timer.KEY_GRACE, 10.0),)


def test_who_confirms_without_an_operator_is_hung_up_on() -> None:
    assert walked(KEYED, [Answered(CLIENT), Digit(CLIENT, "1")]).commands == (StopPlaying(CLIENT), Hangup(CLIENT))


def test_the_operator_is_asked_for_a_key_and_not_told_of_the_client_before() -> None:
    asked = walked(BACK_KEYED, [Answered(OPERATOR)])
    assert asked.commands == (Play(OPERATOR, Tune.ATTENTION), StartTimer(Timer.KEY_GRACE, 10.0))
    assert not asked.dialled(CLIENT)


def test_the_secretary_waits_as_long_as_the_batch_says() -> None:
    plan = Plan(BatchType.CALLBACK, Confirmation.DTMF, has_intro=True, operator_tries=1, secretary_after=7.5)
    assert StartTimer(Timer.SECRETARY, 7.5) in World.begin(plan).commands


def test_the_operator_is_tried_again_after_the_call_delay() -> None:
    plan = Plan(BatchType.CALLBACK, Confirmation.DTMF, has_intro=True, operator_tries=2, call_delay=12.0)
    assert walked(plan, [Ended(OPERATOR, BUSY)]).commands == (StartTimer(Timer.OPERATOR_RETRY, 12.0),)
    assert walked(plan, [Ended(OPERATOR, BUSY), AGAIN]).commands == (Dial(OPERATOR),)


@pytest.mark.parametrize("ending", [WRONG_NUMBER, REJECTED])
def test_an_operator_whose_number_is_wrong_or_who_rejects_is_not_called_again(ending: Ending) -> None:
    world = walked(BACK, [Ended(OPERATOR, ending)])
    assert world.commands == ()
    assert world.after(LATE).commands == (Dial(CLIENT),)


def test_the_client_may_leave_a_message_of_two_minutes_with_eight_seconds_of_silence() -> None:
    assert walked(BACK, [LATE, Answered(CLIENT), Played(CLIENT)]).commands == (Listen(CLIENT, 120.0, 8.0),)


def test_an_operator_who_comes_while_the_client_rings_hears_ringback() -> None:
    assert walked(BACK, [LATE, Answered(OPERATOR)]).commands == (Play(OPERATOR, Tune.RINGBACK),)


def test_without_operator_and_intro_nobody_is_called() -> None:
    world = World.begin(Plan(BatchType.CALLBACK, Confirmation.TIMEOUT, operator_tries=0))
    assert world.finish
    assert world.finish.result is Result.CALLBACK_FAILED
    assert not world.dialled(CLIENT)
