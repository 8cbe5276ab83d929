"""How many calls a second are claimed from a million that are due, by one node and by several at once.

    python -m bench.claims --database sqlite [--calls 1000000] [--batches 10] [--seconds 2]

Beside it, on PostgreSQL, what a claim can't do without: one UPDATE of rows that FOR UPDATE SKIP LOCKED found. It keeps
no turns between batches, no limit and no intent; a queue that is made of such claims is the fastest there can be.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import ROOT, seed
from bench.databases import KINDS, NAMES, Database, database
from bench.report import Table

ROOMS = (1, 20, 200)
NODES = {"sqlite": (1,), "postgresql": (1, 4)}
LEASE = timedelta(minutes=10)
_WARM = 0.5  # seconds before anything is counted


@dataclass(frozen=True)
class Rate:
    """What some nodes did in the same seconds. ``most`` and ``least`` were claimed of a batch."""

    nodes: int
    room: int
    claims: int
    seconds: float
    cpu: float
    waited: float
    most: int
    least: int


def measure(used: Database, room: int, nodes: int, seconds: float, floor: bool) -> Rate:
    """Let so many nodes claim at once for so long."""
    command = [sys.executable, "-m", "bench.claims", "--node", str(room), "--seconds", str(seconds)]
    command += ["--floor"] if floor else []
    running = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(nodes)
    ]
    try:
        for node in running:
            assert node.stdout is not None
            if node.stdout.readline().strip() != "ready":
                raise SystemExit("a node did not start")
        spent = used.cpu()
        said = [json.loads(out) for out in _together(running)]
    finally:
        for node in running:
            node.kill()
            node.wait()
    batches: dict[str, int] = {}
    for one in said:
        for batch, count in one["batches"].items():
            batches[batch] = batches.get(batch, 0) + count
    cpu = used.cpu() - spent + sum(one["cpu"] for one in said)
    waited = statistics.median(wait for one in said for wait in one["waits"])
    shares = batches.values()
    return Rate(
        nodes,
        room,
        sum(one["claims"] for one in said),
        max(one["seconds"] for one in said),
        cpu,
        waited,
        max(shares, default=0),
        min(shares, default=0),
    )


def _together(running: Sequence["subprocess.Popen[str]"]) -> list[str]:
    for node in running:
        assert node.stdin is not None
        node.stdin.write("go\n")
        node.stdin.flush()
    return [node.stdout.readline() for node in running if node.stdout is not None]


def run(kind: str, calls: int, batches: int, seconds: float) -> Table:
    """Every room and number of nodes on one database."""
    with database(kind) as used:
        used.use()
        began = time.monotonic()
        seed.due(seed.account(), batches, calls)
        seed.analyze()
        took = time.monotonic() - began
        ways = [False, True] if used.server else [False]
        rates = [
            (floor, measure(used, room, nodes, seconds, floor))
            for floor in ways
            for nodes in NODES[kind]
            for room in ROOMS
        ]
    rows = [
        (
            "bare SKIP LOCKED" if floor else "Calldron",
            rate.nodes,
            rate.room,
            round(rate.claims / rate.seconds),
            round(1e6 * rate.cpu / max(1, rate.claims)),
            round(1000 * rate.waited, 2),
            f"{rate.least} to {rate.most}",
        )
        for floor, rate in rates
    ]
    return Table(
        f"Claims, {calls:,} calls due in {batches} batches, {NAMES[kind]}",
        ("", "nodes", "calls a claim", "claims/s", "CPU µs a call", "ms a claim", "of a batch"),
        rows,
        [
            "claims/s counts calls, of all nodes together, each on disk (fsync); CPU is that of nodes and server",
            "of a batch: the fewest and the most calls that went out of one of the batches meanwhile",
            *(["bare SKIP LOCKED: the floor, without turns, limits, stop list and intents"] if used.server else []),
            f"the calls were put there in {took:.0f} s",
        ],
    )


# ---------------------------------------------------------------- a node


async def claim_for(seconds: float, room: int) -> dict[str, Any]:
    """Be a node that claims and never dials."""
    import os

    from calldron.store.queue import SqlStore

    store = SqlStore(f"bench-{os.getpid()}")
    await store.open()
    counted = _Counted()
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.perf_counter() + _WARM + seconds
    while (began := time.perf_counter()) < end:
        now = datetime.now(UTC)
        claims = await store.claim(now, now + LEASE, room)
        counted.note(began, [claim.batch_id for claim in claims], warm=began > end - seconds)
    await store.close()
    return counted.said()


def update_for(seconds: float, room: int) -> dict[str, Any]:
    """Be a client of the plainest queue."""
    from django.db import connection

    connection.ensure_connection()
    counted = _Counted()
    print("ready", flush=True)
    sys.stdin.readline()
    end = time.perf_counter() + _WARM + seconds
    with connection.cursor() as cursor:
        while (began := time.perf_counter()) < end:
            cursor.execute(_FLOOR, [room])
            counted.note(began, [row[0] for row in cursor.fetchall()], warm=began > end - seconds)
    return counted.said()


class _Counted:
    """What a node claimed since it was warm."""

    def __init__(self) -> None:
        self._batches: dict[int, int] = {}
        self._waits: list[float] = []
        self._first = 0.0
        self._cpu = 0.0

    def note(self, began: float, batches: list[int], *, warm: bool) -> None:
        if not warm:
            return
        now = time.perf_counter()
        if not self._waits:
            self._first, self._cpu = began, time.process_time()
        self._waits.append(now - began)
        for batch in batches:
            self._batches[batch] = self._batches.get(batch, 0) + 1

    def said(self) -> dict[str, Any]:
        return {
            "claims": sum(self._batches.values()),
            "batches": self._batches,
            "waits": self._waits,
            "seconds": time.perf_counter() - self._first,
            "cpu": time.process_time() - self._cpu,
        }


_FLOOR = """
UPDATE store_call SET status = 'dialing', due_at = NULL
WHERE id IN (SELECT id FROM store_call WHERE due_at <= now() LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING batch_id
"""


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--node", type=int, metavar="ROOM", help=argparse.SUPPRESS)
    parser.add_argument("--floor", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.node is None:
        print(run(asked.database, asked.calls, asked.batches, asked.seconds).markdown())
        return
    import django

    django.setup()
    said = update_for(asked.seconds, asked.node) if asked.floor else asyncio.run(claim_for(asked.seconds, asked.node))
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
