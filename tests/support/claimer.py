"""A process that claims and ends calls as fast as it can: ``python -m support.claimer NODE``.

It prints the number of each attempt once its claim was answered, ends every call as busy, and exits when nothing is
left.
"""

import asyncio
import os
import sys

import django


async def work(node: str) -> None:
    from calldron.domain.outcome import Outcome
    from calldron.store.queue import SqlStore
    from support.store_world import LEASE, NOW, end_of

    store = SqlStore(node)
    await store.open()
    while claims := await store.claim(NOW, NOW + LEASE, 7):
        print(*(claim.attempt_id for claim in claims), sep="\n", flush=True)  # noqa: T201 (its one way to say so)
        await store.finish([end_of(claim, Outcome.BUSY) for claim in claims])
    await store.close()


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "calldron.settings"
    django.setup()
    asyncio.run(work(sys.argv[1]))
