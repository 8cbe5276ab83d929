"""All benchmarks in one run: ``python -m bench [--write] [--only NAME ...] [--short]``."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import ROOT, call_cost, databases, processes
from bench.report import Table, machine

RESULTS = Path(__file__).parent / "RESULTS.md"
_LONGEST = 900  # seconds a single benchmark may take

# Measured in a process of its own, whose output is quoted: its arguments, and those that make it short.
_QUOTED: dict[str, tuple[list[str], list[str]]] = {
    "throughput": ([], ["--calls", "500"]),
    "media_cpu": ([], ["--calls", "100", "--seconds", "3"]),
    "loading": ([], ["--calls", "100000"]),
    "claims": ([], ["--calls", "100000", "--seconds", "0.5"]),
    "growth": ([], ["--sizes", "10000", "100000"]),
    "pages": ([], ["--calls", "10000", "--times", "3"]),
    "live_pages": ([], ["--calls", "10000", "--pages", "10", "--seconds", "5"]),
}
_ON_EACH_DATABASE = ("throughput", "loading", "claims", "growth", "pages", "live_pages")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the results into bench/RESULTS.md too")
    parser.add_argument("--only", nargs="+", choices=sorted(_benches(short=False)), help="run only these")
    parser.add_argument("--short", action="store_true", help="small sizes: whether it works, not what it says")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # everything that was started is ended
    processes.raise_file_limit()
    benches = {
        name: works for name, works in _benches(short=asked.short).items() if not asked.only or name in asked.only
    }
    parts = ["# Results of `make bench`", "\n".join(f"- {line}" for line in machine())]
    print("\n\n".join(parts), flush=True)
    began = time.monotonic()
    failed = []
    for name, work in ((name, work) for name, works in benches.items() for work in works):
        try:
            said = work()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the others still have something to say
            failed.append(name)
            said = [f"## {name}\n\nFAILED: {type(error).__name__}\n\n```\n{error}\n```"]
        parts += said
        print("\n" + "\n\n".join(said), flush=True)
    parts.append(
        f"The whole run took {time.monotonic() - began:.0f} s: `{' '.join(['python -m bench', *sys.argv[1:]])}`"
    )
    print("\n" + parts[-1])
    if asked.write:
        RESULTS.write_text("\n\n".join(parts) + "\n")
    sys.exit(bool(failed))


def _benches(*, short: bool) -> dict[str, list[Callable[[], list[str]]]]:
    quoted = {name: _quoting(name, arguments[short]) for name, arguments in _QUOTED.items()}
    return {"call_cost": [lambda: _tables(call_cost.run())], **quoted}


def _tables(tables: list[Table]) -> list[str]:
    return [table.markdown() for table in tables]


def _quoting(name: str, arguments: list[str]) -> list[Callable[[], list[str]]]:
    command = [sys.executable, "-m", f"bench.{name}", *arguments]
    commands = [command]
    if name in _ON_EACH_DATABASE:
        commands = [[*command, "--database", kind] for kind in databases.KINDS]
    return [partial(_quoted, name, command) for command in commands]


def _quoted(name: str, command: list[str]) -> list[str]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_LONGEST,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:])
    said = done.stdout.strip()
    return [said if said.startswith("## ") else f"## {name}\n\n```\n{said}\n```"]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
