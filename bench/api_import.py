"""How long one POST of many calls takes, and what it costs the web server in memory.

    python bench/api_import.py [--calls 100000]

Starts the web server as ``calldron web`` runs it, on a folder of its own, and watches its resident memory meanwhile.
Exits 1 where the issue's bounds are missed: 100,000 calls in under 10 s and under 300 MB more.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import web_server

MOST_SECONDS = 10.0
MOST_MEGABYTES = 300.0


class Watch(threading.Thread):
    """The largest resident memory of a process and its children, bytes."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self.before = self.now()
        self.peak = self.before

    def now(self) -> int:
        family = [self._root, *self._root.children(recursive=True)]
        return sum(int(member.memory_info().rss) for member in family)

    def run(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, self.now())

    def stop(self) -> None:
        self._over.set()
        self.join()


def measure(calls: int) -> tuple[float, float]:
    """(seconds, megabytes more) of one POST of so many calls."""
    chance = random.Random(1)
    body = [{"call": {"phone_number": f"+79{chance.randrange(10**9):09}"}} for _ in range(calls)]
    with tempfile.TemporaryDirectory() as home:
        server = web_server.start(Path(home))
        try:
            with server.client(server.new_key("bench@example.org")) as client:
                batch = client.post("/v1/batches", json={"type": "batch"}).json()["id"]
                watch = Watch(server.process.pid)
                watch.start()
                began = time.perf_counter()
                answer = client.post(f"/v1/batches/{batch}/calls", json=body, timeout=httpx.Timeout(120))
                took = time.perf_counter() - began
                watch.stop()
                assert answer.status_code == 201, answer.text[:500]
                assert len(answer.json()) == calls
                assert client.get(f"/v1/batches/{batch}").json()["calls"] == str(calls)
        finally:
            server.stop()
    return took, (watch.peak - watch.before) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    calls = parser.parse_args().calls
    seconds, megabytes = measure(calls)
    print(f"POST of {calls:,} calls: {seconds:.2f} s, {megabytes:.0f} MB more at the peak")
    print(f"to reach for 100,000: {MOST_SECONDS:g} s, {MOST_MEGABYTES:g} MB")
    if calls <= 100_000 and (seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES):
        sys.exit(1)


if __name__ == "__main__":
    main()
