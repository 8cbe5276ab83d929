"""How long a million calls take through the API into one batch, and what they cost the web server in memory.

    python -m bench.loading --database sqlite [--calls 1000000]

``calldron web`` as it is run, in a folder of its own; its resident memory is watched meanwhile. A request takes up to
250,000 calls, so that a million comes in four.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import web_server

from bench import processes
from bench.databases import KINDS, NAMES, database
from bench.report import Table, verdict

CALLS = 1_000_000
_A_POST = 250_000
_LONGEST = 120.0  # seconds a request may take
# The bounds of 100,000 calls in one POST (spec), scaled for what is sent here.
_SECONDS_A_CALL = 10.0 / 100_000
_MEGABYTES = 300.0

_Body = list[dict[str, dict[str, str]]]


class Watch(threading.Thread):
    """The largest resident memory of a process and its children, octets."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self.before = self.peak = processes.usage(pid).rss

    def run(self) -> None:
        """Look until ``stop``."""
        while not self._over.wait(0.005):
            self.peak = max(self.peak, processes.usage(self._pid).rss)

    def stop(self) -> float:
        """Megabytes more than before, at the peak."""
        self._over.set()
        self.join()
        return (self.peak - self.before) / 2**20


def run(kind: str, calls: int) -> Table:
    """POST so many calls to one batch."""
    with database(kind) as used:
        server = web_server.start(used.home)
        try:
            with server.client(server.new_key("bench@example.org")) as client:
                batch = client.post("/v1/batches", json={"type": "batch"}).json()["id"]
                rows = [_post(client, server.process.pid, batch, body) for body in _bodies(calls)]
                began = time.perf_counter()
                said = client.get(f"/v1/batches/{batch}").json()
                looked = time.perf_counter() - began
                if said["calls"] != str(calls):
                    raise SystemExit(f"the batch says that it has {said['calls']} calls")
        finally:
            server.stop()
        size = sum(file.stat().st_size for file in used.home.parent.glob("**/*") if file.is_file())
    seconds, megabytes = sum(row[1] for row in rows), max(row[2] for row in rows)
    most = max(row[0] for row in rows) / 100_000
    return Table(
        f"{calls:,} calls through the API into one batch, {NAMES[kind]}",
        ("calls before and in this POST", "s", "web: MB more at the peak"),
        [(f"{number * _A_POST:,} + {row[0]:,}", row[1], row[2]) for number, row in enumerate(rows)],
        [
            f"all: {verdict(seconds, calls * _SECONDS_A_CALL, most=True)} s, {calls / seconds:,.0f} calls/s; "
            f"memory: {verdict(megabytes, _MEGABYTES * max(1, most), most=True)} MB",
            f"the batch is read in {1000 * looked:.1f} ms then"
            + (f"; the database takes {size / 2**20:.0f} MB on disk" if size else ""),  # a server's files are its own
        ],
    )


def _bodies(calls: int) -> Iterator[_Body]:
    for first in range(0, calls, _A_POST):
        yield [{"call": {"phone_number": f"+79{number:09}"}} for number in range(first, min(calls, first + _A_POST))]


def _post(client: httpx.Client, pid: int, batch: str, body: _Body) -> tuple[int, float, float]:
    """Calls, seconds, megabytes."""
    watch = Watch(pid)
    watch.start()
    began = time.perf_counter()
    answer = client.post(f"/v1/batches/{batch}/calls", json=body, timeout=httpx.Timeout(_LONGEST))
    took = time.perf_counter() - began
    more = watch.stop()
    if answer.status_code != 201 or len(answer.json()) != len(body):
        raise SystemExit(f"POST of {len(body)} calls: {answer.status_code} {answer.text[:500]}")
    return len(body), took, more


def main() -> None:
    """The command; 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--calls", type=int, default=CALLS)
    asked = parser.parse_args()
    said = run(asked.database, asked.calls).markdown()
    print(said)
    sys.exit("MISSED" in said)


if __name__ == "__main__":
    main()
