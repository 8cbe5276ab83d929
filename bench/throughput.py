"""Calls a second of the whole system, from the POST that brings them to the last one's end, and what limits them.

    python -m bench.throughput --database sqlite [--calls 12000] [--cps 0]

``calldron serve`` as a user starts it calls SIPp, which rings, answers, sends the audio back and is hung up on after an
intro of 2 s that confirms the call. Every call is recorded; recordings are mixed to mp3 meanwhile, with what CPU calls
leave over.
"""

import argparse
import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bench import processes
from bench.callees import Heard, callees
from bench.databases import KINDS, NAMES, Database, database
from bench.installation import PARTS, Installation, installation, intro
from bench.report import Cell, Table, verdict

GOAL = 200.0  # calls a second
CALLS = 12_000  # a minute of it
_MAX_CALLS = 1000  # up at once
_INTRO = 2.0  # seconds
_SLOWEST = 20.0  # calls a second, below which we stop waiting
_LOOK = 0.25
_MIXED_FOR = 20.0  # seconds after the last end in which recordings are counted
_PAGE = 100
_GOOD = "answered/confirmed"


@dataclass(frozen=True)
class Spent:
    """CPU seconds by part, and those that were left over, of a stretch of ``seconds``."""

    seconds: float
    parts: dict[str, float]
    threads: list[float]
    idle: float

    def since(self, before: "Spent") -> "Spent":
        """Between two looks."""
        parts = {name: self.parts[name] - before.parts[name] for name in self.parts}
        loop, rest = self.threads[0] - before.threads[0], sum(self.threads[1:]) - sum(before.threads[1:])
        return Spent(self.seconds - before.seconds, parts, [loop, rest], self.idle - before.idle)


@dataclass(frozen=True)
class Run:
    """One run. Times in seconds from the POST; ``ends``: how many calls ended how. ``spent``: until the last end."""

    calls: int
    posted: float
    final: float | None
    ends: Counter[str]
    heard: Heard
    dropped: int
    spent: Spent
    rss: int
    mixed: int  # recordings ready at the last end
    mixing: float | None  # recordings a second from then on


class _Watch:
    """Looks at the clock and at every process that takes part."""

    def __init__(self, server: Installation, used: Database, sipp: int) -> None:
        self._server = server
        self._used = used
        self._sipp = sipp

    def now(self) -> Spent:
        """What was spent so far."""
        parts = {name: spent for name, spent in self._server.cpu().items() if name in PARTS}
        if self._used.server:
            parts["PostgreSQL"] = self._used.cpu()
        parts["SIPp"] = processes.own(self._sipp).cpu
        return Spent(time.monotonic(), parts, self._server.threads(), processes.idle())


def measure(kind: str, calls: int, cps: float) -> Run:
    """Post so many calls, and wait for their ends."""
    with (
        database(kind) as used,
        callees(used.home.parent / "callees", 1) as (sipp,),
        installation(used.home, sipp.port, cps=cps, max_calls=str(_MAX_CALLS)) as server,
    ):
        watch = _Watch(server, used, sipp.pid)
        batch = _batch(server)
        numbers = [{"call": {"phone_number": f"+7999{number:07}"}} for number in range(calls)]
        kernel, before = processes.datagrams(), watch.now()
        server.ask("POST", f"/v1/batches/{batch}/calls", numbers)
        posted = time.monotonic() - before.seconds
        final = _when(lambda: _finished(server, batch), before.seconds, calls / _SLOWEST + 40)
        spent, rss, mixed = watch.now().since(before), server.rss(), _recordings(server)
        dropped = processes.datagrams().since(kernel).dropped
        ends = _ends(server, batch, calls)
        mixing = _mixing(server, calls)
        return Run(calls, posted, final, ends, sipp.heard(), dropped, spent, rss, mixed, mixing)


def _batch(server: Installation) -> str:
    fields = {"type": "instant", "confirmation": "timeout", "intro": intro(_INTRO), "intro_filename": "intro.wav"}
    batch: str = server.ask("POST", "/v1/batches", {"batch": fields})["id"]
    return batch


def _finished(server: Installation, batch: str) -> bool:
    status: str = server.ask("GET", f"/v1/batches/{batch}")["status"]
    return status == "finished"


def _recordings(server: Installation) -> int:
    return sum(1 for _ in (server.home / "recordings").glob("**/*.mp3"))


def _mixing(server: Installation, calls: int) -> float | None:
    """Recordings that are made a second once no call is up; ``None`` where all are ready already."""
    first, began = _recordings(server), time.monotonic()
    if first == calls:
        return None
    _when(lambda: _recordings(server) == calls, began, _MIXED_FOR)
    return (_recordings(server) - first) / (time.monotonic() - began)


def _when(true: Callable[[], bool], began: float, longest: float) -> float | None:
    """When it came true, in seconds since ``began``; ``None`` where it took longer."""
    while time.monotonic() < began + longest:
        if true():
            return time.monotonic() - began
        time.sleep(_LOOK)
    return None


def _ends(server: Installation, batch: str, calls: int) -> Counter[str]:
    ends: Counter[str] = Counter()
    for offset in range(0, calls, _PAGE):
        for call in server.ask("GET", f"/v1/batches/{batch}/calls?limit={_PAGE}&offset={offset}"):
            ends[f"{call['status']}/{call['result']}" if call["final"] else "not final"] += 1
    return ends


def run(kind: str, calls: int = CALLS, cps: float = 0.0) -> list[Table]:
    """The whole system once."""
    one = measure(kind, calls, cps)
    return [_outcome(one, kind), _limits(one, kind)]


def _outcome(one: Run, kind: str) -> Table:
    rate = one.calls / one.final if one.final else 0.0
    calls, lag = one.calls, one.calls - one.mixed
    once = one.heard.invites == calls
    rows: list[tuple[str, Cell]] = [
        ("calls posted", calls),
        ("the POST itself, s", one.posted),
        ("all final after, s", one.final),
        ("calls/s, POST to the last end", verdict(rate, GOAL, most=False)),
        ("calls/s, median second", statistics.median(one.heard.seconds) if one.heard.seconds else None),
        ("most INVITEs in a second", max(one.heard.seconds, default=0)),
        (f"ended {_GOOD}", verdict(one.ends[_GOOD], calls, most=False)),
        ("INVITEs that came to SIPp", f"{one.heard.invites} ({'each call once' if once else 'NOT as many as calls'})"),
        ("calls that SIPp saw through to BYE", one.heard.completed),
        ("messages that SIPp had to repeat", one.heard.repeats),
        ("datagrams dropped by the kernel", one.dropped),
        ("recordings ready at the last end", one.mixed),
        ("recordings/s from then on", one.mixing),
        ("so the last one is ready after, s", one.spent.seconds + lag / one.mixing if one.mixing else None),
        ("resident memory at the end, MB", one.rss / 1e6),
    ]
    notes = [f"others: {other} {count}" for other, count in one.ends.items() if other != _GOOD]
    note = f"instant calls, intro of {_INTRO:g} s, confirmation by timeout, recorded; SIPp shares the machine"
    return Table(f"Calls a second, whole system, {NAMES[kind]}", ("", "value"), rows, [note, *notes])


def _limits(one: Run, kind: str) -> Table:
    """Where the machine's time went."""
    seconds, calls, cores = one.spent.seconds, one.calls, os.cpu_count() or 1
    whole = cores * seconds
    loop, others = one.spent.threads
    parts = {
        "web": one.spent.parts["web"],
        "dialer: event loop (SIP, calls)": loop,
        "dialer: other threads (database, files)": others,
        **{name: spent for name, spent in one.spent.parts.items() if name not in ("web", "dialer")},
    }
    parts["kernel, this bench, others"] = whole - one.spent.idle - sum(parts.values())
    parts["idle"] = one.spent.idle
    rows: list[tuple[Cell, ...]] = [
        (name, 1000 * spent / calls, 100 * spent / seconds, 100 * spent / whole) for name, spent in parts.items()
    ]
    columns = ("", "CPU ms a call", "% of a core", "% of the machine")
    note = f"{cores} cores, {seconds:.0f} s from the POST to the last end; recordings are mixed at low priority"
    return Table(f"What limits it, {NAMES[kind]}", columns, rows, [note])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--cps", type=float, default=0.0, help="limit of the trunk, calls a second")
    asked = parser.parse_args()
    processes.raise_file_limit()
    print("\n\n".join(table.markdown() for table in run(asked.database, asked.calls, asked.cps)))


if __name__ == "__main__":
    main()
