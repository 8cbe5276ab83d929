"""Calls a second of the whole system, from the POST that brings them to the last one's end.

    python -m bench.throughput [--calls 2000]

``calldron serve`` as a user starts it, with its defaults, calls SIPp, which rings, answers, sends the audio back and is
hung up on after an intro of 2 s that confirms the call. Every call is recorded and mixed to mp3 meanwhile.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import processes
from bench.callees import Heard, callees
from bench.installation import PARTS, Installation, installation, intro
from bench.report import Cell, Table, verdict

GOAL = 100.0  # calls a second
CALLS = 2000
_INTRO = 2.0  # seconds
_SLOWEST = 20.0  # calls a second, below which we stop waiting
_LOOK = 0.1
_PAGE = 100
_GOOD = "answered/confirmed"


@dataclass(frozen=True)
class Run:
    """One run. Times in seconds from the POST; ``ends``: how many calls ended how."""

    calls: int
    posted: float
    final: float | None
    recorded: float | None
    recordings: int
    ends: Counter[str]
    heard: Heard
    dropped: int
    cpu: dict[str, float]
    rss: int


def measure(calls: int) -> Run:
    """Post so many calls, wait for their ends and recordings."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, callees(Path(folder), 1) as (sipp,):
        with installation(Path(folder) / "home", sipp.port) as server:
            batch = _batch(server)
            numbers = [{"call": {"phone_number": f"+7999{number:07}"}} for number in range(calls)]
            kernel = processes.datagrams()
            before, began = server.cpu(), time.monotonic()
            server.ask("POST", f"/v1/batches/{batch}/calls", numbers)
            posted = time.monotonic() - began
            final = _when(lambda: _finished(server, batch), began, calls)
            rss, after = server.rss(), server.cpu()
            dropped = processes.datagrams().since(kernel).dropped
            recorded = _when(lambda: _recordings(server) >= calls, began, calls)
            last = server.cpu()
            ends = _ends(server, batch, calls)
            recordings = _recordings(server)
        heard = sipp.heard()
    cpu = {name: after[name] - before[name] for name in PARTS}
    cpu["recordings after the last end"] = sum(last[name] - after[name] for name in PARTS)
    return Run(calls, posted, final, recorded, recordings, ends, heard, dropped, cpu, rss)


def _batch(server: Installation) -> str:
    fields = {"type": "instant", "confirmation": "timeout", "intro": intro(_INTRO), "intro_filename": "intro.wav"}
    batch: str = server.ask("POST", "/v1/batches", {"batch": fields})["id"]
    return batch


def _finished(server: Installation, batch: str) -> bool:
    status: str = server.ask("GET", f"/v1/batches/{batch}")["status"]
    return status == "finished"


def _recordings(server: Installation) -> int:
    return sum(1 for _ in (server.home / "recordings").glob("**/*.mp3"))


def _when(true: Callable[[], bool], began: float, calls: int) -> float | None:
    """When it came true, in seconds since ``began``; ``None`` where it took too long."""
    deadline = time.monotonic() + 20 + calls / _SLOWEST
    while time.monotonic() < deadline:
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


def run(calls: int = CALLS) -> list[Table]:
    """The whole system once."""
    one = measure(calls)
    rate = calls / one.final if one.final else 0.0
    good, missing = one.ends[_GOOD], one.calls - one.recordings
    rows: list[tuple[str, Cell]] = [
        ("calls posted", calls),
        ("the POST itself, s", one.posted),
        ("all final after, s", one.final),
        ("calls/s, POST to the last end", verdict(rate, GOAL, most=False)),
        ("most INVITEs in a second", one.heard.peak),
        (f"ended {_GOOD}", verdict(good, calls, most=False)),
        (
            "INVITEs that came to SIPp",
            f"{one.heard.invites} ({'each call once' if one.heard.invites == calls else 'NOT as many as calls'})",
        ),
        ("calls that SIPp saw through to BYE", one.heard.completed),
        ("messages that SIPp had to repeat", one.heard.repeats),
        ("datagrams dropped by the kernel", one.dropped),
        ("all recordings ready after, s", one.recorded if not missing else f"{missing} missing"),
        *((f"CPU ms a call: {name}", 1000 * spent / calls) for name, spent in one.cpu.items()),
        ("CPU ms a call, all", 1000 * sum(one.cpu.values()) / calls),
        ("resident memory at the end, MB", one.rss / 1e6),
    ]
    notes = [f"others: {other} {count}" for other, count in one.ends.items() if other != _GOOD]
    note = f"instant calls, intro of {_INTRO:g} s, confirmation by timeout, recorded; SIPp shares the machine"
    return [Table("Calls a second, whole system", ("", "value"), rows, [note, *notes])]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=CALLS)
    asked = parser.parse_args()
    processes.raise_file_limit()
    for table in run(asked.calls):
        print(table.markdown(), end="\n\n")


if __name__ == "__main__":
    main()
