"""What a second of call costs, what a call holds in memory and whether packets are lost: Calldron beside Asterisk.

    python -m bench.call_cost [--calls 100 300] [--seconds 15]

Both do the same job against the same callees: play a prompt of 60 s, record both ways, listen for keys.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.asterisk import asterisk_rig
from bench.callees import callees
from bench.ours import CalldronRig, calldron_rig
from bench.processes import Datagrams
from bench.report import Cell, Table, verdict
from bench.rig import Counted, Rig, RigFailed

CPU_GOAL = 1.5  # milliseconds a call-second
CALLS = (100, 300)
SECONDS = 15.0
_CALLEES = 6
_SETTLE = 2.0  # seconds from the last answer to the first look
_RENDERED = 20  # calls


@dataclass(frozen=True)
class Level:
    """One stretch of steady calls. ``read`` and ``dropped`` are datagrams of the whole machine."""

    calls: int
    seconds: float
    cpu: float
    rss: int
    datagrams: Datagrams

    @property
    def cost(self) -> float:
        """CPU milliseconds a call-second."""
        return 1000 * self.cpu / self.calls / self.seconds

    @property
    def packets(self) -> float:
        """Packets that arrived, a call and second: 50 each way where nothing is late or lost."""
        return self.datagrams.read / self.calls / self.seconds


@dataclass(frozen=True)
class Measured:
    """All that was seen of one engine."""

    name: str
    idle: int
    levels: Sequence[Level]
    counted: Counted | None
    echoed: int
    dropped: int  # datagrams, from the first call to the last
    mixing: tuple[float, float] | None = None  # CPU seconds, seconds recorded
    failure: str = ""


async def measure(
    open_rig: Callable[[Path, Sequence[int]], AbstractAsyncContextManager[Rig]], calls: Sequence[int], seconds: float
) -> Measured:
    """Climb to each number of calls, stay there for so many seconds, hang up. An engine that fails on the way is
    measured as far as it came."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        work = Path(folder)
        with callees(work, _CALLEES) as peers:
            async with open_rig(work / "tracks", [peer.port for peer in peers]) as rig:
                await asyncio.sleep(_SETTLE)
                idle = processes.usage(rig.pid).rss
                before = processes.datagrams()
                levels: list[Level] = []
                dropped, counted, mixing, failure = 0, None, None, ""
                try:
                    for number in calls:
                        levels.append(await _level(rig, number, seconds))  # noqa: PERF401 - kept where the next fails
                    dropped = processes.datagrams().since(before).dropped
                    counted = await rig.hang_up()
                    mixing = await rig.render(_RENDERED) if isinstance(rig, CalldronRig) else None
                except RigFailed as error:
                    failure = str(error)
            echoed = sum(peer.heard().echoed for peer in peers)
    return Measured(rig.name, idle, levels, counted, echoed, dropped, mixing, failure)


async def _level(rig: Rig, calls: int, seconds: float) -> Level:
    await rig.climb(calls)
    await asyncio.sleep(_SETTLE)
    loop = asyncio.get_running_loop()
    began, cpu, datagrams = loop.time(), processes.usage(rig.pid).cpu, processes.datagrams()
    await asyncio.sleep(seconds)
    after, seen, took = processes.usage(rig.pid), processes.datagrams().since(datagrams), loop.time() - began
    return Level(calls, took, after.cpu - cpu, after.rss, seen)


def cost_table(results: Sequence[Measured]) -> Table:
    """CPU milliseconds a call-second."""
    rows: list[Sequence[Cell]] = []
    for one in results:
        for level in one.levels:
            ours = one.name == CalldronRig.name
            cost: Cell = verdict(level.cost, CPU_GOAL, most=True) if ours else level.cost
            rows.append((one.name, level.calls, cost, level.packets, level.datagrams.dropped))
    notes = [
        "steady calls; prompt, both ways recorded, keys listened for; all "
        "processes of the engine counted, the callees (SIPp) and what drives the engine not",
        "packets: RTP that arrived, a call and second, both ways together; 100 is all of it",
        "dropped: datagrams that the kernel dropped on the whole machine meanwhile",
    ]
    notes += _ratios(results)
    for one in results:
        if one.failure:
            notes.append(f"{one.name} FAILED: {one.failure}")
        if one.mixing:
            spent, seconds = one.mixing
            cost = 1000 * spent / seconds
            notes.append(f"{one.name}: mixing to mp3 after the call, {cost:.2f} ms of CPU a recorded second")
    return Table("CPU of a call", ("engine", "calls", "ms per call-second", "packets", "dropped"), rows, notes)


def _ratios(results: Sequence[Measured]) -> list[str]:
    """How many times as much each other engine takes, at each number of calls that both carried."""
    ours, *others = results
    return [
        f"{other.name} takes {theirs.cost / mine.cost:.1f} times the CPU of {ours.name} at {mine.calls} calls"
        for other in others
        for mine, theirs in zip(ours.levels, other.levels, strict=False)
    ]


def packet_table(results: Sequence[Measured]) -> Table:
    """Packets lost, both ways."""
    rows: list[Sequence[Cell]] = []
    for one in results:
        if (counted := one.counted) is None:
            continue
        out = max(0, counted.sent - one.echoed)
        worst = max(out, counted.lost, one.dropped)
        lost: Cell = verdict(worst, 0, most=True) if one.name == CalldronRig.name else worst
        rows.append(
            (
                one.name,
                counted.sent,
                one.echoed,
                out,
                counted.received,
                counted.lost,
                one.dropped,
                lost,
                counted.late_slots,
                counted.longest_delay,
            )
        )
    return Table(
        "Packets of these calls",
        (
            "engine",
            "sent",
            "came to the callees",
            "lost there",
            "came back",
            "lost here",
            "dropped by the kernel",
            "lost",
            "late slots",
            "longest delay ms",
        ),
        rows,
        [
            "lost there: sent by the engine less those that came to the callees; lost here: gaps in sequence numbers, "
            "as the engine counted them; since the callees send back what came, these hold what was lost there",
            "dropped by the kernel: on the whole machine, whoever's they were; lost: the largest of the three",
            "Asterisk's own counts are read just before a call is hung up, so a few more packets come to the callees",
            "late slots: 5 ms slots of our ticker that began more than 5 ms late",
        ],
    )


def memory_table(results: Sequence[Measured]) -> Table:
    """Resident memory by number of calls."""
    rows: list[Sequence[Cell]] = []
    for one in results:
        rows.append((one.name, 0, one.idle / 1e6, None))
        rows += [
            (one.name, level.calls, level.rss / 1e6, (level.rss - one.idle) / 1000 / level.calls)
            for level in one.levels
        ]
    columns = ("engine", "calls", "MB", "kB per call")
    return Table("Memory of a call", columns, rows, ["resident, all processes of the engine"])


def run(calls: Sequence[int] = CALLS, seconds: float = SECONDS) -> list[Table]:
    """Both engines, one after the other."""
    results = [
        asyncio.run(measure(calldron_rig, calls, seconds)),
        asyncio.run(measure(lambda _, ports: asterisk_rig(ports), calls, seconds)),
    ]
    return [cost_table(results), packet_table(results), memory_table(results)]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=CALLS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args()
    processes.raise_file_limit()
    for table in run(asked.calls, asked.seconds):
        print(table.markdown(), end="\n\n")


if __name__ == "__main__":
    main()
