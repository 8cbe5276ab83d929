"""Hearing of what others committed."""

import asyncio
import time

from django.db import connections, transaction
from support.store_world import NOW, Node, World

from calldron.domain.outcome import Outcome


def test_nothing_changed_while_nobody_wrote(node: Node) -> None:
    assert node.wait_for_change(0) is False
    assert node.wait_for_change(0.12) is False


def test_what_the_node_itself_wrote_is_no_news(world: World, node: Node) -> None:
    world.add_batch(3)
    node.wait_for_change(0)
    node.finish(node.claim_one(), Outcome.ANSWERED)
    assert node.wait_for_change(0) is False


def test_a_commit_between_two_waits_is_heard_of_once(world: World, node: Node) -> None:
    node.wait_for_change(0)
    world.add_batch(1)
    assert node.wait_for_change(0) is True
    assert node.wait_for_change(0) is False


def test_a_commit_ends_the_wait(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    node.wait_for_change(0)

    def change() -> None:
        world.change(batch, name="Another")
        connections[world.alias].close()  # this thread's

    async def wait_and_write() -> bool:
        waiting = asyncio.create_task(node.store.wait_for_change(60))
        await asyncio.to_thread(change)
        return await waiting

    started = time.monotonic()
    assert world.run(wait_and_write()) is True
    assert time.monotonic() - started < 30


def test_what_was_undone_is_no_news(world: World, node: Node) -> None:
    batch = world.add_batch(1)
    node.wait_for_change(0)
    with transaction.atomic(using=world.alias):
        world.change(batch, name="Another")
        transaction.set_rollback(True, using=world.alias)
    assert node.wait_for_change(0) is False


def test_waiting_keeps_nobody_from_working(world: World, node: Node) -> None:
    world.add_batch(5)
    node.wait_for_change(0)

    async def both() -> bool:
        waiting = asyncio.create_task(node.store.wait_for_change(30))
        for _ in range(5):
            assert await node.store.claim(NOW, NOW, 1)
        unheard = not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return unheard

    assert world.run(both())
