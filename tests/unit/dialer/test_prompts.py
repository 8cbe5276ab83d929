"""Intros on their way to the engine."""

import asyncio

from support.clock import HandClock, settled, until
from support.memory_store import MemoryStore
from support.scripted_engine import ScriptedEngine

from calldron.dialer.prompts import Prompts
from calldron.domain.commands import Tune


async def test_tunes_are_known_from_the_start() -> None:
    engine = ScriptedEngine()
    prompts = Prompts(engine, MemoryStore(), HandClock(), {Tune.RINGBACK: b"tu", Tune.ATTENTION: b"ding"})
    await prompts.start()
    assert engine.prompts == {prompts.tune(Tune.RINGBACK): b"tu", prompts.tune(Tune.ATTENTION): b"ding"}


async def test_a_thousand_calls_share_one_load() -> None:
    engine, store = ScriptedEngine(), MemoryStore()
    store.sounds = {5: b"intro"}
    prompts = Prompts(engine, store, HandClock(), {})
    await asyncio.gather(*(prompts.ready(5) for _ in range(1000)))
    await prompts.ready(5)
    assert store.committed("sound") == [5]
    assert engine.prompts == {prompts.name(5): b"intro"}


async def test_a_call_that_was_cancelled_does_not_cancel_the_load_of_the_others() -> None:
    engine, store = ScriptedEngine(), MemoryStore()
    store.sounds = {5: b"intro"}
    store.gate.clear()
    prompts = Prompts(engine, store, HandClock(), {})
    one, other = (asyncio.create_task(prompts.ready(5)) for _ in range(2))
    await until(lambda: store.entered == ["sound"])
    one.cancel()
    await settled()
    store.gate.set()
    await other
    assert engine.prompts == {prompts.name(5): b"intro"}


async def test_a_store_that_is_away_is_waited_for() -> None:
    engine, store, clock = ScriptedEngine(), MemoryStore(), HandClock()
    store.sounds = {5: b"intro"}
    store.away = 1
    prompts = Prompts(engine, store, clock, {})
    ready = asyncio.create_task(prompts.ready(5))
    await until(lambda: clock.sleeps > 0)
    assert not ready.done()
    clock.turn(1.0)
    await ready
    assert engine.prompts == {prompts.name(5): b"intro"}
