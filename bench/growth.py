"""What a call costs in the database as the table grows: claim, both dials, progress and end, at each size.

    python -m bench.growth --database sqlite [--sizes 10000 100000 1000000 3000000] [--calls 500]

The calls that were made before lie there with their attempts and legs, a tenth waits for a retry. They are those of an
installation that calls a million numbers, a hundred thousand a day: a larger table is an older one, whose numbers were
called more often, but not more often lately. Quotas look at the dials of a number since Monday; with the calls of every
size put into four days and a hundred thousand numbers, each number had one dial there at ten thousand calls and forty
at three million, so that not the size of the table alone was measured. The numbers that are called now were all called
a few days ago, at every size, and lie anywhere in the index of numbers, as those of a list do.

Then callbacks, which need both claim and intent, go through the store in groups as a busy dialler writes them.

Each size is a database of its own, and they take turns, a round each: one that grows is measured minutes apart, and the
machine itself was a third slower or faster by then.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack

from bench.databases import KINDS, NAMES
from bench.grown import GROUP, PARTS, Spent, grown
from bench.report import Cell, Table, verdict

SIZES = (10_000, 100_000, 1_000_000, 3_000_000)
CALLS = 500
FLAT = 1.2  # the dearest size may cost so many times the cheapest
_ROUNDS = 7  # the best of each figure counts: what else the machine does only adds


def run(kind: str, sizes: Sequence[int], calls: int) -> Table:
    """Every size, in turns."""
    with ExitStack() as stack:
        due = calls * (_ROUNDS + 1)
        tables = [stack.enter_context(grown(kind, size, calls, due)) for size in sorted(sizes)]
        for table in tables:
            table.carry()  # warm: caches, prepared statements
        turns = [[table.carry() for table in tables] for _ in range(_ROUNDS)]
    spent = [_best(of_size) for of_size in zip(*turns, strict=True)]
    whole = [sum(one.parts.values()) for one in spent]
    cpu = [one.cpu for one in spent]
    rows: list[tuple[Cell, ...]] = [
        (
            f"{size:,}",
            *(round(1e6 * one.parts[part] / calls) for part in PARTS),
            round(1e6 * sum(one.parts.values()) / calls),
            round(1e6 * one.cpu / calls),
        )
        for size, one in zip(sorted(sizes), spent, strict=True)
    ]
    return Table(
        f"Cost of a call as the table grows, {NAMES[kind]}",
        ("calls in the table", *(f"{part} µs" for part in PARTS), "all µs", "CPU µs"),
        rows,
        [
            f"dearest to cheapest, CPU: {verdict(max(cpu) / min(cpu), FLAT, most=True)}; "
            f"all, with the disk: {max(whole) / min(whole):.2f}",
            f"a callback of two legs in 8 transactions of {GROUP} calls; CPU is that of client and server",
            f"best of {_ROUNDS} rounds of {calls} calls",
        ],
    )


def _best(turns: Sequence[Spent]) -> Spent:
    return Spent({part: min(one.parts[part] for one in turns) for part in PARTS}, min(one.cpu for one in turns))


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
