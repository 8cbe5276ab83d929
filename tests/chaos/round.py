"""One round: run what its plan says, wait until all is at rest, judge."""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from chaos.databases import Database
from chaos.faults import Faults
from chaos.judge import Evidence, Interval, judge, within
from chaos.owner import Owned, Owner
from chaos.plan import Abilities, Deed, Plan, What
from chaos.programs import Program
from chaos.site import Site, open_site

RESTS_WITHIN = 90.0
"""Seconds after the last fault in which every call has to be final. An INVITE that nobody answers takes 32 of them
(RFC 3261, timer B), a trunk that refused recovers within the others."""


@dataclass(slots=True)
class Report:
    """What a round was and whether the promises held: ``broken`` is empty."""

    plan: Plan
    broken: list[str] = field(default_factory=list)
    faults: Counter[What] = field(default_factory=Counter)
    invites: int = 0
    calls: int = 0
    seconds: float = 0.0


async def run(plan: Plan, folder: Path, can: Abilities, database: Database) -> Report:
    """Run a round in an empty folder, which keeps the logs."""
    began = time.monotonic()
    report = Report(plan)
    async with open_site(folder, plan, can, database) as site:
        owner = Owner(site)
        faults = Faults(site, owner)
        await site.begin()
        for batch in plan.batches:
            await owner.create(batch)
        await _disturb(plan, owner, faults)
        unrested = await _rest(site, owner)
        evidence = await _evidence(site, owner)
        report.broken = [*unrested, *judge(evidence), *await _stop(site)]
        report.faults = Counter(faults.made)
        report.invites = len(evidence.dials)
        report.calls = sum(len(owned.calls) for owned in evidence.batches)
    report.seconds = time.monotonic() - began
    return report


async def _disturb(plan: Plan, owner: Owner, faults: Faults) -> None:
    """Everything that is done and goes wrong, each at its moment."""
    began = time.monotonic()

    async def at(moment: float, work: Any) -> None:
        await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
        await work()

    async with asyncio.TaskGroup() as group:
        for fault in plan.faults:
            group.create_task(at(fault.at, lambda fault=fault: faults.make(fault)))
        for owned in owner.batches:
            for act in owned.plan.acts:
                group.create_task(at(act.at, lambda owned=owned, act=act: owner.act(owned, act)))


async def _rest(site: Site, owner: Owner) -> list[str]:
    """Wait until every call is final. Batches that wait for their owner or for another day are stopped."""
    if site.plan.has_hours:  # let the window close, and see that nothing leaves
        await asyncio.sleep(max(0.0, site.began + site.plan.edge + 3 - time.time()))
    for owned in owner.batches:
        paused = owned.switched and owned.switched[-1].deed is Deed.PAUSE
        if paused or owned.closes is not None:
            owned.before_stop = await owner.calls(owned) if owned.deleted is None else []
            await owner.switch(owned, Deed.STOP)
    deadline = time.monotonic() + RESTS_WITHIN
    waiting = [owned for owned in owner.batches if owned.deleted is None]
    while waiting and time.monotonic() < deadline:
        waiting = [owned for owned in waiting if int((await owner.shown(owned.path))["calls_left"])]
        await asyncio.sleep(0.2)
    return [await _why(owner, owned) for owned in waiting] + [
        f"batch {owned.id} was deleted and is there"
        for owned in owner.batches
        if owned.deleted is not None and not await owner.is_gone(owned)
    ]


async def _why(owner: Owner, owned: Owned) -> str:
    left = [call for call in await owner.calls(owned) if not call["final"]]
    why = [await owner.shown(f"{owned.path}/calls/{call['id']}/why") for call in left[:3]]
    return f"batch {owned.id} does not come to rest within {RESTS_WITHIN:.0f} s: {left}, why: {why}"


async def _evidence(site: Site, owner: Owner) -> Evidence:
    for owned in owner.batches:
        if owned.deleted is None:
            owned.says, owned.calls = await owner.shown(owned.path), await owner.calls(owned)
    return Evidence(
        dials=site.carrier.dials(),
        batches=owner.batches,
        carrier=site.carrier.lives,
        nodes=[life for dialer in site.dialers for life in dialer.lives],
        cps=site.plan.cps,
        channels=site.plan.channels,
        away=site.away,
        excused=[*site.full, *site.away],
        falls=[(life.began, at, f"{program.name} ended by itself") for program, life, at in site.falls],
        errors=owner.errors,
    )


async def _stop(site: Site) -> list[str]:
    """Stop everything in good order; what is wrong with that, and what the logs say was wrong before."""
    await asyncio.gather(*(site.stop(dialer) for dialer in site.dialers))
    await site.stop(site.web)
    programs = [*site.dialers, site.web]
    # One that was asked before it listens to signals ends by the signal.
    odd = [(one, code) for one in programs for code in one.codes if code not in (0, -signal.SIGTERM)]
    broken = [f"{one.name} ended with {code} when asked to" for one, code in odd]
    if site.remaining():
        broken.append(f"processes are left behind: {site.remaining()}")
    # A web server that can't write says so, request by request, in its log; a dialer says what it could not record.
    excused = {site.web: [*site.full, *site.away]}
    full = _DISK_FULL if site.full else ()
    return [*broken, *(words for one in programs for words in complaints(one, excused.get(one, []), full))]


_DISK_FULL = ("No space left on device",)


def complaints(program: Program, excused: Sequence[Interval], expected: Sequence[str]) -> list[str]:
    """Errors and tracebacks in a program's log, each kind once; none of the excused times, nor with expected words."""
    log = program.log.read_text(errors="replace")
    lines = [line for line in log.splitlines() if not any(words in line for words in expected)]
    bad = [words for at, words in _bad(lines) if not (at and within(at, excused))]
    return list(dict.fromkeys(f"log of {program.name}: {words[:300]}" for words in bad))


def _bad(lines: Iterable[str]) -> Iterator[tuple[float | None, str]]:
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            # "Error: …" is how a command says why it can't start; whether it should have is judged by its end.
            said = {"level": "error", "event": line} if "Traceback" in line else {}
        if said.get("level") in ("error", "critical") or "exception" in said:
            at = datetime.fromisoformat(said["timestamp"]).timestamp() if "timestamp" in said else None
            yield at, f"{said.get('event')} {said.get('exception', '').strip()[-150:]}"
