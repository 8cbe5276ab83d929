"""A process that does all that dialers ask of a store, as fast as it can: ``python -m support.busy_node SEED``.

It goes on for as long as standard input is open, ends what it holds, and then says how often it did what.
"""

import asyncio
import os
import random
import select
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta

import django

LEASE = timedelta(seconds=3)


async def work(seed: int) -> Counter[str]:
    from calldron.dialer.ports import Claim, LegIntent, LegProgress
    from calldron.domain.events import Role
    from calldron.domain.outcome import Outcome
    from calldron.store.queue import SqlStore
    from support.store_world import end_of

    chance = random.Random(seed)
    done: Counter[str] = Counter()
    store = SqlStore(f"busy {seed}", lease=LEASE)
    held: list[Claim] = []
    await store.open()

    def some() -> list[Claim]:
        return chance.sample(held, chance.randint(1, len(held))) if held else []

    async def claim() -> None:
        now = datetime.now(UTC)
        held.extend(await store.claim(now, now + LEASE, chance.randint(1, 20)))
        await store.next_due(now)

    async def progress() -> None:
        now = datetime.now(UTC)
        await store.progress([LegProgress(o.leg_id, o.attempt_id, o.lease, answered_at=now) for o in some()])

    async def intend() -> None:
        now = datetime.now(UTC)
        if asked := some():
            await store.intend(
                [LegIntent(o.attempt_id, o.lease, Role.CLIENT, o.number, o.trunk.id, now) for o in asked]
            )

    async def finish() -> None:
        now = datetime.now(UTC)
        ends = some()
        outcomes = [chance.choice((Outcome.BUSY, Outcome.ANSWERED, Outcome.FAILED)) for _ in ends]
        await store.finish(
            [end_of(one, how, now, refused=how is Outcome.FAILED) for one, how in zip(ends, outcomes, strict=True)]
        )
        for one in ends:
            held.remove(one)

    async def renew() -> None:
        now = datetime.now(UTC)
        await store.renew([one.attempt_id for one in held], now + LEASE)

    async def rescue() -> None:
        await store.rescue(datetime.now(UTC) + timedelta(seconds=chance.choice((0, 0, 0, 60))))

    async def clean() -> None:
        await store.expunge()
        await store.withdrawn()

    deeds = [claim, claim, claim, progress, intend, finish, finish, renew, rescue, clean]
    while not select.select([sys.stdin], [], [], 0)[0]:
        deed = chance.choice(deeds)
        await deed()
        done[deed.__name__] += 1
    await store.finish([end_of(one, Outcome.ANSWERED, datetime.now(UTC)) for one in held])
    await store.close()
    return done


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "calldron.settings"
    django.setup()
    print(dict(asyncio.run(work(int(sys.argv[1])))))  # noqa: T201 (its one way to say so)
