"""A trunk that refuses calls is slowed and recovers by itself; what it refused goes back without losing an attempt."""

from datetime import timedelta

import pytest
from support.store_world import NOW, Node, World

from calldron.domain.batch import BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome
from calldron.store.progress import FEW_RETURNS, MOST_RETURNS

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_a_refused_attempt_goes_back_uncounted_behind_the_others(world: World, node: Node) -> None:
    world.add_batch(2, attempts=1)
    refused = node.claim_one()
    node.refused(refused)
    row = world.calls(pk=refused.call_id).get()
    assert (row.final, row.status, row.client_dials, row.returns) == (False, "failed", 0, 1)
    assert world.legs().get().refused
    assert node.claim_one(at=NOW + SECOND).call_id != refused.call_id
    assert node.claim_one(at=NOW + HOUR).call_id == refused.call_id


@pytest.mark.parametrize("kind", list(BatchType))
def test_whoever_was_dialled_first_gets_the_dial_back(world: World, node: Node, kind: BatchType) -> None:
    world.add_batch(1, type=kind, callback="+74950000002")
    node.refused(node.claim_one())
    row = world.calls().get()
    assert (row.client_dials, row.operator_dials) == (0, 0)
    assert node.claim_one(at=NOW + HOUR)


def test_a_trunk_that_refuses_is_slowed_ever_more(world: World, node: Node) -> None:
    world.add_batch(100)
    gaps = []
    at = NOW
    for _ in range(6):
        node.refused(node.claim_one(at=at), at=at)
        due = node.next_due(at=at)
        assert due is not None
        assert node.claim(at=due - timedelta(milliseconds=1)) == []
        gaps.append(due - at)
        at = due
    assert gaps == sorted(gaps)
    assert gaps[-1] > 2 * gaps[0]


def test_refusals_that_come_together_count_once(world: World, node: Node) -> None:
    world.add_batch(20)
    for claim in node.claim(20):
        node.refused(claim)
    assert world.trunks().get().strain == 1


def test_a_slowed_trunk_recovers_with_what_it_carries(world: World, node: Node) -> None:
    world.add_batch(100)
    at = NOW
    for _ in range(4):
        node.refused(node.claim_one(at=at), at=at)
        at += HOUR
    assert world.trunks().get().strain == 4
    for _ in range(4):
        node.carried(node.claim_one(at=at), at=at)
        at += HOUR
    assert world.trunks().get().strain == 0
    assert len(node.claim(50, at=at)) == 50


def test_calls_that_were_up_when_it_refused_say_nothing_of_it(world: World, node: Node) -> None:
    world.add_batch(20)
    *up, refused = node.claim(10)
    node.refused(refused, at=NOW + SECOND)
    for claim in up:
        node.carried(claim, at=NOW + HOUR)
    assert world.trunks().get().strain == 1
    node.refused(node.claim_one(at=NOW + HOUR), at=NOW + HOUR)
    later = NOW + HOUR + SECOND
    assert world.trunks().get().strain == 2
    node.carried(node.claim_one(at=later), at=later)
    assert world.trunks().get().strain == 1


def test_they_do_not_cost_a_refused_number_its_attempt(world: World, node: Node) -> None:
    world.add_batch(2)
    first, up = node.claim(2)
    node.refused(first, at=NOW + SECOND)
    node.carried(up, at=NOW + 2 * SECOND)
    node.refused(node.claim_one(at=NOW + HOUR), at=NOW + HOUR)
    row = world.calls(pk=first.call_id).get()
    assert (row.final, row.client_dials, row.returns) == (False, 0, 2)


def test_a_trunk_is_left_alone_for_as_long_as_it_asks(world: World, node: Node) -> None:
    world.add_batch(2)
    node.refused(node.claim_one(), retry_after=40.0)
    assert node.next_due() == NOW + 40 * SECOND
    assert node.claim(at=NOW + 39 * SECOND) == []
    assert node.claim(at=NOW + 40 * SECOND)


def test_the_next_trunk_takes_over_from_one_that_refuses(world: World, node: Node) -> None:
    spare = world.add_trunk(priority=9)
    world.add_batch(50)
    node.refused(node.claim_one())
    claims = node.claim(20, at=NOW + timedelta(milliseconds=20))
    assert {claim.trunk.id for claim in claims} == {spare.pk}
    node.carried(claims[0])
    assert world.trunks().get(pk=world.trunk.pk).strain == 1  # what the other carries says nothing about this one


def test_a_number_that_is_refused_while_others_pass_has_had_its_attempt(world: World, node: Node) -> None:
    world.add_batch(1)
    refused = node.claim_one()
    node.refused(refused)
    world.add_calls(world.add_batch(type=BatchType.INSTANT), 1)
    node.carried(node.claim_one(at=NOW + HOUR), at=NOW + HOUR)
    node.refused(node.claim_one(at=NOW + 2 * HOUR), at=NOW + 2 * HOUR)
    row = world.calls(pk=refused.call_id).get()
    assert (row.final, row.status, row.client_dials) == (True, "failed", 1)


def test_the_only_number_that_is_refused_has_had_its_attempt_after_some_tries(world: World, node: Node) -> None:
    """The last one of a batch, say: nobody is left to show that the trunk carries others."""
    world.add_batch(2)
    refused, carried = node.claim()
    node.refused(refused)
    node.carried(carried, at=NOW + SECOND)
    at = NOW
    for _ in range(FEW_RETURNS):
        assert not world.calls(pk=refused.call_id).get().final
        at += 10 * SECOND
        node.refused(node.claim_one(at=at), at=at)
    row = world.calls(pk=refused.call_id).get()
    assert (row.final, row.status, row.client_dials, row.returns) == (True, "failed", 1, FEW_RETURNS)


def test_numbers_that_are_refused_together_are_given_back(world: World, node: Node) -> None:
    world.add_batch(4)
    *refused, carried = node.claim()
    for claim in refused:
        node.refused(claim)
    node.carried(carried, at=NOW + SECOND)
    for attempt in range(3 * (FEW_RETURNS + 1)):
        at = NOW + (attempt + 1) * 70 * SECOND
        node.refused(node.claim_one(at=at), at=at)
    assert world.calls(final=False).count() == 3


def test_a_call_is_not_given_back_for_ever(world: World, node: Node) -> None:
    world.add_batch(1)
    for attempt in range(MOST_RETURNS + 1):
        at = NOW + attempt * HOUR
        node.refused(node.claim_one(at=at), at=at)
    row = world.calls().get()
    assert (row.final, row.status, row.returns) == (True, "failed", MOST_RETURNS)


def test_a_call_that_was_taken_back_meanwhile_is_not_given_back(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()
    world.stop(batch)
    node.refused(claim)
    assert world.calls().get().final


def test_a_refusal_after_it_rang_is_an_attempt_and_no_strain(world: World, node: Node) -> None:
    world.add_batch(1)
    claim = node.claim_one()
    end = Ending(EndedBy.REMOTE, sip_code=503, reached=True)
    node.progress(claim, ended_at=NOW, ending=end, outcome=Outcome.FAILED, fault=Fault.TRUNK)
    node.finish(claim, Outcome.FAILED, fault=Fault.TRUNK)
    assert world.trunks().get().strain == 0
    assert world.calls().get().final


def test_quotas_do_not_count_what_a_trunk_refused(world: World, node: Node) -> None:
    world.change_account(quota_day=1)
    world.add_batch(1)
    node.refused(node.claim_one())
    assert node.claim_one(at=NOW + HOUR)


def test_an_operator_s_trunk_is_slowed_too(world: World, node: Node) -> None:
    world.add_batch(1, callback="+74950000002")
    claim = node.claim_one()
    leg = node.intend(claim, Role.OPERATOR)
    end = Ending(EndedBy.SILENCE)
    node.progress(claim, leg, ended_at=NOW, ending=end, outcome=Outcome.FAILED, fault=Fault.TRUNK)
    assert world.trunks().get().strain == 1
