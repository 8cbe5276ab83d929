"""What a call costs in the database as the table grows: claim, both dials, progress and end, at each size.

    python -m bench.growth --database sqlite [--sizes 10000 100000 1000000 3000000] [--calls 500]

The calls that were made before lie there with their attempts and legs, a tenth waits for a retry. They are those of an
installation that calls a million numbers, a hundred thousand a day: a larger table is an older one, whose numbers were
called more often, but not more often lately. Quotas look at the dials of a number since Monday; with the calls of every
size put into four days and a hundred thousand numbers, each number had one dial there at ten thousand calls and forty
at three million, so that not the size of the table alone was measured. The numbers that are called now were all called
a few days ago, at every size, and lie anywhere in the index of numbers, as those of a list do.

Then callbacks, which need both claim and intent, go through the store in groups as a busy dialler writes them.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bench import seed
from bench.databases import KINDS, NAMES, Database, database
from bench.report import Cell, Table, verdict
from calldron.dialer.ports import AttemptEnd, Claim, LegIntent, LegProgress, Store
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result

SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
CALLS = 500
GROUP = 20  # calls a transaction
FLAT = 1.2  # the dearest size may cost so many times the cheapest
_ROUNDS = 7  # the best of each figure counts: what else the machine does only adds
_A_BATCH = 100_000  # calls that were made before lie in batches of this many
_PARTS = ("claim", "intend", "progress", "finish")
_OVER = Ending(EndedBy.LOCAL, 200, answered=True, reached=True)

Answer = TypeVar("Answer")


@dataclass
class Spent:
    """Seconds: by part of a call, and of CPU (client and server)."""

    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(_PARTS, 0.0))
    cpu: float = 0.0


async def carry(store: Store, used: Database, calls: int) -> Spent:
    """So many callbacks, from claim to end."""
    spent = Spent()
    before = time.process_time() + used.cpu()
    for _ in range(calls // GROUP):
        await _group(store, spent)
    spent.cpu = time.process_time() + used.cpu() - before
    return spent


async def _group(store: Store, spent: Spent) -> None:
    now = datetime.now(UTC)
    claims = await _timed(spent, "claim", store.claim(now, now + timedelta(minutes=5), GROUP))
    operators = [LegProgress(one.leg_id, one.attempt_id, one.lease) for one in claims]
    await _answer(store, spent, operators)
    intents = [
        LegIntent(one.attempt_id, one.lease, Role.CLIENT, one.number, one.trunk.id, datetime.now(UTC)) for one in claims
    ]
    permits = await _timed(spent, "intend", store.intend(intents))
    clients = [
        replace(leg, leg_id=permit.leg_id) for leg, permit in zip(operators, permits, strict=True) if permit is not None
    ]
    await _answer(store, spent, clients)
    now = datetime.now(UTC)
    over = [
        replace(leg, ended_at=now, ending=_OVER, outcome=Outcome.ANSWERED, fault=Fault.NONE)
        for leg in (*operators, *clients)
    ]
    await _timed(spent, "progress", store.progress(over))
    kept = await _timed(spent, "finish", store.finish([_end(one, now) for one in claims]))
    if len(clients) != GROUP or not all(kept):
        raise SystemExit(f"of {GROUP} calls {len(claims)} were claimed, {len(clients)} intended, {sum(kept)} ended")


async def _answer(store: Store, spent: Spent, legs: Sequence[LegProgress]) -> None:
    now = datetime.now(UTC)
    await _timed(spent, "progress", store.progress([replace(leg, ringing_at=now) for leg in legs]))
    await _timed(spent, "progress", store.progress([replace(leg, answered_at=now) for leg in legs]))


def _end(claim: Claim, at: datetime) -> AttemptEnd:
    return AttemptEnd(
        claim.attempt_id, claim.lease, at, Outcome.ANSWERED, Result.CONFIRMED, Fault.NONE, 200, "1", talk=9.0
    )


async def _timed(spent: Spent, part: str, work: Awaitable[Answer]) -> Answer:
    began = time.perf_counter()
    answer = await work
    spent.parts[part] += time.perf_counter() - began
    return answer


async def rounds(used: Database, calls: int) -> Spent:
    """The best of several rounds."""
    from calldron.store.queue import SqlStore  # models can be imported only once Django is set up

    store = SqlStore("bench")
    await store.open()
    await carry(store, used, calls)  # warm: caches, prepared statements
    spent = [await carry(store, used, calls) for _ in range(_ROUNDS)]
    await store.close()
    return Spent({part: min(one.parts[part] for one in spent) for part in _PARTS}, min(one.cpu for one in spent))


def run(kind: str, sizes: Sequence[int], calls: int) -> Table:
    """Every size, one after the other, in one database that grows."""
    with database(kind) as used:
        used.use()
        account = seed.account()
        spent: list[Spent] = []
        made = 0
        now = calls * (_ROUNDS + 1)
        for place, size in enumerate(sorted(sizes)):
            while made + place * now < size:
                step = min(_A_BATCH, size - made - place * now)
                seed.history(account, step, before=made)
                made += step
            seed.due(account, 1, now, kind="callback", skip=place * now)
            seed.analyze()
            spent.append(asyncio.run(rounds(used, calls)))
    whole = [sum(one.parts.values()) for one in spent]
    cpu = [one.cpu for one in spent]
    rows: list[tuple[Cell, ...]] = [
        (
            f"{size:,}",
            *(round(1e6 * one.parts[part] / calls) for part in _PARTS),
            round(1e6 * sum(one.parts.values()) / calls),
            round(1e6 * one.cpu / calls),
        )
        for size, one in zip(sorted(sizes), spent, strict=True)
    ]
    return Table(
        f"Cost of a call as the table grows, {NAMES[kind]}",
        ("calls in the table", *(f"{part} µs" for part in _PARTS), "all µs", "CPU µs"),
        rows,
        [
            f"dearest to cheapest, CPU: {verdict(max(cpu) / min(cpu), FLAT, most=True)}; "
            f"all, with the disk: {max(whole) / min(whole):.2f}",
            f"a callback of two legs in 8 transactions of {GROUP} calls; CPU is that of client and server",
            f"best of {_ROUNDS} rounds of {calls} calls",
        ],
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--calls", type=int, default=CALLS)
    asked = parser.parse_args()
    print(run(asked.database, asked.sizes, asked.calls // GROUP * GROUP).markdown())


if __name__ == "__main__":
    main()
