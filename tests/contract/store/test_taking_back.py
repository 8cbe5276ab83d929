"""Calls cancelled, batches stopped and deleted while calls are up."""

import pytest
from support.store_world import NOW, Node, World

from calldron.dialer.ports import NotNow, Recording, Withdrawal
from calldron.domain.batch import BatchState
from calldron.domain.events import Role
from calldron.domain.outcome import Outcome
from calldron.store import taking_back


def test_nothing_is_withdrawn_that_nobody_took_back(world: World, node: Node) -> None:
    world.add_batch(3)
    node.claim()
    assert node.withdrawn() == []


def test_a_cancelled_call_is_withdrawn(world: World, node: Node) -> None:
    world.add_batch(2)
    claim, _ = node.claim()
    world.calls(pk=claim.call_id).update(cancelled=True)
    assert node.withdrawn() == [Withdrawal(claim.attempt_id, gently=False)]
    node.finish(claim, Outcome.CANCELED)
    assert node.withdrawn() == []


def test_the_calls_of_a_stopped_batch_are_withdrawn_gently(world: World, node: Node) -> None:
    batch = world.add_batch(5)
    claims = node.claim(2)
    world.stop(batch)
    assert node.withdrawn() == [Withdrawal(claim.attempt_id, gently=True) for claim in claims]
    assert node.claim() == []
    for claim in claims:
        node.finish(claim, Outcome.CANCELED)
    now = world.batch(batch.pk).now
    assert (now.state, now.unfinished) == (BatchState.STOPPED, 0)


def test_the_calls_of_a_deleted_batch_are_withdrawn(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()
    world.change(batch, deleting=True)
    assert node.withdrawn() == [Withdrawal(claim.attempt_id, gently=False)]


def test_a_node_is_told_of_its_own_attempts_only(world: World, node: Node) -> None:
    batch = world.add_batch(2)
    mine = node.claim_one()
    other = world.node()
    theirs = other.claim_one()
    world.stop(batch)
    assert [one.attempt_id for one in node.withdrawn()] == [mine.attempt_id]
    assert [one.attempt_id for one in other.withdrawn()] == [theirs.attempt_id]


@pytest.mark.parametrize("how", ["cancelled", "stopped", "deleted"])
def test_what_was_taken_back_is_neither_dialled_on_nor_tried_again(world: World, node: Node, how: str) -> None:
    batch = world.add_batch(1, attempts=3, call_delay=0, callback="+74950000002")
    claim = node.claim_one()
    if how == "cancelled":
        world.calls().update(cancelled=True)
    elif how == "stopped":
        world.stop(batch)
    else:
        world.change(batch, deleting=True)
    assert node.permit(claim, Role.OPERATOR) is None
    assert node.finish(claim, Outcome.BUSY)
    call = world.calls().get()
    assert (call.status, call.final, call.client_dials) == ("busy", True, 1)
    assert node.claim() == []


def test_a_paused_batch_goes_on_with_the_calls_that_are_up(world: World, node: Node) -> None:
    batch = world.add_callback()
    claim = node.claim_one()
    world.change(batch, state=BatchState.PAUSED)
    assert node.withdrawn() == []
    node.progress(claim, answered_at=NOW)
    assert node.intend(claim, Role.CLIENT) is not None


def test_a_paused_batch_rings_nobody_whom_nobody_waits_for(world: World, node: Node) -> None:
    batch = world.add_callback(attempts=2)
    claim = node.claim_one()
    world.change(batch, state=BatchState.PAUSED)
    assert node.permit(claim, Role.CLIENT) == NotNow()
    node.progress(claim, answered_at=NOW)
    node.leg_ended(claim)
    assert node.permit(claim, Role.CLIENT) == NotNow()
    assert node.permit(claim, Role.OPERATOR) == NotNow()
    assert world.calls().get().client_dials == 0
    world.change(batch, state=BatchState.RUNNING)
    assert node.intend(claim, Role.CLIENT) is not None


@pytest.mark.parametrize("how", ["cancelled", "stopped", "deleted", "on the stop list", "ended"])
def test_an_invite_that_is_late_does_not_leave_for_who_was_taken_back(world: World, node: Node, how: str) -> None:
    batch = world.add_batch(1)
    claim = node.claim_one()
    assert node.recount(claim) == 0.0
    if how == "cancelled":
        world.calls().update(cancelled=True)
    elif how == "stopped":
        world.stop(batch)
    elif how == "deleted":
        world.change(batch, deleting=True)
    elif how == "on the stop list":
        world.add_stop(claim.number)
        assert node.recount(claim, Role.OPERATOR) == 0.0
    else:
        node.finish(claim, Outcome.BUSY)
    assert node.recount(claim) is None


def test_an_invite_that_is_late_does_not_leave_while_its_batch_is_paused(world: World, node: Node) -> None:
    batch = world.add_callback()
    claim = node.claim_one()
    world.change(batch, state=BatchState.PAUSED)
    assert node.recount(claim, Role.OPERATOR) == NotNow()
    node.progress(claim, answered_at=NOW)
    assert node.recount(claim) == 0.0
    world.change(batch, state=BatchState.RUNNING)


# ---------------------------------------------------------------- removal


def test_a_deleted_batch_goes_once_its_calls_are_down(world: World, node: Node) -> None:
    batch = world.add_batch(3, attempts=2)
    stays = world.add_batch(2)
    claims = node.claim()
    world.change(batch, deleting=True)
    assert node.expunge() == []
    assert world.batches().count() == 2
    for claim in claims:
        node.finish(claim, Outcome.ANSWERED)
    assert node.expunge() == []
    assert list(world.batches()) == [stays]
    assert world.calls().count() == world.attempts().count() == world.legs().count() == 2


def test_the_recordings_of_a_deleted_batch_are_named_for_removal(world: World, node: Node) -> None:
    batch = world.add_batch(2, attempts=2, call_delay=0)
    first, second = node.claim()
    for claim in (first, second):
        world.run(node.store.attach_recordings([Recording(claim.attempt_id, f"1/{claim.attempt_id}.mp3", 3.5)]))
        node.finish(claim, Outcome.BUSY)
    again = node.claim_one()
    world.run(node.store.attach_recordings([Recording(again.attempt_id, f"1/{again.attempt_id}.mp3", 3.5)]))
    node.finish(again)
    world.change(batch, deleting=True)
    assert node.expunge() == sorted(f"1/{one.attempt_id}.mp3" for one in (first, second, again))
    assert node.expunge() == []
    assert world.batches().count() == world.calls().count() == 0


def test_a_batch_larger_than_a_step_goes_whole(world: World, node: Node) -> None:
    batch = world.add_batch(10_001)
    world.change(batch, deleting=True)
    assert node.expunge() == []
    assert world.batches().count() == world.calls().count() == 0


def test_an_intro_goes_with_the_last_batch_that_plays_it(world: World, node: Node) -> None:
    sound = world.add_sound()
    one, two = world.add_batch(1, intro=sound), world.add_batch(1, intro=sound)
    world.change(one, deleting=True)
    node.expunge()
    assert world.run(node.store.sound(sound.pk)) == b"\x01\x00"
    world.change(two, deleting=True)
    node.expunge()
    with pytest.raises(LookupError):
        world.run(node.store.sound(sound.pk))


def test_an_intro_of_the_library_stays(world: World, node: Node) -> None:
    sound = world.add_sound()
    sound.name = "Greeting"
    sound.save(using=world.alias)
    world.change(world.add_batch(1, intro=sound), deleting=True)
    node.expunge()
    assert world.batches().count() == 0
    assert world.run(node.store.sound(sound.pk)) == b"\x01\x00"


def test_a_batch_whose_calls_are_up_does_not_hold_up_another_s_removal(world: World, node: Node) -> None:
    held = world.add_batch(1)
    node.claim_one(at=NOW)
    free = world.add_batch(1)
    for batch in (held, free):
        world.change(batch, deleting=True)
    node.expunge()
    assert list(world.batches()) == [held]


def test_many_waiting_calls_of_a_stopped_batch_end_in_steps(
    world: World, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stops it may die in between: a dialer does the rest."""
    monkeypatch.setattr(taking_back, "STEP", 3)
    batch = world.add_batch(10)
    up = node.claim_one()
    world.change(batch, state=BatchState.STOPPED)
    assert node.expunge() == []
    ended = set(world.calls(final=True).values_list("status", "closed_by"))
    assert ended == {("canceled", "batch_stopped")}
    assert world.calls(final=False).get().pk == up.call_id
    assert world.batch(batch.pk).now.unfinished == 1
    node.finish(up, Outcome.BUSY)
    assert world.batch(batch.pk).now.unfinished == 0
