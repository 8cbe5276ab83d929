"""What the store carries: calls queued, claimed and ended a second, on a fresh SQLite file.

python -m bench.store [--calls 100000] [--batches 10] [--seconds 5]
"""

import argparse
import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

from bench.report import Table

ROOMS = (1, 10, 50, 200)
LEASE = timedelta(seconds=30)


def queue(calls: int, batches: int) -> float:
    """Queue calls in so many batches, a transaction each; seconds it took."""
    from calldron.services.calls import NewCall, create
    from calldron.store.models import Account, Batch, TrunkRow

    account = Account.objects.create(name="Bench")
    TrunkRow.objects.create(name="bench", host="192.0.2.1")
    new = [NewCall(f"+7916{number:07}", suspect=False) for number in range(calls // batches)]
    started = time.perf_counter()
    for _ in range(batches):
        batch = Batch.objects.create(account=account, attempts=1, time_zone="UTC")
        create(account, batch.pk, new)
    return time.perf_counter() - started


async def carry(seconds: float) -> list[tuple[int, float, float]]:
    """For each room: claims a second, and ends of what was claimed a second."""
    from calldron.dialer.ports import AttemptEnd, Claim
    from calldron.domain.outcome import Fault, Outcome
    from calldron.store.queue import SqlStore

    store = SqlStore("bench")
    await store.open()
    rates = []
    for room in ROOMS:
        claims: list[Claim] = []
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            now = datetime.now(UTC)
            claims += await store.claim(now, now + LEASE, room)
        claiming = time.perf_counter() - started
        now = datetime.now(UTC)
        ends = [
            AttemptEnd(one.attempt_id, one.lease, now, Outcome.ANSWERED, None, Fault.NONE, 200, "", 1.0)
            for one in claims
        ]
        started = time.perf_counter()
        for first in range(0, len(ends), room):
            await store.finish(ends[first : first + room])
        rates.append((room, len(claims) / claiming, len(claims) / (time.perf_counter() - started)))
    await store.close()
    return rates


def measure(calls: int, batches: int, seconds: float) -> Table:
    """Run it all on a database in a temporary folder."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    queued = queue(calls, batches)
    rates = asyncio.run(carry(seconds / len(ROOMS)))
    return Table(
        f"Store, {calls:,} calls due in {batches} batches, SQLite",
        ("calls a transaction", "claims/s", "ends/s"),
        [(room, round(claims), round(ends)) for room, claims, ends in rates],
        [f"{round(calls / queued):,} calls/s queued, {queued:.1f} s in all"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["CALLDRON_HOME"] = str(Path(home))
        os.environ["DJANGO_SETTINGS_MODULE"] = "calldron.settings"
        django.setup()
        print(measure(arguments.calls, arguments.batches, arguments.seconds).markdown())


if __name__ == "__main__":
    main()
