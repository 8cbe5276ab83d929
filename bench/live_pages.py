"""What a hundred open pages of a batch cost the web server while calls are made: CPU, polls, answers.

    python -m bench.live_pages --database sqlite [--calls 10000 1000000] [--pages 100] [--seconds 30]

``calldron web`` as it is run. The pages ask as ``live.js`` does: after the time that the last answer says, later where
it was "nothing changed". A store without telephones makes 20 calls a second meanwhile, of five seconds, as a dialler
does.
"""

import argparse
import asyncio
import os
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import web_server

from bench import pages, processes, seed
from bench.databases import KINDS, NAMES, Database, database
from bench.pages import Ids
from bench.report import Cell, Table, verdict
from calldron.dialer.ports import AttemptEnd, Claim, LegProgress, Store
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, Result

CALLS = (10_000, 1_000_000)
PAGES = 100
SECONDS = 30.0
MOST = 10.0  # per cent of a core
_PATIENCE = 4  # as live.js
_A_SECOND = 20
_TICK = 0.25  # seconds
_TALK = 5.0
_RAMP = 5.0  # seconds in which the pages are opened, before anything is counted
_OVER = Ending(EndedBy.REMOTE, 200, answered=True, reached=True)


@dataclass
class Asked:
    """What the pages got. ``spent``: seconds that each answer took."""

    answers: Counter[int] = field(default_factory=Counter)
    spent: list[float] = field(default_factory=list)
    octets: int = 0


async def look(client: httpx.AsyncClient, path: str, asked: Asked) -> None:
    """An open page, until it is cancelled."""
    await asyncio.sleep(random.random() * _RAMP)
    etag, same = "", 0
    while True:
        began = time.perf_counter()
        answer = await client.get(path, headers={"If-None-Match": etag})
        asked.spent.append(time.perf_counter() - began)
        asked.answers[answer.status_code] += 1
        asked.octets += answer.num_bytes_downloaded
        same = min(same + 1, _PATIENCE - 1) if answer.status_code == httpx.codes.NOT_MODIFIED else 0
        etag = answer.headers["ETag"]
        await asyncio.sleep(float(answer.headers["Again-After"]) * (1 + same))


async def dial(store: Store) -> None:
    """Calls that are answered and talk for a while, until it is cancelled."""
    up: deque[tuple[float, Sequence[Claim]]] = deque()
    while True:
        began = time.monotonic()
        now = datetime.now(UTC)
        claims = await store.claim(now, now + timedelta(minutes=5), int(_A_SECOND * _TICK))
        legs = [LegProgress(claim.leg_id, claim.attempt_id, claim.lease) for claim in claims]
        await store.progress([_step(leg, ringing_at=now) for leg in legs])
        await store.progress([_step(leg, answered_at=now) for leg in legs])
        up.append((began, claims))
        if up[0][0] < began - _TALK:
            await _end(store, up.popleft()[1])
        await asyncio.sleep(max(0.0, began + _TICK - time.monotonic()))


def _step(leg: LegProgress, **news: datetime) -> LegProgress:
    return LegProgress(leg.leg_id, leg.attempt_id, leg.lease, **news)


async def _end(store: Store, claims: Sequence[Claim]) -> None:
    now = datetime.now(UTC)
    await store.progress(
        [
            LegProgress(
                one.leg_id,
                one.attempt_id,
                one.lease,
                ended_at=now,
                ending=_OVER,
                outcome=Outcome.ANSWERED,
                fault=Fault.NONE,
            )
            for one in claims
        ]
    )
    ends = [
        AttemptEnd(one.attempt_id, one.lease, now, Outcome.ANSWERED, Result.CONFIRMED, Fault.NONE, 200, "1", _TALK)
        for one in claims
    ]
    await store.finish(ends)


async def measure(
    server: web_server.WebServer, used: Database, ids: Ids, opened: int, seconds: float, *, dials: bool
) -> tuple[float, float, Asked]:
    """Seconds of CPU a second: of the web server, and of the database's own process."""
    from calldron.store.queue import SqlStore  # models can be imported only once Django is set up

    asked = Asked()
    store = SqlStore("bench")
    await store.open()
    limits = httpx.Limits(max_connections=opened, max_keepalive_connections=opened)
    cookies = {"sessionid": ids.session}
    async with httpx.AsyncClient(
        base_url=server.url, cookies=cookies, limits=limits, timeout=60, trust_env=False
    ) as client:
        work: list[Awaitable[None]] = [look(client, f"/batches/{ids.batch}/live", asked) for _ in range(opened)]
        tasks = [asyncio.ensure_future(one) for one in [*work, *([dial(store)] if dials else [])]]
        await asyncio.sleep(2 * _RAMP)
        before, others, began = processes.usage(server.process.pid).cpu, used.cpu(), time.monotonic()
        asked.answers.clear()
        asked.spent.clear()
        asked.octets = 0
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        lasted = time.monotonic() - began
        spent = processes.usage(server.process.pid).cpu - before
        also = used.cpu() - others
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()
    for task in done:
        task.result()
    return spent / lasted, also / lasted, asked


def _dials(batch_id: int) -> None:
    """The tenth of its calls that waits for another try is due."""
    from calldron.store.models import Batch, Call

    Call.objects.filter(batch=batch_id, due_at__isnull=False).update(due_at=datetime.now(UTC))
    Batch.objects.filter(pk=batch_id).update(wait_until=None, attempts=5)


def _another(first: Ids, calls: int) -> Ids:
    """A batch of so many calls in the same account."""
    from calldron.store.models import Batch

    account = Batch.objects.get(pk=first.batch).account_id
    seed.history(account, calls)
    seed.analyze()
    return replace(first, batch=Batch.objects.latest("pk").pk)


def _row(name: str, seconds: float, result: tuple[float, float, Asked]) -> tuple[Cell, ...]:
    web, other, asked = result
    polls = sum(asked.answers.values())
    return (
        name,
        round(100 * web, 1),
        round(100 * other, 1) if other else None,
        round(polls / seconds, 1),
        f"{100 * asked.answers[304] / max(1, polls):.0f}%",
        round(1000 * web * seconds / max(1, polls), 2),
        round(1000 * sorted(asked.spent)[int(len(asked.spent) * 0.95)], 1),
    )


def run(kind: str, sizes: Sequence[int], opened: int, seconds: float) -> Table:
    """Each size, dialling and at rest, in one database that grows."""
    rows: list[tuple[Cell, ...]] = []
    load = os.getloadavg()[0]
    with database(kind) as used:
        used.use()
        ids: Ids | None = None
        for calls in sizes:
            ids = pages.furnish(calls) if ids is None else _another(ids, calls)
            _dials(ids.batch)
            server = web_server.start(used.home)
            try:
                for dials in (True, False):
                    if not dials:
                        _pause(ids)
                    result = asyncio.run(measure(server, used, ids, opened, seconds, dials=dials))
                    name = f"{calls:,}, {f'{_A_SECOND} calls/s' if dials else 'paused'}"
                    rows.append(_row(name, seconds, result))
            finally:
                server.stop()
    worst = max(float(row[1] or 0) for row in rows)
    return Table(
        f"{opened} open pages of a batch, {NAMES[kind]}",
        ("calls in it", "web, % of a core", "database, %", "polls/s", "unchanged", "CPU ms a poll", "ms, 95 of 100"),
        rows,
        [
            f"the web server's CPU in % of a core: {verdict(worst, MOST, most=True)}",
            f"{seconds:.0f} s each, after the pages were opened; load before the run {load:.2f}",
        ],
    )


def _pause(ids: Ids) -> None:
    from calldron.store.models import Batch

    Batch.objects.filter(pk=ids.batch).update(state="paused")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--calls", type=int, nargs="+", default=CALLS)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(run(asked.database, asked.calls, asked.pages, asked.seconds).markdown())


if __name__ == "__main__":
    main()
