"""The short form: a few rounds; ``make chaos`` plays hundreds."""

import asyncio
from pathlib import Path

import pytest

from chaos.databases import template
from chaos.plan import draw
from chaos.round import run
from chaos.site import abilities

# Chosen among the first sixty, so that together they make every kind of fault but those that take long to recover from.
SEEDS = {"sqlite": (16, 28), "postgres": (27, 38)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database", "seeds"), SEEDS.items())
async def test_the_promises_hold_whatever_fails(tmp_path: Path, database: str, seeds: tuple[int, ...]) -> None:
    can = abilities()
    with template(database) as start:
        rounds = []
        for seed in seeds:
            folder = tmp_path / f"{database}{seed}"
            folder.mkdir()
            rounds.append(run(draw(seed, database, can), folder, can, start.fresh(folder)))
        for report in await asyncio.gather(*rounds):
            again = f"make chaos ROUNDS=1 SEED={report.plan.seed} DATABASE={database}"
            assert not report.broken, "\n".join([*report.broken, f"again: {again}"])
            assert report.invites, "nobody was called, which shows nothing"
