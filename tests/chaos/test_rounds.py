"""The short form: a few rounds; ``make chaos`` plays hundreds."""

import asyncio
from pathlib import Path

import pytest

from chaos.databases import Sqlite, migrated
from chaos.plan import draw
from chaos.round import run
from chaos.site import abilities

# Drawn once so that they break what breaks most: dialers, the web server, the carrier, the disk.
SEEDS = (1, 2, 4)


@pytest.mark.timeout(300)
async def test_the_promises_hold_whatever_fails(tmp_path: Path) -> None:
    can = abilities()
    template = migrated(tmp_path / "template")
    plans = [draw(seed, "sqlite", can) for seed in SEEDS]
    rounds = [run(plan, tmp_path / f"sqlite{plan.seed}", can, Sqlite(template)) for plan in plans]
    for report in await asyncio.gather(*rounds):
        again = f"make chaos ROUNDS=1 SEED={report.plan.seed} DATABASE={report.plan.database}"
        assert not report.broken, "\n".join([*report.broken, f"again: {again}"])
        assert report.invites, "nobody was called, which shows nothing"
