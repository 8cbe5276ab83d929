"""A clock that ran ahead for a while leaves no call waiting for as long as it had gone wrong."""

from datetime import timedelta

from support.store_world import NOW, Node, World

from calldron.domain.outcome import Outcome

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def test_calls_that_ended_in_the_future_wait_no_longer_than_their_delay(world: World, node: Node) -> None:
    world.add_batch(2, attempts=2, call_delay=60)
    first, second = node.claim()
    node.finish(first, Outcome.BUSY)
    assert node.claim(at=NOW + HOUR)  # the clock jumps; what is due by it goes out
    node.finish(second, Outcome.BUSY, at=NOW + HOUR)
    assert node.claim(at=NOW + SECOND) == []  # it is set right
    waiting = world.calls(pk=second.call_id).get()
    assert (waiting.ended_at, waiting.due_at) == (NOW + SECOND, NOW + 61 * SECOND)
    assert node.claim_one(at=NOW + 61 * SECOND).call_id == second.call_id


def test_a_dialer_that_starts_after_the_clock_was_set_right_puts_it_right_too(world: World, node: Node) -> None:
    world.add_batch(1, attempts=2, call_delay=60)
    node.finish(node.claim_one(at=NOW + HOUR), Outcome.BUSY, at=NOW + HOUR)
    other = world.node()
    assert other.claim() == []
    assert other.next_due() == NOW + 60 * SECOND


def test_small_corrections_change_nothing(world: World, node: Node) -> None:
    world.add_batch(1, attempts=2, call_delay=60)
    node.finish(node.claim_one(), Outcome.BUSY)
    node.claim(at=NOW - SECOND)
    assert world.calls().get().due_at == NOW + 60 * SECOND
