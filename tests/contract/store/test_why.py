"""What is told of a waiting call is what the claim does: the rule that holds it, and the second that lets it go."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.db import connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.store_world import LEASE, NOW, Node, World

from calldron.domain.batch import BatchState
from calldron.domain.calendar import WEEKDAYS
from calldron.domain.outcome import Outcome
from calldron.domain.rule import Hold, Rule
from calldron.store import turns
from calldron.store.models import Batch, NodeRow
from calldron.store.reports import waiting
from calldron.store.reports.look import Look, Standing
from calldron.store.session import Session

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LANDLINE = "+73832123456"  # Novosibirsk, 7 hours ahead of UTC
EVENING = {"minute_from": 18 * 60, "minute_to": 21 * 60}


@dataclass
class Told:
    """What is said of the last call of a batch."""

    holds: list[Hold]
    eligible_at: datetime | None

    @property
    def code(self) -> Rule:
        return self.holds[0].rule if self.holds else Rule.TURN


def look_at(world: World, batch: Batch, now: datetime = NOW) -> Look:
    session = Session(connections[world.alias])
    turn = turns.one(session, batch.pk)
    assert turn is not None
    row = world.batch(batch.pk).now
    return Look(session, turn, BatchState(row.state), row.wait_until, now, now - 2 * LEASE)


def told(world: World, batch: Batch, now: datetime = NOW) -> Told:
    call = world.calls(batch=batch).last()
    assert call is not None
    look = look_at(world, batch, now)
    standing = Standing(call.number, call.final, call.due_at, call.held_by, call.client_dials, call.operator_dials)
    return Told(list(look.holds(standing)), look.eligible_at(standing))


def counted(world: World, batch: Batch, now: datetime = NOW) -> waiting.Waiting:
    return waiting.count(Session(connections[world.alias]), batch.pk, now)


@pytest.fixture(autouse=True)
def dialer(world: World) -> NodeRow:
    """Somebody is there to dial, in a month too."""
    return NodeRow.objects.using(world.alias).create(name="dialer", started_at=NOW, seen_at=NOW + 90 * DAY)


def limit(world: World, whose: str, **limits: float) -> None:
    if whose == "account":
        world.change_account(**limits)
    else:
        {"trunk": world.trunks, "batch": world.batches}[whose]().update(**limits)


def taken_at(world: World, batch: Batch, node: Node, at: datetime) -> bool:
    """Whether a claim at that moment takes the batch's last call."""
    call = world.calls(batch=batch).last()
    assert call is not None
    return call.pk in {claim.call_id for claim in node.claim(at=at)}


def assert_taken_when_told(world: World, node: Node, batch: Batch, rule: Rule, now: datetime = NOW) -> datetime:
    """The rule is told, a claim a second before ``eligible_at`` takes nothing, and one then takes the call."""
    before = told(world, batch, now)
    assert before.code is rule
    assert before.eligible_at is not None
    assert before.eligible_at > now
    assert not taken_at(world, batch, node, now)
    assert not taken_at(world, batch, node, before.eligible_at - SECOND)
    assert told(world, batch, before.eligible_at - SECOND).eligible_at == before.eligible_at
    assert taken_at(world, batch, node, before.eligible_at)
    assert told(world, batch, before.eligible_at).code is Rule.IN_PROGRESS
    return before.eligible_at


# ---------------------------------------------------------------- what time lets go


def test_outside_the_hours(world: World, node: Node) -> None:
    batch = world.add_batch(1, time_zone="Europe/Moscow", **EVENING)
    assert assert_taken_when_told(world, node, batch, Rule.WINDOW) == NOW + 3 * HOUR


def test_on_a_day_without_calls(world: World, node: Node) -> None:
    batch = world.add_batch(1, days={"mon": False, "tue": False})  # NOW is a Monday
    assert assert_taken_when_told(world, node, batch, Rule.WINDOW) == datetime(2026, 3, 4, tzinfo=NOW.tzinfo)


def test_outside_the_hours_of_the_number(world: World, node: Node) -> None:
    batch = world.add_batch(time_zone="callee", time_zone_fallback="UTC", minute_from=9 * 60, minute_to=18 * 60)
    world.add_calls(batch, 1)
    world.calls().update(number=LANDLINE)
    at = assert_taken_when_told(world, node, batch, Rule.WINDOW)
    assert at == datetime(2026, 3, 3, 2, tzinfo=NOW.tzinfo)


def test_before_the_next_attempt(world: World, node: Node) -> None:
    batch = world.add_batch(1, attempts=2, call_delay=600)
    node.finish(node.claim_one(), Outcome.BUSY)
    assert assert_taken_when_told(world, node, batch, Rule.RETRY_DELAY) == NOW + timedelta(minutes=10)


def test_before_the_next_attempt_that_falls_out_of_the_hours(world: World, node: Node) -> None:
    batch = world.add_batch(1, attempts=2, call_delay=7 * 3600, minute_from=9 * 60, minute_to=18 * 60)
    node.finish(node.claim_one(), Outcome.BUSY)
    at = assert_taken_when_told(world, node, batch, Rule.RETRY_DELAY)
    assert at == datetime(2026, 3, 3, 9, tzinfo=NOW.tzinfo)


@pytest.mark.parametrize(
    ("limits", "until"),
    [
        ({"quota_day": 1}, datetime(2026, 3, 3, tzinfo=NOW.tzinfo)),
        ({"quota_week": 1}, datetime(2026, 3, 9, tzinfo=NOW.tzinfo)),
        ({"quota_month": 1, "quota_day": 5}, datetime(2026, 4, 1, tzinfo=NOW.tzinfo)),
    ],
)
@pytest.mark.parametrize("looked_at", [False, True])
def test_when_the_number_was_dialled_often_enough(
    world: World, node: Node, limits: dict[str, int], until: datetime, looked_at: bool
) -> None:
    world.change_account(time_zone="UTC", **limits)
    other = world.add_batch(1)
    node.finish(node.claim_one())
    batch = world.add_batch(1)
    world.calls(batch=batch).update(number=world.calls(batch=other).get().number)
    if looked_at:
        assert node.claim() == []
        assert world.calls(batch=batch).get().held_by == Rule.QUOTA
    assert assert_taken_when_told(world, node, batch, Rule.QUOTA) == until


def test_while_the_trunk_asked_to_wait(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    world.trunks().update(strain=1, strain_changed_at=NOW, strain_until=NOW + timedelta(seconds=90, milliseconds=1))
    at = assert_taken_when_told(world, node, batch, Rule.TRUNK_SLOWED)
    assert at == NOW + timedelta(seconds=91)  # told in full seconds, and none too early


def test_while_the_trunk_is_slowed(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    world.trunks().update(strain=9, strain_changed_at=NOW, tat=NOW.timestamp() + 29.5)
    assert assert_taken_when_told(world, node, batch, Rule.TRUNK_SLOWED) == NOW + timedelta(seconds=30)


@pytest.mark.parametrize("whose", ["trunk", "batch", "account"])
def test_while_the_rate_is_spent(world: World, node: Node, whose: str) -> None:
    batch = world.add_batch(1)
    limit(world, whose, cps=0.1, tat=NOW.timestamp() + 7)
    rule = {"trunk": Rule.TRUNK_RATE, "batch": Rule.BATCH_RATE, "account": Rule.ACCOUNT_RATE}[whose]
    assert assert_taken_when_told(world, node, batch, rule) == NOW + timedelta(seconds=7)


def test_a_rate_comes_after_the_hours(world: World, node: Node) -> None:
    batch = world.add_batch(1, minute_from=12 * 60 + 2, minute_to=21 * 60)
    world.trunks().update(strain=1, strain_changed_at=NOW, strain_until=NOW + timedelta(minutes=4))
    before = told(world, batch)
    assert [hold.rule for hold in before.holds] == [Rule.WINDOW, Rule.TRUNK_SLOWED]
    assert assert_taken_when_told(world, node, batch, Rule.WINDOW) == NOW + timedelta(minutes=4)


# ---------------------------------------------------------------- what something else has to let go


def test_nothing_holds_it(world: World, node: Node) -> None:
    batch = world.add_batch(3)
    assert told(world, batch) == Told([], NOW)
    assert taken_at(world, batch, node, NOW)


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (BatchState.FRESH, Rule.BATCH_FRESH),
        (BatchState.PAUSED, Rule.BATCH_PAUSED),
        (BatchState.STOPPED, Rule.BATCH_STOPPED),
    ],
)
def test_a_batch_that_does_not_run(world: World, node: Node, state: BatchState, rule: Rule) -> None:
    batch = world.add_batch(1, state=state, **EVENING)
    before = told(world, batch)
    assert [hold.rule for hold in before.holds] == [rule, Rule.WINDOW]
    assert before.eligible_at is None
    assert node.claim() == []


def test_the_stop_list(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    world.add_stop(world.calls().get().number)
    before = told(world, batch)
    assert (before.code, before.eligible_at) == (Rule.STOP_LIST, None)
    assert node.claim() == []
    assert told(world, batch).code is Rule.FINAL
    assert counted(world, batch).stopped == 1


def test_no_attempt_is_left(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    world.calls().update(client_dials=1)
    before = told(world, batch)
    assert (before.code, before.eligible_at) == (Rule.ATTEMPTS, None)
    world.calls().update(client_dials=0)  # as its legs say


@pytest.mark.parametrize("seen", [None, NOW - 2 * LEASE - SECOND])
def test_nobody_is_there_to_dial(world: World, dialer: NodeRow, seen: datetime | None) -> None:
    batch = world.add_batch(1)
    if seen is None:
        dialer.delete()
    else:
        NodeRow.objects.using(world.alias).update(seen_at=seen)
    before = told(world, batch)
    assert (before.code, before.eligible_at) == (Rule.NO_DIALER, None)


def test_a_dialer_that_was_seen_a_lease_ago_is_there(world: World) -> None:
    batch = world.add_batch(1)
    NodeRow.objects.using(world.alias).update(seen_at=NOW - LEASE)
    assert told(world, batch).code is Rule.TURN


def test_there_is_no_trunk(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    world.trunks().delete()
    before = told(world, batch)
    assert (before.code, before.eligible_at) == (Rule.NO_TRUNK, None)
    assert node.claim() == []


@pytest.mark.parametrize("whose", ["trunk", "batch", "account"])
def test_all_channels_are_in_use(world: World, node: Node, whose: str) -> None:
    batch = world.add_batch(2)
    limit(world, whose, channels=1)
    assert len(node.claim()) == 1
    before = told(world, batch)
    rule = {"trunk": Rule.TRUNK_CHANNELS, "batch": Rule.BATCH_CHANNELS, "account": Rule.ACCOUNT_CHANNELS}[whose]
    assert (before.code, before.eligible_at) == (rule, None)


def test_channels_in_use_now_say_nothing_of_tomorrow(world: World, node: Node) -> None:
    world.trunks().update(channels=1)
    world.add_batch(1)
    node.claim_one()
    batch = world.add_batch(1, **EVENING)
    before = told(world, batch)
    assert [hold.rule for hold in before.holds] == [Rule.WINDOW, Rule.TRUNK_CHANNELS]
    assert before.eligible_at == NOW + 6 * HOUR


def test_more_channels_than_there_are_is_never(world: World, node: Node) -> None:
    world.trunks().update(channels=1)
    batch = world.add_callback(1, **EVENING)
    assert told(world, batch).eligible_at is None
    assert not look_at(world, batch).could_ever_take(2)
    assert node.claim(at=NOW + 6 * HOUR) == []


def test_hours_that_never_come(world: World) -> None:
    batch = world.add_batch(1, days=dict.fromkeys(WEEKDAYS, False))
    before = told(world, batch)
    assert (before.code, before.eligible_at) == (Rule.WINDOW, None)


def test_a_call_that_is_up_and_one_that_is_over(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()
    assert (told(world, batch).code, told(world, batch).eligible_at) == (Rule.IN_PROGRESS, None)
    node.finish(claim)
    assert (told(world, batch).code, told(world, batch).eligible_at) == (Rule.FINAL, None)


# ---------------------------------------------------------------- counts


def test_calls_are_counted_by_what_they_wait_for(world: World, node: Node) -> None:
    world.change_account(time_zone="UTC", quota_day=1)
    batch = world.add_batch(10, attempts=2, call_delay=600)
    for claim, outcome in zip(node.claim(4), [Outcome.ANSWERED, Outcome.BUSY, Outcome.BUSY], strict=False):
        node.finish(claim, outcome)
    calls = list(world.calls().order_by("id"))
    world.calls(pk__in=[calls[8].pk, calls[9].pk]).update(number=calls[0].number)
    world.add_stop(calls[7].number)
    world.add_stop(calls[1].number)
    held = node.claim(room=1)  # takes calls[4]
    assert [claim.call_id for claim in held] == [calls[4].pk]
    node.claim(room=3)  # takes two, ends one, holds two
    session = Session(connections[world.alias])
    now = counted(world, batch)
    assert (now.total, now.up, now.due, now.stopped, now.final) == (10, 4, 0, 1, 2)
    assert now.later == {Rule.RETRY_DELAY: 2, Rule.QUOTA: 2}
    seen = waiting.glance(session, batch.pk, NOW)
    assert (seen.total, seen.up, seen.waiting, seen.due) == (10, 4, 4, False)
    assert seen.following == Hold(Rule.RETRY_DELAY, NOW + timedelta(minutes=10))
    assert waiting.on_stop_list(session, batch.pk, world.account.pk, NOW) == {Rule.RETRY_DELAY: 1}
    later = counted(world, batch, NOW + HOUR)
    assert (later.due, later.later[Rule.RETRY_DELAY], later.later[Rule.QUOTA]) == (2, 0, 2)
    assert waiting.glance(session, batch.pk, NOW + HOUR).due
    assert waiting.on_stop_list(session, batch.pk, world.account.pk, NOW + HOUR) == {None: 1}


def test_calls_ahead_are_those_that_are_claimed_first(world: World, node: Node) -> None:
    batch = world.add_batch(5)
    session = Session(connections[world.alias])
    places = {call.pk: waiting.ahead(session, batch.pk, call.pk, NOW) for call in world.calls()}
    assert [places[node.claim_one().call_id] for _ in range(5)] == list(range(5))


# ---------------------------------------------------------------- all together


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])  # each leaves nothing behind
@given(data=st.data())
def test_whatever_holds_a_call_it_is_taken_in_the_second_that_is_told(
    world: World, node: Node, data: st.DataObject
) -> None:
    draw: Callable[[st.SearchStrategy[int]], int] = data.draw
    now = NOW + draw(st.integers(0, 14 * 24 * 60)) * timedelta(minutes=1)
    account = world.add_account(time_zone="Asia/Tokyo", quota_day=draw(st.integers(0, 1)), cps=draw(st.integers(0, 1)))
    batch = world.add_batch(
        1,
        account=account,
        attempts=3,
        call_delay=draw(st.integers(0, 200_000)),
        time_zone=data.draw(st.sampled_from(["callee", "Europe/Moscow", "America/St_Johns"])),
        time_zone_fallback="Asia/Kathmandu",
        minute_from=draw(st.integers(0, 1439)),
        minute_to=draw(st.integers(0, 1439)),
        days=data.draw(st.sampled_from([{}, {"sat": False, "sun": "23:00-02:00"}, {"holidays": ["03-05", "RU"]}])),
    )
    world.calls(batch=batch).update(number=data.draw(st.sampled_from([LANDLINE, "+79161234567"])), due_at=now)
    if draw(st.booleans()):
        world.batches().filter(pk=batch.pk).update(minute_from=None, minute_to=None, days={})
        claims = node.claim(at=now)
        node.finish(claims[0], Outcome.BUSY, at=now)
        world.change(batch, minute_from=batch.minute_from, minute_to=batch.minute_to, days=batch.days)
    strain = draw(st.integers(0, 3))
    until = now + timedelta(seconds=draw(st.integers(0, 200)), milliseconds=draw(st.integers(0, 999)))
    world.trunks().update(strain=strain, strain_changed_at=now, strain_until=until if strain else None)

    before = told(world, batch, now)
    assert before.eligible_at is not None
    if before.holds:
        assert not taken_at(world, batch, node, now)
        assert not taken_at(world, batch, node, before.eligible_at - SECOND)
    assert taken_at(world, batch, node, before.eligible_at)

    world.trunks().update(strain=0, strain_until=None, tat=0)
    for call in world.calls(batch=batch):
        attempt = world.attempts(call=call, ended_at=None).get()
        world.legs(attempt=attempt, ended_at=None).update(ended_at=now)
        world.attempts(pk=attempt.pk).update(ended_at=now)
    world.batches().filter(pk=batch.pk).update(state=BatchState.FINISHED, unfinished=0)
    world.calls(batch=batch).update(final=True, status="answered")
