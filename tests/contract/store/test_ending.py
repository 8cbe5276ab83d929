"""What becomes of legs, attempts, calls and batches once calls are up."""

from datetime import timedelta
from typing import Any

import pytest
from support.store_world import NOW, Node, World, end_of

from calldron.dialer.ports import LegIntent, NotNow, Permit
from calldron.domain.batch import BatchState
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result

SECOND = timedelta(seconds=1)


def call_now(world: World) -> Any:
    return world.calls().get()


# ---------------------------------------------------------------- legs


def test_a_leg_keeps_its_times_and_its_end(world: World, node: Node) -> None:
    world.add_batch(1)
    claim = node.claim_one()
    node.progress(claim, ringing_at=NOW + SECOND)
    node.progress(claim, answered_at=NOW + 2 * SECOND)
    ending = Ending(EndedBy.REMOTE, sip_code=200, q850=16, answered=True)
    node.progress(claim, ended_at=NOW + 9 * SECOND, ending=ending, outcome=Outcome.ANSWERED, fault=Fault.NONE)
    leg = world.legs().get()
    assert (leg.ringing_at, leg.answered_at, leg.ended_at) == (NOW + SECOND, NOW + 2 * SECOND, NOW + 9 * SECOND)
    assert (leg.sip_code, leg.q850, leg.ended_by, leg.outcome, leg.fault) == (200, 16, "remote", "answered", "none")


def test_a_call_is_up_when_its_client_answers(world: World, node: Node) -> None:
    world.add_batch(1)
    claim = node.claim_one()
    node.progress(claim, ringing_at=NOW)
    assert call_now(world).status == "dialing"
    node.progress(claim, answered_at=NOW)
    assert (call_now(world).status, call_now(world).final) == ("answered", False)


def test_an_operator_who_answers_does_not_make_a_call_answered(world: World, node: Node) -> None:
    world.add_callback()
    claim = node.claim_one()
    node.progress(claim, answered_at=NOW)
    assert call_now(world).status == "dialing"
    client = node.intend(claim, Role.CLIENT)
    node.progress(claim, client, answered_at=NOW)
    assert call_now(world).status == "answered"


def test_many_steps_are_written_in_their_order(world: World, node: Node) -> None:
    world.add_batch(30)
    claims = node.claim()
    for claim in claims:
        node.progress(claim, ringing_at=NOW)
    assert world.legs(ringing_at=NOW).count() == 30


# ---------------------------------------------------------------- further dials


def test_a_further_dial_is_counted_before_it_leaves(world: World, node: Node) -> None:
    world.add_batch(1, callback="+74950000002", attempts=1)
    claim = node.claim_one()
    leg_id = node.intend(claim, Role.OPERATOR, at=NOW + SECOND)
    leg = world.legs(pk=leg_id).get()
    assert (leg.role, leg.number, leg.trunk_id, leg.attempt_id) == (
        "operator", "+74950000002", world.trunk.pk, claim.attempt_id,
    )  # fmt: skip
    assert leg.intended_at == NOW + SECOND
    assert (call_now(world).client_dials, call_now(world).operator_dials) == (1, 1)


@pytest.mark.parametrize("attempts", [1, 3])
def test_no_number_is_dialled_more_often_than_attempts_say(world: World, node: Node, attempts: int) -> None:
    world.add_callback(intro=True, attempts=attempts)
    claim = node.claim_one()
    operator = [node.intend(claim, Role.OPERATOR) for _ in range(5)]
    client = [node.intend(claim, Role.CLIENT) for _ in range(5)]
    assert sum(leg is not None for leg in operator) == attempts - 1
    assert sum(leg is not None for leg in client) == attempts


def test_two_dials_in_one_commit_count_for_each_other(world: World, node: Node) -> None:
    world.add_batch(1, callback="+74950000002", attempts=2)
    claim = node.claim_one()
    intent = LegIntent(claim.attempt_id, claim.lease, Role.OPERATOR, claim.operator, claim.trunk.id, NOW)
    permits = world.run(node.store.intend([intent] * 4))
    assert [isinstance(permit, Permit) for permit in permits] == [True, True, False, False]


def test_the_client_is_not_dialled_once_the_window_closed(world: World, node: Node) -> None:
    world.add_callback(minute_from=0, minute_to=12 * 60 + 1)
    claim = node.claim_one()
    assert node.permit(claim, Role.CLIENT, at=NOW + 60 * SECOND) == NotNow()
    assert node.intend(claim, Role.CLIENT, at=NOW + 59 * SECOND) is not None


def test_a_client_whose_window_closed_while_the_operator_answered_is_called_when_it_opens(
    world: World, node: Node
) -> None:
    world.add_callback(attempts=2, time_zone="UTC", minute_from=0, minute_to=12 * 60 + 1)
    claim = node.claim_one()
    later = NOW + 60 * SECOND
    assert node.permit(claim, Role.CLIENT, at=later) == NotNow()
    node.leg_ended(claim)
    assert node.finish(claim, Outcome.FAILED, later, fault=Fault.OURS)
    assert not world.calls().get().final
    assert node.claim(at=NOW + timedelta(hours=11)) == []
    assert node.claim_one(at=NOW + timedelta(hours=12)).number == claim.number


def test_an_operator_is_dialled_for_who_is_on_the_line_when_the_window_closes(world: World, node: Node) -> None:
    world.add_batch(1, callback="+74950000002", minute_from=0, minute_to=12 * 60 + 1)
    assert node.intend(node.claim_one(), Role.OPERATOR, at=NOW + 60 * SECOND) is not None


# ---------------------------------------------------------------- ends


def test_an_end_is_kept_with_the_attempt_and_shown_by_the_call(world: World, node: Node) -> None:
    batch = world.add_batch(2)
    claim = node.claim_one()
    end: dict[str, Any] = {"result": Result.CONFIRMED, "sip_code": 200, "digits": "15", "talk": 12.25}
    assert node.finish(claim, Outcome.ANSWERED, at=NOW + 30 * SECOND, **end)

    attempt = world.attempts().get()
    assert (attempt.ended_at, attempt.outcome, attempt.result, attempt.fault) == (
        NOW + 30 * SECOND, "answered", "confirmed", "none",
    )  # fmt: skip
    assert (attempt.sip_code, attempt.digits, attempt.talk) == (200, "15", 12.25)
    call = world.calls(pk=claim.call_id).get()
    assert (call.status, call.result, call.final, call.due_at) == ("answered", "confirmed", True, None)
    assert (call.ended_at, call.digits, call.talk) == (NOW + 30 * SECOND, "15", 12.25)
    assert (world.batch(batch.pk).now.unfinished, world.batch(batch.pk).now.state) == (1, BatchState.RUNNING)


def test_legs_that_nobody_reported_end_with_their_attempt(world: World, node: Node) -> None:
    world.add_batch(1, callback="+74950000002")
    claim = node.claim_one()
    node.intend(claim, Role.OPERATOR)
    node.leg_ended(claim, at=NOW + SECOND)
    node.finish(claim, at=NOW + 5 * SECOND)
    client, operator = world.legs()
    assert (client.ended_at, client.outcome, client.sip_code) == (NOW + SECOND, "busy", 486)
    assert (operator.ended_at, operator.outcome) == (NOW + 5 * SECOND, "answered")


def test_the_last_call_finishes_the_batch(world: World, node: Node) -> None:
    batch = world.add_batch(3)
    claims = node.claim()
    world.run(node.store.finish([end_of(claim, at=NOW + index * SECOND) for index, claim in enumerate(claims)]))
    now = world.batch(batch.pk).now
    assert (now.state, now.unfinished, now.finished_at) == (BatchState.FINISHED, 0, NOW + 2 * SECOND)


def test_a_paused_batch_stays_paused(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()
    world.change(batch, state=BatchState.PAUSED)
    node.finish(claim)
    assert (world.batch(batch.pk).now.state, world.batch(batch.pk).now.unfinished) == (BatchState.PAUSED, 0)
    world.change(batch, state=BatchState.RUNNING)
    assert node.claim() == []
    assert world.batch(batch.pk).now.state == BatchState.FINISHED


def test_repeating_an_end_changes_nothing(world: World, node: Node) -> None:
    batch = world.add_batch(2, attempts=3)
    claim = node.claim_one()
    assert node.finish(claim, Outcome.BUSY, at=NOW)
    assert node.finish(claim, Outcome.BUSY, at=NOW + SECOND)
    assert world.run(node.store.finish([end_of(claim, Outcome.BUSY)] * 2)) == [True, True]
    assert not node.finish(claim, Outcome.ANSWERED)
    call = world.calls(pk=claim.call_id).get()
    assert (call.status, call.ended_at, world.batch(batch.pk).now.unfinished) == ("busy", NOW, 2)


def test_the_same_end_twice_in_one_commit_counts_once(world: World, node: Node) -> None:
    batch = world.add_batch(2)
    claim = node.claim_one()
    assert world.run(node.store.finish([end_of(claim)] * 2)) == [True, True]
    assert world.batch(batch.pk).now.unfinished == 1


# ---------------------------------------------------------------- tries


@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_is_tried_again(world: World, node: Node, outcome: Outcome) -> None:
    world.add_batch(1, attempts=2, call_delay=45)
    node.finish(node.claim_one(), outcome, at=NOW + 10 * SECOND, fault=Fault.CALLEE)
    call = call_now(world)
    assert call.status == outcome.value
    if outcome in {Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNAVAILABLE, Outcome.FAILED}:
        assert (call.final, call.due_at, call.result) == (False, NOW + 55 * SECOND, None)
    else:
        assert (call.final, call.due_at) == (True, None)


def test_a_retry_waits_for_its_delay_and_no_longer(world: World, node: Node) -> None:
    world.add_batch(1, attempts=2, call_delay=45)
    node.finish(node.claim_one(), Outcome.BUSY, at=NOW + 10 * SECOND)
    assert node.claim(at=NOW + 54 * SECOND) == []
    assert node.next_due(at=NOW + 54 * SECOND) == NOW + 55 * SECOND
    again = node.claim_one(at=NOW + 55 * SECOND)
    call = call_now(world)
    assert (call.status, call.dialed_at, call.ended_at) == ("dialing", NOW + 55 * SECOND, None)
    assert again.plan.client_tries == 1


def test_a_retry_wakes_a_batch_that_waits_for_longer(world: World, node: Node) -> None:
    batch = world.add_batch(1, attempts=2, call_delay=45)
    world.add_calls(batch, 1, due=NOW + timedelta(days=1))
    claim = node.claim_one()
    assert node.claim() == []
    node.finish(claim, Outcome.BUSY, at=NOW)
    assert node.next_due() == NOW + 45 * SECOND
    assert node.claim_one(at=NOW + 45 * SECOND)


def test_after_the_last_try_the_call_is_final(world: World, node: Node) -> None:
    batch = world.add_batch(1, attempts=3, call_delay=0)
    tries = node.work_off(NOW, Outcome.NO_ANSWER)
    assert len(tries) == 3
    call = call_now(world)
    assert (call.status, call.final, call.client_dials) == ("no_answer", True, 3)
    assert world.batch(batch.pk).now.state == BatchState.FINISHED


def test_a_wrong_number_is_not_tried_again(world: World, node: Node) -> None:
    world.add_batch(1, attempts=3)
    node.finish(node.claim_one(), Outcome.FAILED, fault=Fault.NUMBER)
    assert call_now(world).final


def test_a_callback_without_operator_tries_and_without_an_intro_is_not_tried_again(world: World, node: Node) -> None:
    world.add_callback(attempts=2)
    claim = node.claim_one()
    node.intend(claim, Role.OPERATOR)
    node.finish(claim, Outcome.NO_ANSWER, result=Result.CALLBACK_FAILED)
    call = call_now(world)
    assert (call.final, call.result, call.client_dials) == (True, "callback_failed", 0)


def test_a_result_is_shown_once_it_is_the_last_word(world: World, node: Node) -> None:
    world.add_callback(attempts=2, call_delay=0)
    node.finish(node.claim_one(), Outcome.NO_ANSWER, result=Result.CALLBACK_FAILED)
    assert (call_now(world).final, call_now(world).result) == (False, None)
    assert world.attempts().get().result == "callback_failed"
    node.finish(node.claim_one(), Outcome.NO_ANSWER, result=Result.CALLBACK_FAILED)
    assert (call_now(world).final, call_now(world).result) == (True, "callback_failed")


def test_a_retry_of_a_paused_batch_waits(world: World, node: Node) -> None:
    batch = world.add_batch(1, attempts=2, call_delay=0)
    claim = node.claim_one()
    world.change(batch, state=BatchState.PAUSED)
    node.finish(claim, Outcome.BUSY)
    assert not call_now(world).final
    assert node.claim() == []
    world.change(batch, state=BatchState.RUNNING)
    assert node.claim_one()
