"""Nodes that die, freeze and wake: leases, rescue and fencing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.store_world import LEASE, NOW, Node, World

from calldron.clock import SystemClock
from calldron.dialer.ports import Orphan, Recording
from calldron.domain.batch import BatchState
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome
from calldron.store.shared_clock import SharedClock

SECOND = timedelta(seconds=1)
LATER = NOW + LEASE + SECOND


def test_a_lease_that_holds_is_nobody_else_s_business(world: World, node: Node) -> None:
    world.add_batch(1)
    node.claim_one()
    assert world.node().rescue(NOW + LEASE) == []
    assert world.attempts(ended_at=None).exists()


def test_a_dead_node_s_calls_are_unknown_and_final(world: World, node: Node) -> None:
    batch = world.add_batch(2, attempts=5)
    claims = node.claim()
    node.progress(claims[0], answered_at=NOW)

    orphans = world.node().rescue(LATER)

    assert orphans == [Orphan(one.attempt_id, one.call_id, batch.pk, world.account.pk) for one in claims]
    assert set(world.calls().values_list("status", "final", "due_at", "ended_at")) == {
        ("unknown", True, None, NOW + LEASE)
    }
    assert set(world.attempts().values_list("outcome", "fault", "ended_at")) == {("unknown", "ours", NOW + LEASE)}
    assert not world.legs(ended_at=None).exists()
    assert (world.batch(batch.pk).now.state, world.batch(batch.pk).now.unfinished) == (BatchState.FINISHED, 0)
    assert world.node().rescue(LATER) == []


def test_a_dead_node_s_channels_come_back(world: World, node: Node) -> None:
    world.trunk.delete()
    world.add_trunk(channels=2)
    world.add_batch(4)
    node.claim()
    other = world.node()
    assert other.claim() == []
    other.rescue(LATER)
    assert len(other.claim(at=LATER)) == 2


def test_a_lease_that_is_renewed_holds_on(world: World, node: Node) -> None:
    world.add_batch(3)
    ours, forgotten = node.claim(2)
    other = world.node()
    theirs = other.claim_one()
    assert node.renew(LATER + LEASE, [ours]) == []
    assert other.renew(LATER + LEASE, [ours]) == [ours.attempt_id], "not theirs to prolong"
    assert [one.attempt_id for one in other.rescue(LATER)] == [forgotten.attempt_id, theirs.attempt_id]
    assert world.attempts(pk=ours.attempt_id).get().lease_until == LATER + LEASE


def test_renewing_raises_nothing_from_the_dead(world: World, node: Node) -> None:
    world.add_batch(1)
    claim = node.claim_one()
    world.node().rescue(LATER)
    assert node.renew(LATER + LEASE, [claim]) == [claim.attempt_id]
    assert world.attempts(pk=claim.attempt_id).get().outcome == "unknown"


def test_what_a_node_ended_itself_was_not_lost(world: World, node: Node) -> None:
    world.add_batch(1)
    claim = node.claim_one()
    node.finish(claim)
    assert node.renew(LATER + LEASE, [claim]) == []


# ---------------------------------------------------------------- who is alive


def test_a_node_is_seen_until_it_leaves(world: World, node: Node) -> None:
    world.add_batch(3)
    assert not world.nodes().exists()
    claims = node.claim()
    node.renew(NOW + LEASE, claims)
    node.renew(NOW + SECOND + LEASE, claims[:2])
    other = world.node()
    other.renew(NOW + LEASE)
    assert list(world.nodes().values_list("name", "started_at", "seen_at", "calls")) == [
        ("node-1", NOW, NOW + SECOND, 2),
        ("node-2", NOW, NOW, 0),
    ]
    other.close()
    assert [row.name for row in world.nodes()] == ["node-1"]


def test_a_node_that_died_is_forgotten_after_a_day(world: World, node: Node) -> None:
    node.renew(NOW + LEASE)
    other = world.node()
    other.rescue(NOW + timedelta(days=1))
    assert world.nodes().exists()
    other.rescue(NOW + timedelta(days=1, seconds=1))
    assert not world.nodes().exists()


def test_who_is_alone_knows_that_no_other_is_alive(world: World, node: Node) -> None:
    node.renew(NOW + LEASE)
    world.run(world.node().store.rescue(NOW, alone=True))
    assert not world.nodes().exists()


@pytest.fixture
def lost(world: World, node: Node) -> Any:
    """A claim whose node froze for longer than its lease, while another ended it."""
    world.add_callback(attempts=3, intro=True)
    claim = node.claim_one()
    node.progress(claim, ringing_at=NOW)
    world.node().rescue(LATER)
    return claim


def snapshot(world: World) -> list[Any]:
    rows = (world.batches(), world.calls(), world.attempts(), world.legs())
    return [list(query.values()) for query in rows]


def test_a_node_that_wakes_too_late_writes_nothing(world: World, node: Node, lost: Any) -> None:
    before = snapshot(world)
    node.progress(lost, answered_at=LATER)
    node.leg_ended(lost, at=LATER)
    assert node.intend(lost, Role.CLIENT, at=LATER) is None
    assert node.finish(lost, Outcome.ANSWERED, at=LATER) is False
    assert node.withdrawn() == []
    assert snapshot(world) == before


@pytest.mark.parametrize("wrong", [-1, 0, 1])
def test_a_wrong_lease_changes_nothing(world: World, node: Node, wrong: int) -> None:
    world.add_batch(1, callback="+74950000002")
    claim = node.claim_one()
    stranger = replace(claim, lease=claim.lease + wrong if wrong else 0)
    before = snapshot(world)
    node.progress(stranger, answered_at=NOW)
    assert node.intend(stranger, Role.OPERATOR) is None
    assert node.finish(stranger) is False
    assert snapshot(world) == before


def test_an_attempt_that_is_not_there_is_no_longer_ours(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()
    world.change(batch, deleting=True)
    world.node().rescue(LATER)
    node.expunge()
    assert node.finish(claim) is False
    assert node.intend(claim, Role.OPERATOR) is None
    node.progress(claim, answered_at=NOW)
    assert world.run(node.store.attach_recordings([Recording(claim.attempt_id, "1/1.mp3", 1.0)])) == [False]


def test_a_leg_of_another_attempt_is_not_touched(world: World, node: Node) -> None:
    world.add_batch(2)
    one, other = node.claim()
    node.progress(one, other.leg_id, answered_at=NOW)
    assert not world.legs(answered_at=NOW).exists()
    assert not world.calls(status="answered").exists()


# ---------------------------------------------------------------- recordings of the dead


def test_tracks_may_be_left_of_calls_that_were_answered(world: World, node: Node) -> None:
    batch = world.add_batch(4)
    answered, unanswered, ended, recorded = claims = node.claim()
    for claim in (answered, ended, recorded):
        node.progress(claim, answered_at=NOW)
    node.finish(ended)  # and its node died before the tracks were mixed
    node.finish(recorded)
    assert world.run(node.store.attach_recordings([Recording(recorded.attempt_id, "1/1/4-4.mp3", 4.0)])) == [True]
    left = [claim.attempt_id for claim in claims]
    other = world.node()
    assert [one.attempt_id for one in world.run(other.store.unrecorded(left))] == [ended.attempt_id]
    other.rescue(LATER)

    orphans = [Orphan(one.attempt_id, one.call_id, batch.pk, world.account.pk) for one in (answered, ended)]
    assert world.run(other.store.unrecorded(left)) == orphans
    assert world.run(other.store.unrecorded([unanswered.attempt_id, 0])) == []
    assert world.run(other.store.unrecorded([])) == []
    world.run(other.store.attach_recordings([Recording(answered.attempt_id, "1/1/1-1.mp3", 4.0)]))
    assert world.run(other.store.unrecorded(left)) == orphans[1:]
    assert world.calls(pk=answered.call_id).get().recording == "1/1/1-1.mp3"


def test_who_is_alone_ends_every_attempt_and_not_in_the_future(world: World, node: Node) -> None:
    world.add_batch(1)
    node.claim_one()
    orphans = world.run(world.node().store.rescue(NOW + SECOND, alone=True))
    assert len(orphans) == 1
    assert world.calls(status="unknown").get().ended_at == NOW + SECOND


def test_what_nodes_held_that_are_known_to_be_dead_is_ended_at_once(world: World, node: Node) -> None:
    world.add_batch(3)
    node.claim_one()
    dead = world.node()
    theirs = dead.claim_one()
    dead.renew(NOW + LEASE, [theirs])
    orphans = world.run(node.store.bury(["node-2", "nobody"], NOW + SECOND))
    assert [one.attempt_id for one in orphans] == [theirs.attempt_id]
    assert world.calls(status="unknown").get().ended_at == NOW + SECOND
    assert not world.nodes().exists()
    assert world.run(node.store.bury([], NOW)) == []


def test_a_call_shows_the_recording_of_its_last_attempt(world: World, node: Node) -> None:
    world.add_batch(1, attempts=2, call_delay=0)
    first = node.claim_one()
    node.finish(first, Outcome.BUSY)
    second = node.claim_one()
    node.finish(second)
    world.run(node.store.attach_recordings([Recording(second.attempt_id, "second.mp3", 1.0)]))
    world.run(node.store.attach_recordings([Recording(first.attempt_id, "first.mp3", 1.0)]))
    assert world.calls().get().recording == "second.mp3"
    assert list(world.attempts().values_list("recording", flat=True)) == ["first.mp3", "second.mp3"]


def test_the_database_says_what_time_it_is(world: World, node: Node) -> None:
    machine = SystemClock()
    clock = SharedClock(machine, node.store.time)
    world.run(clock.synchronise())
    assert abs(clock.now() - machine.now()) < timedelta(seconds=1)
