"""All benchmarks in one run: ``python -m bench [--write] [--only NAME ...] [--calls-posted N]``."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench import ROOT, call_cost, processes, throughput
from bench.report import Table, machine

RESULTS = Path(__file__).parent / "RESULTS.md"
_LONGEST = 300  # seconds a single benchmark may take

# What is measured of a part alone: a command, whose output is quoted.
_QUOTED: dict[str, list[str]] = {"media_cpu": [], "store": [], "api_import": []}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the results into bench/RESULTS.md too")
    parser.add_argument("--only", nargs="+", choices=sorted(_benches()), help="run only these")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # everything that was started is ended
    processes.raise_file_limit()
    benches = {name: work for name, work in _benches().items() if not asked.only or name in asked.only}
    parts = ["# Results of `make bench`", "\n".join(f"- {line}" for line in machine())]
    print("\n\n".join(parts), flush=True)
    began = time.monotonic()
    failed = []
    for name, work in benches.items():
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


def _benches() -> dict[str, Callable[[], list[str]]]:
    quoted = {name: _quoting(name, arguments) for name, arguments in _QUOTED.items()}
    return {"call_cost": lambda: _tables(call_cost.run()), "throughput": lambda: _tables(throughput.run()), **quoted}


def _tables(tables: list[Table]) -> list[str]:
    return [table.markdown() for table in tables]


def _quoting(name: str, arguments: list[str]) -> Callable[[], list[str]]:
    def work() -> list[str]:
        command = [sys.executable, "-m", f"bench.{name}", *arguments]
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

    return work


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
