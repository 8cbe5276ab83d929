"""Which calls go out, in which order, and what a claim says about them."""

from collections import Counter
from datetime import timedelta

import pytest
from support.store_world import LEASE, NOW, Node, World

from calldron.domain.batch import BatchState, BatchType, Confirmation
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome
from calldron.domain.plan import Plan

HOUR = timedelta(hours=1)


def test_nothing_comes_of_an_empty_store(node: Node) -> None:
    assert node.claim() == []
    assert node.next_due() is None


def test_a_claim_says_all_that_a_dial_needs(world: World, node: Node) -> None:
    sound = world.add_sound()
    batch = world.add_batch(
        1,
        caller_id="+74950000009",
        callback="+74950000002",
        confirmation=Confirmation.DTMF,
        confirm_digits="15",
        intro=sound,
        attempts=3,
        call_delay=70,
        ring_timeout=25,
        timeout_before_intro_callback=12,
        record=False,
    )
    call = world.calls().get()

    claim = node.claim_one()

    assert (claim.call_id, claim.batch_id, claim.account_id) == (call.pk, batch.pk, world.account.pk)
    assert (claim.number, claim.operator, claim.first) == (call.number, "+74950000002", Role.CLIENT)
    assert (claim.caller_id, claim.ring_timeout, claim.record, claim.sound_id) == (
        "+74950000009",
        25.0,
        False,
        sound.pk,
    )
    assert (claim.trunk.id, claim.trunk.host, claim.trunk.port) == (world.trunk.pk, "192.0.2.1", 5060)
    assert claim.plan == Plan(
        BatchType.BATCH, Confirmation.DTMF, "15", True, True, operator_tries=3, client_tries=3, call_delay=70,
        secretary_after=12,
    )  # fmt: skip


def test_a_claim_is_committed_intent(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()

    attempt = world.attempts().get()
    assert (attempt.pk, attempt.call_id, attempt.lease) == (claim.attempt_id, claim.call_id, claim.lease)
    assert (attempt.number_of_try, attempt.started_at, attempt.lease_until) == (1, NOW, NOW + LEASE)
    leg = world.legs().get()
    assert (leg.pk, leg.role, leg.number, leg.trunk_id) == (claim.leg_id, "client", claim.number, world.trunk.pk)
    assert leg.intended_at == NOW
    call = world.calls().get()
    assert (call.status, call.final, call.due_at, call.dialed_at) == ("dialing", False, None, NOW)
    assert (call.client_dials, call.operator_dials) == (1, 0)
    assert world.batch(batch.pk).now.dialed


@pytest.mark.parametrize(
    ("batch", "account", "shown"),
    [("+71", "+72", "+71"), ("", "+72", "+72"), ("", "", "+74950000001")],
)
def test_the_caller_id_is_the_batch_s_else_the_account_s_else_the_trunk_s(
    world: World, node: Node, batch: str, account: str, shown: str
) -> None:
    world.add_batch(1, account=world.add_account(caller_id=account), caller_id=batch)
    assert node.claim_one().caller_id == shown


def test_every_lease_is_its_own(world: World, node: Node) -> None:
    world.add_batch(20)
    assert len({claim.lease for claim in node.claim(20)}) == 20


# ---------------------------------------------------------------- what may go out


@pytest.mark.parametrize("state", [state for state in BatchState if state is not BatchState.RUNNING])
def test_a_batch_that_does_not_run_is_left_alone(world: World, node: Node, state: BatchState) -> None:
    world.batches().filter(pk=world.add_batch(1).pk).update(state=state)
    assert node.claim() == []
    assert node.next_due() is None
    world.batches().update(state=BatchState.RUNNING)
    assert node.claim_one()


def test_a_batch_that_is_deleted_is_left_alone(world: World, node: Node) -> None:
    world.add_batch(1, deleting=True)
    assert node.claim() == []


def test_no_call_is_claimed_twice(world: World, node: Node) -> None:
    world.add_batch(5)
    first, second = node.claim(3), node.claim(3)
    assert len({claim.call_id for claim in first + second}) == 5
    assert node.claim() == []


def test_calls_go_out_in_the_order_in_which_they_came(world: World, node: Node) -> None:
    world.add_batch(6)
    order = [claim.number for _ in range(3) for claim in node.claim(2)]
    assert order == [call.number for call in world.calls()]


def test_a_call_waits_for_its_time(world: World, node: Node) -> None:
    batch = world.add_batch()
    world.add_calls(batch, 1, due=NOW + HOUR)
    assert node.claim() == []
    assert node.next_due() == NOW + HOUR
    assert node.claim(at=NOW + HOUR - timedelta(microseconds=1)) == []
    assert node.claim_one(at=NOW + HOUR)


def test_calls_added_to_a_batch_that_had_none_left_go_out(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    node.claim_one()
    assert node.claim() == []
    world.add_calls(batch, 1)
    assert node.claim_one()


# ---------------------------------------------------------------- windows

# NOW is 12:00 UTC, 15:00 in Moscow.
MOSCOW = {"time_zone": "Moscow", "minute_from": 16 * 60, "minute_to": 18 * 60}


def test_a_closed_window_holds_every_call(world: World, node: Node) -> None:
    world.add_batch(3, **MOSCOW)
    assert node.claim() == []
    assert node.next_due() == NOW + HOUR
    assert len(node.claim(at=NOW + HOUR)) == 3


def test_a_window_that_closed_opens_on_another_day(world: World, node: Node) -> None:
    world.add_batch(3, **MOSCOW)
    assert node.claim(at=NOW + 3 * HOUR) == []
    assert node.next_due(at=NOW + 3 * HOUR) == NOW + 25 * HOUR


def test_a_window_that_was_changed_counts_at_once(world: World, node: Node) -> None:
    batch = world.add_batch(1, **MOSCOW)
    assert node.claim() == []
    world.change(batch, minute_from=15 * 60)
    assert node.claim_one()


@pytest.mark.parametrize("kind", list(BatchType))
def test_a_window_holds_for_every_type(world: World, node: Node, kind: BatchType) -> None:
    world.add_batch(1, type=kind, callback="+74950000002", **MOSCOW)
    assert node.claim() == []


# ---------------------------------------------------------------- turns


def served(claims: list) -> dict[int, int]:
    return dict(Counter(claim.batch_id for claim in claims))


def test_room_is_shared_evenly(world: World, node: Node) -> None:
    batches = [world.add_batch(20) for _ in range(4)]
    assert served(node.claim(20)) == {batch.pk: 5 for batch in batches}


def test_what_a_small_batch_leaves_goes_to_the_others(world: World, node: Node) -> None:
    small, one, two = world.add_batch(2), world.add_batch(50), world.add_batch(50)
    assert served(node.claim(20)) == {small.pk: 2, one.pk: 9, two.pk: 9}


def test_a_large_batch_does_not_starve_a_small_one(world: World, node: Node) -> None:
    large, small = world.add_batch(200), world.add_batch(10)
    assert served(node.claim(20)) == {large.pk: 10, small.pk: 10}


@pytest.mark.parametrize("kind", list(BatchType))
def test_single_rooms_go_round(world: World, node: Node, kind: BatchType) -> None:
    batches = [world.add_batch(20, type=kind, callback="+74950000002") for _ in range(5)]
    order = [node.claim_one(at=NOW + timedelta(milliseconds=step)).batch_id for step in range(15)]
    assert order == [batch.pk for batch in batches] * 3


def test_turns_go_on_where_the_last_claim_stopped(world: World, node: Node) -> None:
    batches = [world.add_batch(20) for _ in range(3)]
    order = [claim.batch_id for step in range(3) for claim in node.claim(2, at=NOW + timedelta(seconds=step))]
    assert Counter(order) == {batch.pk: 2 for batch in batches}


def test_instant_and_callback_go_ahead_of_batches(world: World, node: Node) -> None:
    world.add_batch(10)
    instant = world.add_batch(3, type=BatchType.INSTANT)
    callback = world.add_callback(3)
    assert {claim.batch_id for claim in node.claim(6)} == {instant.pk, callback.pk}
    assert len(node.claim(20)) == 10


def test_more_batches_than_fit_one_look_are_all_served(world: World, node: Node) -> None:
    closed = [world.add_batch(1, **MOSCOW) for _ in range(150)]
    open_one = world.add_batch(1)
    assert [claim.batch_id for claim in node.claim(1)] == [open_one.pk]
    assert len(node.claim(1_000, at=NOW + HOUR)) == len(closed)


# ---------------------------------------------------------------- who is dialled first


def test_a_callback_starts_with_the_operator(world: World, node: Node) -> None:
    world.add_callback(attempts=2)
    claim = node.claim_one()
    assert claim.first is Role.OPERATOR
    assert (claim.plan.operator_tries, claim.plan.client_tries) == (2, 2)
    leg = world.legs().get()
    assert (leg.role, leg.number) == ("operator", "+74950000002")
    call = world.calls().get()
    assert (call.client_dials, call.operator_dials, call.status) == (0, 1, "dialing")


def test_once_the_operator_s_tries_are_used_up_the_secretary_calls_the_client(world: World, node: Node) -> None:
    world.add_callback(intro=True, attempts=1, call_delay=10)
    first = node.claim_one()
    assert node.intend(first, Role.CLIENT) is not None
    world.batches().update(attempts=2)
    assert node.intend(first, Role.OPERATOR) is not None
    node.finish(first, Outcome.BUSY)
    second = node.claim_one(at=NOW + timedelta(seconds=10))
    assert second.first is Role.CLIENT
    assert (second.plan.operator_tries, second.plan.client_tries) == (0, 1)


def test_a_later_try_says_what_is_left(world: World, node: Node) -> None:
    world.add_batch(1, attempts=3, call_delay=0)
    node.finish(node.claim_one(), Outcome.BUSY)
    assert node.claim_one().plan.client_tries == 2
    assert list(world.attempts().values_list("number_of_try", flat=True)) == [1, 2]


def test_attempts_that_were_lowered_hold_for_calls_that_wait(world: World, node: Node) -> None:
    batch = world.add_batch(2, attempts=3, call_delay=0)
    claims = node.claim()
    node.finish(claims[0], Outcome.BUSY)
    node.finish(claims[1], Outcome.ANSWERED)
    world.change(batch, attempts=1)
    assert node.claim() == []
    call = world.calls().first()
    assert call is not None
    assert (call.status, call.final, call.due_at) == ("busy", True, None)
    assert world.batch(batch.pk).now.state == BatchState.FINISHED


def test_a_call_that_can_no_longer_be_made_expires(world: World, node: Node) -> None:
    batch = world.add_callback(2)
    world.change(batch, callback="")
    assert node.claim() == []
    assert set(world.calls().values_list("status", "final", "ended_at")) == {("expired", True, NOW)}
    assert world.batch(batch.pk).now.state == BatchState.FINISHED
