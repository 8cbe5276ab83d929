"""``python -m chaos [ROUNDS]``: many rounds, and what became of them. A failed round is told with its seed, and its
folder is kept."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import click

from chaos.databases import NAMES, Template, template
from chaos.plan import Abilities, Plan, draw
from chaos.round import Report, run
from chaos.site import abilities


async def _rounds(seeds: list[int], database: str, start: Template, folder: Path, jobs: int) -> list[Report]:
    can = abilities()
    gate = asyncio.Semaphore(jobs)
    reports: list[Report] = []

    async def one(seed: int) -> None:
        async with gate:
            place = folder / f"{database}{seed}"
            place.mkdir()
            report = await _one(draw(seed, database, can), place, can, start)
            reports.append(report)
            _tell(report, place)
            if not report.broken:
                shutil.rmtree(place)

    await asyncio.gather(*(one(seed) for seed in seeds))
    return reports


async def _one(plan: Plan, place: Path, can: Abilities, start: Template) -> Report:
    try:
        return await run(plan, place, can, start.fresh(place))
    except Exception as error:  # noqa: BLE001 - the other rounds go on: whatever it was, it is told with its seed
        return Report(plan, broken=["the round could not be played:", *traceback.format_exception(error)])


def _tell(report: Report, place: Path) -> None:
    made = ", ".join(f"{what.value} {times}" for what, times in sorted(report.faults.items()))
    verdict = "BROKEN" if report.broken else "kept"
    click.echo(f"{report.plan.seed}: {verdict}, {report.invites} INVITEs, {report.seconds:.0f} s; {made}")
    for broken in report.broken:
        click.echo(f"    {broken}")
    if report.broken:
        click.echo(f"    logs: {place}")
        click.echo(f"    again: make chaos SEED={report.plan.seed} ROUNDS=1 DATABASE={report.plan.database}")


def main() -> None:
    """Run them, tell the figures, exit with 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("rounds", type=int, nargs="?", default=200)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the first round; the next ones follow (default: the time)"
    )
    parser.add_argument("--database", choices=NAMES, default="sqlite")
    parser.add_argument("--jobs", type=int, default=2, help="rounds at once")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended, as by Ctrl-C
    first = int(time.time()) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    click.echo(f"{given.rounds} rounds from seed {first}, {given.database}, in {folder}")
    seeds = list(range(first, first + given.rounds))
    with template(given.database) as start:
        reports = asyncio.run(_rounds(seeds, given.database, start, folder, given.jobs))
    faults = sum((report.faults for report in reports), Counter())
    broken = [report for report in reports if report.broken]
    calls, invites = sum(report.calls for report in reports), sum(report.invites for report in reports)
    click.echo(f"{len(reports)} rounds, {calls} calls, {invites} INVITEs")
    click.echo(", ".join(f"{what.value} {times}" for what, times in faults.most_common()))
    click.echo(f"broken: {len(broken)} {[report.plan.seed for report in broken]}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
