"""The rules that a call's own number or history decides: stop list, quotas, the callee's hours, retry by outcome."""

from datetime import datetime, timedelta

import pytest
from support.store_world import NOW, Node, World

from calldron.dialer.ports import NotNow
from calldron.domain.batch import BatchState, BatchType
from calldron.domain.events import Role
from calldron.domain.outcome import Fault, Outcome, Result

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)  # NOW is Monday, 2 March, 12:00 UTC


# ---------------------------------------------------------------- stop list


@pytest.mark.parametrize("kind", list(BatchType))
def test_who_is_on_the_stop_list_is_never_dialled(world: World, node: Node, kind: BatchType) -> None:
    batch = world.add_batch(3, type=kind, callback="+74950000002")
    first, stopped, last = world.calls()
    world.add_stop(stopped.number)
    assert {claim.call_id for claim in node.claim()} == {first.pk, last.pk}
    row = world.calls(pk=stopped.pk).get()
    assert (row.status, row.final, row.closed_by, row.client_dials) == ("canceled", True, "stop_list", 0)
    assert world.batch(batch.pk).now.unfinished == 2


def test_a_batch_of_nobody_but_the_stop_list_is_finished(world: World, node: Node) -> None:
    batch = world.add_batch(2)
    for call in world.calls():
        world.add_stop(call.number)
    assert node.claim() == []
    assert world.batch(batch.pk).now.state == BatchState.FINISHED


def test_a_stop_list_is_its_account_s_own(world: World, node: Node) -> None:
    world.add_batch(1)
    world.add_stop(world.calls().get().number, world.add_account())
    assert node.claim_one()


def test_a_number_that_was_stopped_between_two_attempts_is_not_tried_again(world: World, node: Node) -> None:
    world.add_batch(1, attempts=3, call_delay=0)
    claim = node.claim_one()
    node.finish(claim, Outcome.BUSY)
    world.add_stop(claim.number)
    assert node.claim() == []
    row = world.calls().get()
    assert (row.final, row.status, row.closed_by) == (True, "canceled", "stop_list")
    assert row.ended_at == NOW  # of the attempt that there was


def test_a_client_who_was_stopped_while_the_operator_answered_is_not_dialled(world: World, node: Node) -> None:
    world.add_callback(1)
    claim = node.claim_one()
    world.add_stop(claim.number)
    assert node.permit(claim, Role.CLIENT) is None
    assert node.permit(claim, Role.OPERATOR) is None  # his one try was the first leg


def test_who_opted_out_is_put_on_the_stop_list_once(world: World, node: Node) -> None:
    world.add_batch(1, opt_out_digit="9")
    claim = node.claim_one()
    assert claim.plan.opt_out_digit == "9"
    for _ in range(2):
        assert node.finish(claim, Outcome.ANSWERED, result=Result.OPTED_OUT)
    assert world.stop_list() == [(world.account.pk, claim.number, "opt_out")]


def test_who_opts_out_and_is_on_the_list_already_stays_there(world: World, node: Node) -> None:
    world.add_batch(1)
    claim = node.claim_one()
    world.add_stop(claim.number)
    assert node.finish(claim, Outcome.ANSWERED, result=Result.OPTED_OUT)
    assert world.stop_list() == [(world.account.pk, claim.number, "api")]


# ---------------------------------------------------------------- quotas


def same_number(world: World, batches: int, **fields: object) -> None:
    """So many batches of one call each, all to one number."""
    for _ in range(batches):
        world.add_batch(1, **fields)
    world.calls().update(number="+74951234567")


def test_a_number_is_dialled_no_more_often_a_day_than_its_quota(world: World, node: Node) -> None:
    world.change_account(quota_day=2, time_zone="Europe/Moscow")
    same_number(world, 3)
    assert len(node.claim()) == 2  # in one claim as over many
    held = world.calls(held_by="quota").get()
    midnight = datetime.fromisoformat("2026-03-02T21:00:00+00:00")
    assert held.due_at == midnight
    assert node.next_due() == midnight
    assert node.claim(at=midnight - SECOND) == []
    assert len(node.claim(at=midnight)) == 1


def test_quotas_count_every_node_batch_and_attempt(world: World, node: Node) -> None:
    world.change_account(quota_week=3, time_zone="UTC")
    same_number(world, 2, attempts=3, call_delay=0)
    for _ in range(3):
        for claim in world.node().claim(1):
            node.finish(claim, Outcome.BUSY)
    assert node.claim() == []
    assert node.next_due() == NOW.replace(hour=0) + 7 * DAY


def test_a_quota_is_its_account_s_own_and_so_are_the_dials_it_counts(world: World, node: Node) -> None:
    other = world.add_account(quota_day=1)
    same_number(world, 2)
    same_number(world, 2, account=other)
    assert len(node.claim()) == 3


def test_a_call_held_by_its_quota_waits_for_its_window_too(world: World, node: Node) -> None:
    world.change_account(quota_day=1, time_zone="UTC")
    same_number(world, 2, time_zone="UTC", minute_from=9 * 60, minute_to=18 * 60)
    assert len(node.claim()) == 1
    assert node.next_due() == NOW.replace(hour=9) + DAY


def test_a_quota_is_looked_at_before_the_client_of_a_callback_is_dialled(world: World, node: Node) -> None:
    world.change_account(quota_day=1)
    same_number(world, 2, type=BatchType.CALLBACK, callback="+74950000002")
    first, second = node.claim()  # operators
    assert node.intend(first, Role.CLIENT) is not None
    assert node.permit(second, Role.CLIENT) == NotNow()


# ---------------------------------------------------------------- the callee's hours


def test_every_number_has_the_hours_of_its_own_zone(world: World, node: Node) -> None:
    # 12:00 UTC is 15:00 in Moscow and 22:00 in Vladivostok; mobile numbers don't tell their zone.
    batch = world.add_batch(
        3, time_zone="callee", time_zone_fallback="Asia/Yekaterinburg", minute_from=9 * 60, minute_to=21 * 60
    )
    for call, number in zip(world.calls(), ("+74951234567", "+74232222222", "+79161234567"), strict=True):
        world.calls(pk=call.pk).update(number=number)
    assert [claim.number for claim in node.claim()] == ["+74951234567", "+79161234567"]
    held = world.calls(held_by="window").get()
    assert (held.number, held.due_at) == ("+74232222222", NOW + 11 * HOUR)  # 9:00 in Vladivostok
    assert node.next_due() == NOW + 11 * HOUR
    assert node.claim_one(at=NOW + 11 * HOUR).number == "+74232222222"
    assert world.calls(batch=batch, held_by="").count() == 3


def test_many_that_are_held_do_not_hold_up_those_behind_them(world: World, node: Node) -> None:
    world.add_batch(300, time_zone="callee", time_zone_fallback="UTC", minute_from=9 * 60, minute_to=21 * 60)
    last = world.calls().last()
    assert last is not None
    world.calls().exclude(pk=last.pk).update(number="+74232222222")
    assert [claim.call_id for claim in node.claim(1)] == [last.pk]


def test_the_client_of_a_callback_is_dialled_in_his_own_hours(world: World, node: Node) -> None:
    world.add_callback(1, time_zone="callee", time_zone_fallback="UTC", minute_from=9 * 60, minute_to=21 * 60)
    world.calls().update(number="+74951234567")
    claim = node.claim_one()
    assert node.permit(claim, Role.CLIENT, at=NOW + 6 * HOUR) == NotNow()
    assert node.intend(claim, Role.CLIENT, at=NOW + 5 * HOUR) is not None


# ---------------------------------------------------------------- retry by outcome


def test_an_outcome_is_tried_again_after_its_own_delay_and_as_often_as_it_may(world: World, node: Node) -> None:
    world.add_batch(1, attempts=9, call_delay=10, retry={"busy": {"attempts": 2, "delay": 600}})
    node.finish(node.claim_one(), Outcome.NO_ANSWER)
    assert node.claim() == []
    assert node.next_due() == NOW + 10 * SECOND
    at = NOW + 10 * SECOND
    node.finish(node.claim_one(at=at), Outcome.BUSY, at=at)
    assert node.claim(at=at) == []
    assert node.next_due(at=at) == at + 600 * SECOND
    at += 600 * SECOND
    node.finish(node.claim_one(at=at), Outcome.BUSY, at=at)
    row = world.calls().get()
    assert (row.final, row.status, row.client_dials) == (True, "busy", 3)


@pytest.mark.parametrize(("retry", "final"), [({"machine": True}, False), ({}, True), ({"machine": False}, True)])
def test_a_machine_is_tried_again_where_the_batch_asks_for_it(
    world: World, node: Node, retry: dict[str, object], final: bool
) -> None:
    world.add_batch(1, attempts=2, retry=retry)
    node.finish(node.claim_one(), Outcome.MACHINE, fault=Fault.NONE)
    assert world.calls().get().final is final


def test_an_outcome_may_be_final_at_once(world: World, node: Node) -> None:
    world.add_batch(1, attempts=5, retry={"no_answer": False})
    node.finish(node.claim_one(), Outcome.NO_ANSWER)
    assert world.calls().get().final


def test_a_call_without_a_dial_left_says_why_it_is_final(world: World, node: Node) -> None:
    batch = world.add_batch(1, attempts=3, call_delay=0)
    node.finish(node.claim_one(), Outcome.BUSY)
    world.change(batch, attempts=1)
    assert node.claim() == []
    row = world.calls().get()
    assert (row.final, row.status, row.closed_by) == (True, "busy", "attempts")
