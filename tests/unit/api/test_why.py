"""Why a call or a batch does not go out: every code, in words with names and numbers, and how many calls each holds."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import translation
from support.api_client import Api, said
from support.dialling import NOW, add_dialer, add_trunk, claimed, end, ended_unknown, leg

from calldron.domain.calendar import WEEKDAYS
from calldron.domain.outcome import Result
from calldron.domain.rule import Rule
from calldron.services import why
from calldron.services.why import Why, WhyOfBatch
from calldron.store.models import Account, Batch, Call, NodeRow, StopNumber, TrunkRow

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_work(db: None) -> None:
    """A trunk and a dialer."""
    add_trunk()
    add_dialer(NOW + 10_000 * HOUR)


def waiting(api: Api, calls: int = 1, **fields: Any) -> str:
    """A batch that runs, with calls that are due; its path."""
    batch = api.batch(**{"type": "instant", **fields})
    made = api.post(f"{batch}/calls", [{"phone_number": f"+7999777{number:04}"} for number in range(calls)])
    assert made.status_code == 201, made.content
    Batch.objects.filter(pk=batch.split("/")[2]).update(state="running")
    Call.objects.filter(batch=batch.split("/")[2]).update(due_at=NOW)
    return batch


def of_call(api: Api, batch: str, now: datetime = NOW, nth: int = -1) -> Why:
    assert api.account is not None
    batch_id = int(batch.split("/")[2])
    return why.of_call(api.account, batch_id, list(Call.objects.filter(batch=batch_id).order_by("id"))[nth].pk, now)


def of_batch(api: Api, batch: str, now: datetime = NOW) -> WhyOfBatch:
    assert api.account is not None
    told = why.of_batch(api.account, int(batch.split("/")[2]), now)
    assert sum(told.calls.values()) == Batch.objects.get(pk=batch.split("/")[2]).total
    return told


# ---------------------------------------------------------------- every code


def fresh(api: Api) -> str:
    batch = waiting(api)
    Batch.objects.update(state="fresh")
    return batch


def paused(api: Api) -> str:
    batch = waiting(api)
    Batch.objects.update(state="paused")
    return batch


def stopped_with_one_up(api: Api) -> str:
    batch = waiting(api, 2)
    claimed(room=1)
    Batch.objects.update(state="stopped")
    return batch


def on_the_stop_list(api: Api) -> str:
    batch = waiting(api)
    number = Call.objects.get().number
    StopNumber.objects.create(account=api.account, number=number, source="api", created_at=NOW - HOUR)
    return batch


def opted_out(api: Api) -> str:
    batch = on_the_stop_list(api)
    StopNumber.objects.update(source="opt_out")
    return batch


def without_an_attempt(api: Api) -> str:
    batch = waiting(api, attempts=2)
    Call.objects.update(client_dials=2)
    return batch


def with_nobody_to_connect(api: Api) -> str:
    batch = waiting(api, type="callback", callback="+74950000002", attempts=2)
    Batch.objects.update(callback="")
    return batch


def without_a_dialer(api: Api) -> str:
    NodeRow.objects.all().delete()
    return waiting(api)


def with_a_dialer_gone(api: Api) -> str:
    NodeRow.objects.update(seen_at=NOW - HOUR)
    return waiting(api)


def between_attempts(api: Api) -> str:
    batch = waiting(api, attempts=3, call_delay=600)
    (one,) = claimed()
    end(one, 486, NOW + SECOND)
    return batch


def outside_the_hours(api: Api) -> str:
    return waiting(api, time_zone="Europe/Moscow", time_from="18:00", time_to="21:00")


def on_a_holiday(api: Api) -> str:
    return waiting(api, time_zone="Europe/Moscow", days={"holidays": ["2026-03-02"]})


def on_a_day_without_calls(api: Api) -> str:
    return waiting(api, time_zone="Europe/Moscow", days={"mon": False, "tue": "10:00-12:00"})


def outside_the_hours_of_the_day(api: Api) -> str:
    return waiting(api, time_zone="Europe/Moscow", days={"mon": "09:00-14:30"})


def when_nobody_ever_calls(api: Api) -> str:
    batch = waiting(api, time_zone="Europe/Moscow")
    Batch.objects.update(days=dict.fromkeys(WEEKDAYS, False))
    return batch


def outside_the_hours_of_the_number(api: Api) -> str:
    batch = waiting(api, time_zone="callee", time_from="09:00", time_to="18:00")
    Call.objects.update(number="+73832123456")
    return batch


def dialled_often_enough(api: Api) -> str:
    Account.objects.update(quota_day=1, quota_month=10)
    waiting(api)
    end(*claimed())
    return waiting(api)


def without_a_trunk(api: Api) -> str:
    TrunkRow.objects.all().delete()
    return waiting(api)


def with_a_slowed_trunk(api: Api) -> str:
    TrunkRow.objects.update(strain=3, strain_changed_at=NOW, strain_until=NOW + timedelta(seconds=90))
    return waiting(api)


def with_a_rate_of_the_trunk(api: Api) -> str:
    TrunkRow.objects.update(cps=0.5, tat=NOW.timestamp() + 2)
    return waiting(api)


def with_the_trunk_full(api: Api) -> str:
    TrunkRow.objects.update(channels=1)
    waiting(api)
    claimed()
    return waiting(api)


def with_a_trunk_too_narrow(api: Api) -> str:
    TrunkRow.objects.update(channels=1)
    return waiting(api, type="callback", callback="+74950000002")


def with_a_rate_of_its_own(api: Api) -> str:
    batch = waiting(api, cps="0.5")
    Batch.objects.update(tat=NOW.timestamp() + 2)
    return batch


def with_its_own_channels_full(api: Api) -> str:
    batch = waiting(api, 2, channels=1)
    claimed()
    return batch


def with_a_rate_of_the_account(api: Api) -> str:
    Account.objects.update(cps=0.5, tat=NOW.timestamp() + 2)
    return waiting(api)


def with_the_account_s_channels_full(api: Api) -> str:
    Account.objects.update(channels=1)
    waiting(api)
    claimed()
    return waiting(api)


def first_in_line(api: Api) -> str:
    return waiting(api)


def third_in_line(api: Api) -> str:
    return waiting(api, 3)


def up(api: Api) -> str:
    batch = waiting(api)
    (one,) = claimed()
    leg(one, ringing_at=NOW)
    return batch


def being_taken_back(api: Api) -> str:
    batch = up(api)
    Call.objects.update(cancelled=True)
    return batch


CASES: list[tuple[Callable[[Api], str], Rule, str, str | None]] = [
    (fresh, Rule.BATCH_FRESH, "The batch has not been started.", None),
    (paused, Rule.BATCH_PAUSED, "The batch is paused; resume it.", None),
    (stopped_with_one_up, Rule.BATCH_STOPPED, "The batch is stopped for good.", None),
    (
        on_the_stop_list,
        Rule.STOP_LIST,
        "+79997770000 is on the stop list since 2026-03-02 11:00:00 UTC, so it is not called.",
        None,
    ),
    (
        opted_out,
        Rule.STOP_LIST,
        "+79997770000 is on the stop list since 2026-03-02 11:00:00 UTC: the client asked for it by a key.",
        None,
    ),
    (without_an_attempt, Rule.ATTEMPTS, "Attempts made: 2 of 2, so none follows.", None),
    (
        with_nobody_to_connect,
        Rule.ATTEMPTS,
        "There is nobody left to connect: the batch has neither an operator to be called nor an intro.",
        None,
    ),
    (without_a_dialer, Rule.NO_DIALER, 'No dialer is running: start "calldron serve" or "calldron dialer".', None),
    (
        with_a_dialer_gone,
        Rule.NO_DIALER,
        "No dialer is running: the last one was seen at 2026-03-02 11:00:00 UTC.",
        None,
    ),
    (
        between_attempts,
        Rule.RETRY_DELAY,
        "Attempts made: 1 of 3, the last until 2026-03-02 12:00:01 UTC. The number is busy. The next attempt is due at "
        "2026-03-02 12:10:01 UTC.",
        "2026-03-02 12:10:01",
    ),
    (
        outside_the_hours,
        Rule.WINDOW,
        "It is 15:00 in Europe/Moscow, outside the hours of the batch, 18:00-21:00. They begin again on 2026-03-02 "
        "18:00 there.",
        "2026-03-02 15:00:00",
    ),
    (
        on_a_holiday,
        Rule.WINDOW,
        "It is 2026-03-02 in Europe/Moscow, a holiday of the batch. They begin again on 2026-03-03 00:00 there.",
        "2026-03-02 21:00:00",
    ),
    (
        on_a_day_without_calls,
        Rule.WINDOW,
        "It is 2026-03-02 in Europe/Moscow, a day of the week on which the batch does not call. They begin again on "
        "2026-03-03 10:00 there.",
        "2026-03-03 07:00:00",
    ),
    (
        outside_the_hours_of_the_day,
        Rule.WINDOW,
        "It is 15:00 in Europe/Moscow, outside the hours of the batch, 09:00-14:30. They begin again on 2026-03-03 "
        "00:00 there.",
        "2026-03-02 21:00:00",
    ),
    (
        when_nobody_ever_calls,
        Rule.WINDOW,
        "It is 2026-03-02 in Europe/Moscow, a day of the week on which the batch does not call. No hour in which it "
        "calls is in sight.",
        None,
    ),
    (
        outside_the_hours_of_the_number,
        Rule.WINDOW,
        "The hours of the batch are those of the client's zone. It is 19:00 in Asia/Novosibirsk, outside the hours of "
        "the batch, 09:00-18:00. They begin again on 2026-03-03 09:00 there.",
        "2026-03-03 02:00:00",
    ),
    (
        dialled_often_enough,
        Rule.QUOTA,
        "The number was dialled as often as the account allows: 1 a day, 10 a month, by the days of Europe/Moscow.",
        "2026-03-02 21:00:00",
    ),
    (
        without_a_trunk,
        Rule.NO_TRUNK,
        'There is no trunk to carry calls: add one on the trunks page, or by "calldron trunk add".',
        None,
    ),
    (
        with_a_slowed_trunk,
        Rule.TRUNK_SLOWED,
        "The trunk refused calls of late and is slowed (mega): the next may leave at 2026-03-02 12:01:30 UTC.",
        "2026-03-02 12:01:30",
    ),
    (
        with_a_rate_of_the_trunk,
        Rule.TRUNK_RATE,
        "The trunks let calls leave only so fast (mega: 0.5 a second).",
        "2026-03-02 12:00:02",
    ),
    (with_the_trunk_full, Rule.TRUNK_CHANNELS, "All channels of the trunks are in use (mega: 1).", None),
    (
        with_a_trunk_too_narrow,
        Rule.TRUNK_CHANNELS,
        "A call of the batch needs 2 channels at once, and the limits leave no room for so many.",
        None,
    ),
    (
        with_a_rate_of_its_own,
        Rule.BATCH_RATE,
        "The batch itself lets no more than 0.5 calls a second leave.",
        "2026-03-02 12:00:02",
    ),
    (with_its_own_channels_full, Rule.BATCH_CHANNELS, "All channels that the batch may use are in use: 1.", None),
    (
        with_a_rate_of_the_account,
        Rule.ACCOUNT_RATE,
        "The account lets no more than 0.5 calls a second leave.",
        "2026-03-02 12:00:02",
    ),
    (
        with_the_account_s_channels_full,
        Rule.ACCOUNT_CHANNELS,
        "All channels that the account may use are in use: 1.",
        None,
    ),
    (first_in_line, Rule.TURN, "Nothing holds it: it is the next of its batch.", "2026-03-02 12:00:00"),
    (
        third_in_line,
        Rule.TURN,
        "Nothing holds it: it waits for its turn, 2 of its batch are before it.",
        "2026-03-02 12:00:00",
    ),
    (
        up,
        Rule.IN_PROGRESS,
        "It is under way since 2026-03-02 12:00:00 UTC. +79997770000: It rings.",
        None,
    ),
    (being_taken_back, Rule.IN_PROGRESS, "It was taken back and is being hung up.", None),
]


@pytest.mark.parametrize(("world", "code", "reason", "at"), CASES, ids=[case[0].__name__ for case in CASES])
def test_what_holds_a_call(api: Api, world: Callable[[Api], str], code: Rule, reason: str, at: str | None) -> None:
    batch = world(api)
    told = of_call(api, batch)
    assert (told.code, told.reason) == (code, reason)
    assert (told.eligible_at and f"{told.eligible_at:%Y-%m-%d %H:%M:%S}") == at
    assert told.rules[0] is code
    if code in (Rule.WINDOW, Rule.QUOTA):
        assert claimed() == []  # what holds single numbers is known once their turn has come
    assert code in of_batch(api, batch).calls or code is Rule.ATTEMPTS  # such calls end when their turn comes


def test_every_rule_is_told_somewhere_here() -> None:
    assert {code for _, code, _, _ in CASES} == set(Rule) - {Rule.FINAL}


# ---------------------------------------------------------------- calls that are over


def ended(code: int, result: Result | None = None, **fields: Any) -> Callable[[Api], str]:
    def world(api: Api) -> str:
        batch = waiting(api, **fields)
        (one,) = claimed()
        end(one, code, NOW + SECOND, result=result)
        return batch

    return world


def stopped_by_the_list(api: Api) -> str:
    batch = on_the_stop_list(api)
    assert claimed() == []
    return batch


def stopped_and_off_the_list_again(api: Api) -> str:
    batch = stopped_by_the_list(api)
    StopNumber.objects.all().delete()
    return batch


def expired(api: Api) -> str:
    batch = waiting(api)
    Call.objects.update(client_dials=1)
    assert claimed() == []
    return batch


def lost(api: Api) -> str:
    batch = waiting(api)
    (one,) = claimed()
    ended_unknown(one)
    return batch


def taken_back(api: Api) -> str:
    batch = waiting(api)
    assert api.delete(f"{batch}/calls/{Call.objects.get().pk}").status_code == 200
    return batch


def taken_back_with_its_batch(api: Api) -> str:
    batch = waiting(api)
    assert api.post(f"{batch}/stop").status_code == 200
    return batch


def left_by_its_operator(api: Api) -> str:
    batch = ended(480, Result.CALLBACK_FAILED)(api)
    Call.objects.update(status="canceled")
    return batch


@pytest.mark.parametrize(
    ("world", "code", "reason"),
    [
        (ended(200), Rule.FINAL, "It was answered."),
        (ended(200, Result.CONFIRMED), Rule.FINAL, "It was answered, and the client confirmed."),
        (ended(200, Result.OPTED_OUT), Rule.FINAL, "The client asked by a key never to be called again."),
        (ended(486), Rule.FINAL, "The number is busy. Attempts made: 1 of 1, so none follows."),
        (ended(603, attempts=3), Rule.FINAL, "The callee rejected the call. A call that ended so is not tried again."),
        (
            ended(486, attempts=3, retry={"busy": False}),
            Rule.FINAL,
            "The number is busy. A call that ended so is not tried again.",
        ),
        (
            stopped_by_the_list,
            Rule.STOP_LIST,
            "+79997770000 is on the stop list since 2026-03-02 11:00:00 UTC, so it is not called.",
        ),
        (stopped_and_off_the_list_again, Rule.STOP_LIST, "+79997770000 was on the stop list when its turn came."),
        (expired, Rule.FINAL, "It was never dialled, and no attempt is left to it."),
        (lost, Rule.FINAL, "The program died while the call was up, and nobody can know how it ended."),
        (taken_back, Rule.FINAL, "It was taken back."),
        (left_by_its_operator, Rule.FINAL, "Client and operator could not be connected."),
        (taken_back_with_its_batch, Rule.FINAL, "The batch was stopped before its turn came."),
    ],
)
def test_how_a_call_ended(api: Api, world: Callable[[Api], str], code: Rule, reason: str) -> None:
    batch = world(api)
    told = of_call(api, batch)
    assert (told.code, told.reason, told.eligible_at) == (code, reason, None)
    assert of_batch(api, batch).calls == {code: 1}


# ---------------------------------------------------------------- batches


def test_a_batch_that_dials_says_so(api: Api) -> None:
    TrunkRow.objects.update(channels=2)
    batch = waiting(api, 5)
    claimed()
    told = of_batch(api, batch)
    assert (told.code, told.reason) == (Rule.IN_PROGRESS, "Dialling: 2 up, 3 waiting.")
    assert told.calls == {Rule.IN_PROGRESS: 2, Rule.TRUNK_CHANNELS: 3}


def test_a_batch_in_line(api: Api) -> None:
    told = of_batch(api, waiting(api, 5))
    assert (told.code, told.reason, told.eligible_at) == (Rule.TURN, "Nothing holds it: 5 wait for their turn.", NOW)
    assert told.calls == {Rule.TURN: 5}


def test_a_batch_whose_hours_ended_while_calls_are_up(api: Api) -> None:
    batch = waiting(api, 3, time_zone="UTC", time_from="12:00", time_to="13:00")
    claimed(room=1)
    told = of_batch(api, batch, NOW + 2 * HOUR)
    assert (told.code, told.eligible_at) == (Rule.WINDOW, NOW + 24 * HOUR)
    assert told.reason.endswith(" Still up: 1.")
    assert told.calls == {Rule.IN_PROGRESS: 1, Rule.WINDOW: 2}


def test_a_batch_whose_calls_wait_for_their_next_attempt(api: Api) -> None:
    batch = waiting(api, 2, attempts=2, call_delay=600)
    for nth, one in enumerate(claimed()):
        end(one, 486, NOW + nth * SECOND)
    told = of_batch(api, batch)
    assert told.code is Rule.RETRY_DELAY
    assert told.reason == "2 wait for their next attempt, the first of them until 2026-03-02 12:10:00 UTC."
    assert (told.eligible_at, told.calls) == (NOW + 600 * SECOND, {Rule.RETRY_DELAY: 2})


def test_a_batch_whose_numbers_are_all_asleep(api: Api) -> None:
    batch = waiting(api, 2, time_zone="callee", time_from="09:00", time_to="18:00")
    Call.objects.update(number="+73832123456")
    assert claimed() == []
    told = of_batch(api, batch)
    assert told.code is Rule.WINDOW
    assert "The first may go out at 2026-03-03 02:00:00 UTC." in told.reason
    assert (told.eligible_at, told.calls) == (NOW + 14 * HOUR, {Rule.WINDOW: 2})


def test_a_batch_that_is_done(api: Api) -> None:
    batch = waiting(api, 2)
    for one in claimed():
        end(one)
    told = of_batch(api, batch)
    assert (told.code, told.reason, told.eligible_at) == (Rule.FINAL, "All of its calls are over: 2.", None)


def test_a_batch_whose_numbers_are_all_on_the_stop_list(api: Api) -> None:
    batch = waiting(api, 2)
    for call in Call.objects.all():
        StopNumber.objects.create(account=api.account, number=call.number, created_at=NOW)
    assert claimed() == []
    told = of_batch(api, batch)
    assert told.code is Rule.FINAL
    assert told.reason == "Nobody was dialled: its numbers are on the stop list. Calls that are over: 2."


def test_a_batch_without_calls(api: Api) -> None:
    batch = api.batch()
    assert of_batch(api, batch).code is Rule.BATCH_FRESH
    Batch.objects.update(state="running")
    told = of_batch(api, batch)
    assert (told.code, told.reason, told.calls) == (Rule.FINAL, "There are no calls in it.", {})


def test_calls_on_the_stop_list_are_counted_before_their_turn(api: Api) -> None:
    batch = waiting(api, 4)
    for call in Call.objects.order_by("id")[:2]:
        StopNumber.objects.create(account=api.account, number=call.number, created_at=NOW)
    assert of_batch(api, batch).calls == {Rule.STOP_LIST: 2, Rule.TURN: 2}
    NodeRow.objects.all().delete()
    assert of_batch(api, batch).calls == {Rule.STOP_LIST: 2, Rule.NO_DIALER: 2}
    Batch.objects.update(state="paused")
    assert of_batch(api, batch).calls == {Rule.BATCH_PAUSED: 4}


def test_a_stop_list_of_another_account_is_none(api: Api, outsider: Api) -> None:
    batch = waiting(api, 2)
    StopNumber.objects.create(account=outsider.account, number="+79997770000", created_at=NOW)
    assert of_batch(api, batch).calls == {Rule.TURN: 2}
    assert of_call(api, batch, nth=0).code is Rule.TURN


# ---------------------------------------------------------------- over HTTP


def test_the_answers(api: Api) -> None:
    batch = waiting(api, 2)
    Batch.objects.update(state="paused")
    call = f"{batch}/calls/{Call.objects.order_by('id')[0].pk}"
    assert said(api.get(f"{call}/why")) == {
        "code": "batch_paused",
        "reason": "The batch is paused; resume it.",
        "eligible_at": None,
        "rules": ["batch_paused"],
    }
    assert said(api.get(f"{batch}/why")) == {
        "code": "batch_paused",
        "reason": "The batch is paused; resume it.",
        "eligible_at": None,
        "calls": {"batch_paused": "2"},
    }


def test_the_reason_is_in_the_language_of_the_request(api: Api) -> None:
    batch = waiting(api)
    Batch.objects.update(state="paused")
    assert said(api.get(f"{batch}/why", Accept_Language="ru"))["reason"] == "Обзвон на паузе; продолжите его."


def test_figures_in_a_reason_are_written_as_its_language_writes_them(api: Api) -> None:
    batch = with_a_rate_of_its_own(api)
    with translation.override("ru"):
        assert of_call(api, batch).reason == "Сам обзвон ограничен: не больше 0,5 звонков в секунду."
    crowd = [{"phone_number": f"+7999{nth:07}"} for nth in range(999)]
    batch = waiting(api)
    assert api.post(f"{batch}/calls", crowd).status_code == 201
    told = said(api.get(f"{batch}/why", Accept_Language="ru"))
    assert told["reason"] == "Ничто не мешает: своей очереди ждут 1\xa0000."
    assert said(api.get(f"{batch}/why"))["reason"] == "Nothing holds it: 1,000 wait for their turn."


def test_when_it_goes_on_is_told_in_full_seconds(api: Api) -> None:
    batch = waiting(api)
    at = datetime(2100, 1, 1, 12, 0, 0, 500_000, tzinfo=NOW.tzinfo)
    Call.objects.update(due_at=at)
    NodeRow.objects.update(seen_at=at)
    told = said(api.get(f"{batch}/why"))
    assert (told["code"], told["eligible_at"]) == ("retry_delay", "2100-01-01 12:00:01")
    assert told["reason"] == "1 wait for their next attempt, the first of them until 2100-01-01 12:00:01 UTC."
    assert told["calls"] == {"retry_delay": "1"}
