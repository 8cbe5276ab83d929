"""Channels and calls a second of the trunks, held by the claim itself."""

from datetime import datetime, timedelta

import pytest
from support.store_world import LEASE, NOW, Node, World

from calldron.dialer.ports import Late, LegIntent
from calldron.domain.batch import BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome
from calldron.domain.pacing import LEEWAY
from calldron.store.queue import SqlStore

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _only_the_trunks_of_the_test(world: World) -> None:
    world.trunk.delete()


def test_without_a_trunk_calls_wait(world: World, node: Node) -> None:
    world.add_batch(2)
    assert node.claim() == []
    assert node.next_due() is None
    world.add_trunk()
    assert len(node.claim()) == 2


def test_no_more_legs_than_channels(world: World, node: Node) -> None:
    world.add_trunk(channels=3)
    world.add_batch(10)
    claims = node.claim()
    assert len(claims) == 3
    assert node.claim() == []
    assert node.next_due() is None  # a channel comes free when a call ends, not when time passes
    node.finish(claims[0])
    assert len(node.claim()) == 1


def test_channels_are_counted_over_all_nodes(world: World, node: Node) -> None:
    world.add_trunk(channels=3)
    world.add_batch(10)
    assert len(node.claim(2)) == 2
    assert len(world.node().claim(2)) == 1


def test_a_channel_is_kept_for_the_operator(world: World, node: Node) -> None:
    world.add_trunk(channels=5)
    world.add_batch(10, callback="+74950000002")
    assert len(node.claim()) == 2  # two legs each
    assert node.next_due() is None


def test_a_call_that_needs_two_channels_is_not_overtaken_for_ever(world: World, node: Node) -> None:
    world.add_trunk(channels=2)
    world.add_batch(10)
    first, second = node.claim(2)
    callback = world.add_callback(1)
    node.finish(first)
    assert node.claim() == []  # one is free: it is kept for the callback
    assert node.next_due() is None
    node.finish(second)
    assert [claim.batch_id for claim in node.claim()] == [callback.pk]


def test_a_call_that_no_trunk_could_carry_holds_up_nobody(world: World, node: Node) -> None:
    world.add_trunk(channels=1)
    callback = world.add_callback(1)
    batch = world.add_batch(1)
    assert [claim.batch_id for claim in node.claim()] == [batch.pk]
    assert world.calls(batch=callback).get().status == "queued"
    world.add_trunk(channels=2)
    assert [claim.batch_id for claim in node.claim(at=NOW + MINUTE)] == [callback.pk]


def test_the_next_trunk_takes_what_the_first_has_no_channel_for(world: World, node: Node) -> None:
    world.add_trunk(channels=1, priority=5, name="last")
    world.add_trunk(channels=2, priority=1, name="first")
    world.add_batch(5)
    assert [claim.trunk.name for claim in node.claim()] == ["first", "first", "last"]


def test_the_sandbox_is_used_only_while_there_is_no_real_trunk(world: World, node: Node) -> None:
    world.add_trunk(name="sandbox", sandbox=True)
    world.add_batch(5)
    assert node.claim_one().trunk.name == "sandbox"
    real = world.add_trunk(name="real", channels=1, priority=9)
    assert [claim.trunk.name for claim in node.claim()] == ["real"]
    assert node.claim() == []
    real.delete()
    assert len(node.claim()) == 3


# ---------------------------------------------------------------- calls a second


def claims_over(node: Node, seconds: float, step: float) -> list[datetime]:
    left: list[datetime] = []
    for tick in range(round(seconds / step)):
        at = NOW + timedelta(seconds=tick * step)
        left += [at] * len(node.claim(at=at))
    return left


def busiest_second(left: list[datetime]) -> int:
    return max(sum(start <= one < start + timedelta(seconds=1) for one in left) for start in left)


def test_no_second_sees_more_calls_than_allowed(world: World, node: Node) -> None:
    world.add_trunk(cps=40)
    world.add_batch(200)
    left = claims_over(node, seconds=3, step=0.01)
    assert 38 <= busiest_second(left) <= 40
    assert len(left) >= 110


def test_the_rate_is_one_for_all_nodes(world: World, node: Node) -> None:
    world.add_trunk(cps=10)
    world.add_batch(50)
    nodes = [node, world.node(), world.node()]
    left: list[datetime] = []
    for tick in range(200):
        at = NOW + timedelta(milliseconds=10 * tick)
        left += [at] * len(nodes[tick % 3].claim(at=at))
    assert busiest_second(left) == 10
    assert len(left) >= 19


def test_the_next_call_is_announced_for_when_the_rate_allows_it(world: World, node: Node) -> None:
    world.add_trunk(cps=4)
    world.add_batch(3)
    assert len(node.claim()) == 1
    due = node.next_due()
    assert due == NOW + timedelta(milliseconds=250) * (1 + LEEWAY)
    assert node.claim(at=due - timedelta(milliseconds=1)) == []
    assert len(node.claim(at=due)) == 1


def test_an_operator_for_who_confirmed_is_paid_for_by_later_calls(world: World, node: Node) -> None:
    world.add_trunk(cps=4)
    world.add_batch(3, callback="+74950000002")
    claim = node.claim_one()
    assert node.intend(claim, Role.OPERATOR) is not None
    assert node.next_due() == NOW + timedelta(milliseconds=500) * (1 + LEEWAY)


def test_slower_than_one_a_second(world: World, node: Node) -> None:
    world.add_trunk(cps=0.5)
    world.add_batch(3)
    assert len(claims_over(node, seconds=5, step=0.1)) == 3


def test_the_rate_is_lost_by_nobody_who_could_not_go(world: World, node: Node) -> None:
    trunk = world.add_trunk(cps=10, channels=1)
    world.add_batch(5, type=BatchType.INSTANT)
    claim = node.claim_one()
    for tick in range(20):
        assert node.claim(at=NOW + timedelta(milliseconds=tick)) == []
    trunk.refresh_from_db(using=world.alias)
    assert trunk.tat == pytest.approx(NOW.timestamp() + 0.1 * (1 + LEEWAY), abs=1e-5)
    node.finish(claim, Outcome.ANSWERED)
    assert node.next_due() == NOW + timedelta(milliseconds=100) * (1 + LEEWAY)


# ---------------------------------------------------------------- batches and accounts


def test_a_batch_s_own_rate_holds_beside_the_trunk_s(world: World, node: Node) -> None:
    world.add_trunk(cps=100)
    slow = world.add_batch(50, cps=4)
    fast = world.add_batch(500)
    left: dict[int, list[datetime]] = {slow.pk: [], fast.pk: []}
    for tick in range(200):
        at = NOW + timedelta(milliseconds=10 * tick)
        for claim in node.claim(at=at):
            left[claim.batch_id].append(at)
    assert busiest_second(left[slow.pk]) == 4
    assert len(left[slow.pk]) == 8
    assert len(left[fast.pk]) > 150


def test_an_account_s_rate_is_shared_by_its_batches_and_by_all_nodes(world: World, node: Node) -> None:
    world.add_trunk()
    world.change_account(cps=10)
    for kind in BatchType:
        world.add_batch(30, type=kind, callback="+74950000002")
    stranger = world.add_batch(5, account=world.add_account())
    nodes = [node, world.node()]
    left: list[datetime] = []
    for tick in range(200):
        at = NOW + timedelta(milliseconds=10 * tick)
        left += [at for claim in nodes[tick % 2].claim(at=at) if claim.batch_id != stranger.pk]
    assert busiest_second(left) == 10
    assert len(left) >= 19
    assert not world.calls(batch=stranger, status="queued").exists()


def test_the_next_call_of_a_batch_with_a_rate_is_announced(world: World, node: Node) -> None:
    world.add_trunk()
    world.add_batch(3, cps=4)
    assert len(node.claim()) == 1
    assert node.next_due() == NOW + timedelta(milliseconds=250) * (1 + LEEWAY)
    assert len(node.claim(at=NOW + timedelta(milliseconds=250) * (1 + LEEWAY))) == 1


def test_no_more_legs_of_a_batch_than_its_channels(world: World, node: Node) -> None:
    world.add_trunk()
    batch = world.add_batch(10, channels=3)
    claims = node.claim()
    assert len(claims) == 3
    assert world.node().claim() == []
    node.finish(claims[0])
    later = NOW + timedelta(seconds=1)
    assert len(node.claim(at=later)) == 1
    world.change(batch, channels=0)
    assert len(node.claim(at=later)) == 6


def test_no_more_legs_of_an_account_than_its_channels(world: World, node: Node) -> None:
    world.add_trunk()
    world.change_account(channels=5)
    world.add_batch(10, callback="+74950000002")
    world.add_callback(10)
    assert len(node.claim()) == 2
    assert node.next_due() is not None  # it is looked at again by and by


def test_a_call_wider_than_its_batch_s_channels_holds_up_nobody(world: World, node: Node) -> None:
    world.add_trunk()
    world.add_callback(1, channels=1)
    other = world.add_batch(1)
    assert [claim.batch_id for claim in node.claim()] == [other.pk]


def test_an_operator_waits_for_the_rate_and_calls_to_come_wait_for_him(world: World, node: Node) -> None:
    world.add_trunk(cps=2)
    world.add_batch(5, callback="+74950000002")
    claim = node.claim_one()
    intent = LegIntent(claim.attempt_id, claim.lease, Role.OPERATOR, claim.operator, claim.trunk.id, NOW)
    (permit,) = world.run(node.store.intend([intent]))
    assert permit is not None
    apart = 0.5 * (1 + LEEWAY)
    assert permit.wait == pytest.approx(apart, abs=1e-3)
    assert node.next_due() == NOW + timedelta(seconds=2 * apart)


@pytest.mark.parametrize("limited", ["trunk", "batch", "account"])
def test_an_invite_that_missed_its_moment_goes_after_those_that_were_counted(
    world: World, node: Node, limited: str
) -> None:
    world.add_trunk(cps=2 if limited == "trunk" else 0)
    if limited == "account":
        world.change_account(cps=2)
    world.add_batch(5, cps=2 if limited == "batch" else 0)
    claim = node.claim_one()
    apart = 0.5 * (1 + LEEWAY)
    now = NOW + timedelta(seconds=apart)
    node.claim_one(at=now)
    later = now + timedelta(seconds=0.1)
    wait = node.recount(claim, at=later)
    assert wait == pytest.approx(apart - 0.1, abs=1e-3)
    assert not node.claim(at=now + timedelta(seconds=apart))
    assert node.claim_one(at=now + timedelta(seconds=2 * apart))


def test_who_waits_while_the_clock_is_turned_waits_no_longer(world: World, node: Node) -> None:
    world.add_trunk(cps=2)
    world.add_batch(5, callback="+74950000002")
    one = node.claim_one()
    other = node.claim_one(at=NOW + timedelta(seconds=1))
    late = [
        Late(claim.attempt_id, claim.lease, Role.CLIENT, at)
        for claim, at in ((one, NOW), (other, NOW + timedelta(hours=1)))
    ]
    waits = world.run(node.store.recount(late))
    assert max(wait for wait in waits if isinstance(wait, float)) < 2
    intents = [
        LegIntent(claim.attempt_id, claim.lease, Role.OPERATOR, claim.operator, claim.trunk.id, at)
        for claim, at in ((one, NOW), (other, NOW + timedelta(hours=1)))
    ]
    permits = world.run(node.store.intend(intents))
    assert max(permit.wait for permit in permits if permit) < 3


def test_who_has_no_attempt_any_more_does_not_go(world: World, node: Node) -> None:
    world.add_trunk(cps=2)
    assert world.run(node.store.recount([Late(99, 1, Role.CLIENT, NOW)])) == [None]


def test_what_a_claim_waited_for_locks_is_told_and_counted(world: World) -> None:
    world.add_trunk(cps=2)
    world.add_batch(5)
    passed = iter((10.0, 10.2, 20.0, 20.0))
    store = SqlStore("slow", database=world.alias, monotonic=lambda: next(passed))
    world.run(store.open())
    try:
        (claim,) = world.run(store.claim(NOW, NOW + LEASE, 1))
        assert claim.wait == pytest.approx(0.2)
        assert not world.run(store.claim(NOW + timedelta(seconds=0.6), NOW + LEASE, 1))
    finally:
        world.run(store.close())
