"""What the cabinet's pages weigh and how long the server takes for them, with a batch of a million calls.

python -m bench.pages --database sqlite [--calls 1000000] [--times 15]
"""

import argparse
import gzip
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
from peers.ports import HOST, free_port

from bench import ROOT, processes, seed
from bench.databases import KINDS, NAMES, Database, database
from bench.report import Table, verdict

CALLS = 1_000_000
TIMES = 15
SLOWEST = 200.0  # milliseconds of server time
HEAVIEST = 150.0  # KB of a page with its scripts and styles, gzipped
_UP_WITHIN = 60.0

PAGES = {
    "batches": "/batches/",
    "a new batch": "/batches/new",
    "a batch as it runs": "/batches/{batch}/",
    "its form": "/batches/{batch}/edit",
    "deleting it": "/batches/{batch}/delete",
    "an import": "/batches/{batch}/import",
    "its calls": "/batches/{batch}/calls/",
    "its calls, busy": "/batches/{batch}/calls/?status=busy",
    "its calls, a number": "/batches/{batch}/calls/?q=79000000",
    "a call": "/batches/{batch}/calls/{call}/",
    "sounds": "/sounds/",
    "stop list": "/stop-list/",
    "trunks": "/trunks/",
    "people": "/people/",
    "journal": "/journal/",
    "profile": "/users/edit",
    "reference": "/docs/",
}
_NEEDS = re.compile(r'(?:src|href)="(/static/[^"]+\.(?:js|css|svg)(?:\?v=\w+)?)"')


@dataclass(frozen=True)
class Ids:
    """What pages are asked for by, and the cookie of who asks."""

    batch: int
    call: int
    session: str


def furnish(calls: int) -> Ids:
    """A batch of so many calls, and an administrator of its account who is signed in."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from calldron.store.models import Account, Batch, Call, User

    account_id = seed.account()
    seed.history(account_id, calls)
    seed.analyze()
    user = User.objects.create_user("bench@example.com", None, Account.objects.get(pk=account_id), is_superuser=True)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    batch = Batch.objects.get(account_id=account_id)
    return Ids(batch.pk, Call.objects.filter(batch=batch).earliest("id").pk, str(session.session_key))


@contextmanager
def web(used: Database, ids: Ids) -> Iterator[httpx.Client]:
    """The web server on that database, and a browser's connection to it."""
    port = free_port()
    command = [sys.executable, "-m", "calldron.cli", "web", "--host", HOST, "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CALLDRON_LOG_LEVEL": "WARNING"}
    with (used.home / "web.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        cookies = {"sessionid": ids.session}
        with httpx.Client(base_url=f"http://{HOST}:{port}", cookies=cookies, timeout=60, trust_env=False) as browser:
            _until_it_answers(browser)
            yield browser
    finally:
        processes.kill(process.pid)
        process.wait()


def _until_it_answers(browser: httpx.Client) -> None:
    deadline = time.monotonic() + _UP_WITHIN
    while time.monotonic() < deadline:
        try:
            if browser.get("/batches/").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit(f"the web server is not up within {_UP_WITHIN:.0f} s")


def look(browser: httpx.Client, path: str, times: int) -> tuple[float, float, float]:
    """Milliseconds until a page is there, the median and the most of so many times, and what it weighs, KB gzipped."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        answer = browser.get(path)
        spent.append(1000 * (time.perf_counter() - began))
        if answer.status_code != httpx.codes.OK:
            raise SystemExit(f"{path}: {answer.status_code}")
    needs = dict.fromkeys(_NEEDS.findall(answer.text))
    weight = sum(len(gzip.compress(browser.get(need).content)) for need in needs)
    return statistics.median(spent), max(spent), (weight + len(gzip.compress(answer.content))) / 1024


def run(kind: str, calls: int, times: int) -> Table:
    """Every page."""
    with database(kind) as used:
        used.use()
        ids = furnish(calls)
        rows = []
        with web(used, ids) as browser:
            for name, path in PAGES.items():
                median, most, weight = look(browser, path.format(batch=ids.batch, call=ids.call), times)
                rows.append((name, round(median, 1), round(most, 1), round(weight, 1)))
    return Table(
        f"Pages of the cabinet with a batch of {calls:,} calls, {NAMES[kind]}",
        ("page", "ms, median", "ms, most", "KB, gzipped"),
        rows,
        (
            f"the slowest median in ms: {verdict(max(row[1] for row in rows), SLOWEST, most=True)}",
            f"the heaviest in KB: {verdict(max(row[3] for row in rows), HEAVIEST, most=True)}",
            f"whole requests over loopback, {times} of each after the first page",
        ),
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--times", type=int, default=TIMES)
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(run(asked.database, asked.calls, asked.times).markdown())


if __name__ == "__main__":
    main()
