"""A database with so many calls in its tables, in a process of its own that carries calls through the store when told.

    python -m bench.grown sqlite 1000000 500 4000

The database, the calls in it, those of one round, and those that are due. It says ``ready``, then answers each line on
its standard input by a round's seconds as JSON, until that closes.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Self, TypeVar

from bench import ROOT, seed
from bench.databases import Database, database
from calldron.dialer.ports import AttemptEnd, Claim, LegIntent, LegProgress, Store
from calldron.domain.events import Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result

GROUP = 20  # calls a transaction
PARTS = ("claim", "intend", "progress", "finish")
_A_BATCH = 100_000  # calls that were made before lie in batches of this many
_READY = "ready"
_OVER = Ending(EndedBy.LOCAL, 200, answered=True, reached=True)

Answer = TypeVar("Answer")


@dataclass
class Spent:
    """Seconds: by part of a call, and of CPU (client and server)."""

    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
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


class Grown:
    """The process, while ``grown`` runs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @classmethod
    def start(cls, kind: str, size: int, calls: int, due: int) -> Self:
        """Return once the calls are there."""
        command = [sys.executable, "-m", "bench.grown", kind, *map(str, (size, calls, due))]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        made = cls(process)
        if made._line() != _READY:
            raise SystemExit(f"no table of {size:,} calls")
        return made

    def carry(self) -> Spent:
        """One round."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Spent(**json.loads(self._line()))

    def end(self) -> None:
        """Let go of the database."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of a table ended with {self._process.wait()}")
        return line.strip()


@contextmanager
def grown(kind: str, size: int, calls: int, due: int) -> Iterator[Grown]:
    """Such a table, until the block ends."""
    made = Grown.start(kind, size, calls, due)
    try:
        yield made
    finally:
        made.end()


async def _serve(used: Database, calls: int) -> None:
    from calldron.store.queue import SqlStore  # models can be imported only once Django is set up

    store = SqlStore("bench")
    await store.open()
    print(_READY, flush=True)
    for _ in iter(sys.stdin.readline, ""):
        print(json.dumps(asdict(await carry(store, used, calls))), flush=True)
    await store.close()


def main() -> None:
    """The command."""
    kind, (size, calls, due) = sys.argv[1], map(int, sys.argv[2:])
    with database(kind) as used:
        used.use()
        account = seed.account()
        for before in range(0, size - due, _A_BATCH):
            seed.history(account, min(_A_BATCH, size - due - before), before=before)
        seed.due(account, 1, due, kind="callback")
        seed.analyze()
        asyncio.run(_serve(used, calls))


if __name__ == "__main__":
    main()
