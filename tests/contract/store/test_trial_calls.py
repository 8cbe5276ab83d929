"""A call that tests a trunk goes over that one alone, holds up nobody else, and takes a refusal for an answer."""

from datetime import timedelta

import pytest
from django.db import connections
from support.store_world import LEASE, NOW, Node, World

from calldron.domain.batch import BatchState, BatchType
from calldron.domain.outcome import Fault, Outcome
from calldron.domain.rule import Hold, Rule
from calldron.store import turns
from calldron.store.models import Batch, TrunkRow
from calldron.store.reports.look import Look
from calldron.store.session import Session

SECOND = timedelta(seconds=1)


@pytest.fixture
def second(world: World) -> TrunkRow:
    """A trunk that others come before."""
    return world.add_trunk(priority=5)


def trial(world: World, trunk: TrunkRow) -> Batch:
    return world.add_batch(1, type=BatchType.INSTANT, attempts=1, only_trunk=trunk.pk)


def holds(world: World, batch: Batch) -> list[Hold]:
    session = Session(connections[world.alias])
    turn = turns.one(session, batch.pk)
    assert turn is not None
    return list(Look(session, turn, BatchState.RUNNING, None, NOW, NOW - LEASE).holds_due())


def test_it_goes_over_the_trunk_that_it_tests(world: World, node: Node, second: TrunkRow) -> None:
    trial(world, second)
    other = world.add_batch(1)
    assert {claim.batch_id: claim.trunk.id for claim in node.claim()} == {1: second.pk, other.pk: world.trunk.pk}


def test_one_whose_trunk_is_full_holds_up_nobody(world: World, node: Node, second: TrunkRow) -> None:
    world.trunks().filter(pk=second.pk).update(channels=1)
    trial(world, second)
    up = node.claim_one()
    waits = trial(world, second)
    other = world.add_batch(3)
    assert [claim.batch_id for claim in node.claim()] == [other.pk] * 3
    assert Hold(Rule.TRUNK_CHANNELS) in holds(world, waits)
    node.carried(up)
    assert node.claim_one(at=NOW + SECOND).batch_id == waits.pk


def test_one_waits_for_the_rate_of_its_trunk(world: World, node: Node, second: TrunkRow) -> None:
    world.trunks().filter(pk=second.pk).update(cps=0.1)
    trial(world, second)
    node.claim_one()
    waits = trial(world, second)
    assert node.claim() == []
    assert any(hold.rule is Rule.TRUNK_RATE for hold in holds(world, waits))
    due = node.next_due()
    assert due is not None
    assert node.claim_one(at=due).batch_id == waits.pk


def test_it_goes_nowhere_once_its_trunk_is_gone(world: World, node: Node, second: TrunkRow) -> None:
    batch = trial(world, second)
    world.trunks().filter(pk=second.pk).delete()
    assert node.claim() == []
    assert Hold(Rule.NO_TRUNK) in holds(world, batch)


@pytest.mark.parametrize("code", [403, 503])
def test_a_refusal_ends_it(world: World, node: Node, second: TrunkRow, code: int) -> None:
    trial(world, second)
    node.refused(node.claim_one(), code=code)
    row = world.calls().get()
    assert (row.final, row.status, row.client_dials) == (True, "failed", 1)
    assert world.trunks().get(pk=second.pk).strain == 1


def test_one_that_never_left_is_made_again(world: World, node: Node, second: TrunkRow) -> None:
    trial(world, second)
    node.finish(node.claim_one(), Outcome.CANCELED, fault=Fault.NONE, refused=True)
    assert not world.calls().get().final
    assert node.claim_one(at=NOW + 2 * SECOND)
