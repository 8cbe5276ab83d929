"""An installation that has called goes from SQLite to PostgreSQL: what clients see stays the same, and it calls on."""

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import installation
import psycopg
import pytest
import pytest_asyncio
import web_server
from installation import Installation, intro
from peers import postgres
from peers.postgres import Postgres
from web_server import CALLDRON

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(480)]

WAITING = {"batch": {"type": "instant", "name": "Ждут", "autostart": False, "attempts": 3}}
SESSION = ("abcdefghijklmnopqrstuvwxyz012345", "e30:signed", "2026-12-24 10:00:00.250000")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres.server() as running:
        yield running


@pytest.fixture
def target(server: Postgres, request: pytest.FixtureRequest) -> str:
    """The URL of an empty database."""
    return server.create_database(request.function.__name__[:60])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calldron(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """One that made a call, has others waiting and removed its last batch."""
    running = await installation.start(tmp_path_factory.mktemp("calldron"))
    running.start_dialer()
    batch = await running.batch(name="Сделан", confirmation="dtmf", **intro(1.0))
    (call,) = await running.calls(batch, "+79990011100")  # presses 1 at once
    await running.recording(batch, call)
    assert (await running.api.post("/v1/stop-list", json=["+79990011200", "+79990011201"])).status_code == 201
    assert (await running.api.put("/v1/account", json={"account": {"quota_month": 30}})).status_code == 200
    yield running
    await running.stop()


async def test_everything_goes_along(calldron: Installation, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = await _created(calldron.api)
    removed = await calldron.batch()
    assert (await calldron.api.delete(f"/v1/batches/{removed}")).status_code == 200
    with sqlite3.connect(calldron.home / "calldron.sqlite3") as db:
        db.execute("INSERT INTO django_session (session_key, session_data, expire_date) VALUES (?, ?, ?)", SESSION)

    refused = await _move(calldron.home, target)
    assert refused.returncode == 1
    assert "Another dialer is running" in refused.stderr
    calldron.signal_dialer(signal.SIGTERM)
    assert await calldron.dialer_ended() == 0
    refused = await _move(calldron.home, target)
    assert refused.returncode == 1
    assert "A web server is running" in refused.stderr

    before = await _all_there_is(calldron.api)
    old_url = str(calldron.api.base_url)
    await calldron.stop_web()
    kept = _dump(calldron.home)
    password = str(urlsplit(target).password)
    refused = await _move(calldron.home, f"{target}_that_is_not_there")
    assert refused.returncode == 1
    assert "can't be reached: " in refused.stderr
    assert password not in refused.stderr
    moved = await _move(calldron.home, target)
    assert moved.returncode == 0, moved.stderr
    for secret in (unquote(password), password):
        assert secret not in moved.stdout + moved.stderr
    assert _dump(calldron.home) == kept
    again = await _move(calldron.home, target)
    assert again.returncode == 1
    assert "Name an empty database" in again.stderr

    monkeypatch.setenv("DATABASE_URL", target)
    web = await asyncio.to_thread(web_server.start, calldron.home, api_rate="0")
    try:
        calldron.api.base_url = httpx.URL(web.url)
        after = await _all_there_is(calldron.api)
        assert _at(after, web.url) == _at(before, old_url)
        (link,) = set(re.findall(rf"{re.escape(old_url)}(/v1/[^']*sig=[\w:-]+)", repr(before)))
        async with httpx.AsyncClient(base_url=web.url, timeout=60) as nobody:
            assert (await nobody.get(link)).status_code == 200  # links that were given out still hold
        with psycopg.connect(target) as db:
            assert db.execute("SELECT session_key, session_data, expire_date::text FROM django_session").fetchall() == [
                (*SESSION[:2], "2026-12-24 10:00:00.25+00")
            ]
        assert await _created(calldron.api) == waiting  # the Idempotency-Key is still known
        assert int(await calldron.batch()) > int(removed)  # no id comes again, not even that of a removed batch
        await _calls_on(calldron, waiting)
        await _is_well(calldron.home)
    finally:
        await asyncio.to_thread(web.stop)


async def _calls_on(calldron: Installation, batch: str) -> None:
    """The calls that waited go out from where they are now."""
    calldron.start_dialer()
    assert (await calldron.api.post(f"/v1/batches/{batch}/start")).status_code == 200
    for call in (await calldron.api.get(f"/v1/batches/{batch}/calls")).json():
        assert (await calldron.final(batch, call["id"]))["status"] == "answered"


async def _is_well(home: Path) -> None:
    """The doctor finds the server, its clock and the dialer."""
    doctor = await asyncio.to_thread(_run, home, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    for words in ("ok   database: postgresql, up to date", "ok   clock: ", "is running, calls up: 0"):
        assert words in doctor.stdout


async def _created(api: httpx.AsyncClient) -> str:
    """A batch with two calls that nobody has started; it is the same one however often it is asked for."""
    answer = await api.post("/v1/batches", json=WAITING, headers={"Idempotency-Key": "the batch that waits"})
    assert answer.status_code == 201, answer.text
    batch: str = answer.json()["id"]
    numbers = [{"call": {"phone_number": f"+7999001300{last}"}} for last in range(2)]  # hang up at once
    key = {"Idempotency-Key": "the calls that wait"}
    answer = await api.post(f"/v1/batches/{batch}/calls", json=numbers, headers=key)
    assert answer.status_code == 201, answer.text
    return batch


async def _all_there_is(api: httpx.AsyncClient) -> list[Any]:
    """Every answer that says something about this account."""
    batches = (await api.get("/v1/batches")).json()
    shown = [batches, *[(await api.get(path)).json() for path in ("/v1/", "/v1/account", "/v1/stop-list")]]
    for batch in batches:
        shown += [(await api.get(f"/v1/batches/{batch['id']}{part}")).json() for part in ("", "/stats")]
        calls = (await api.get(f"/v1/batches/{batch['id']}/calls")).json()
        for call in calls:
            path = f"/v1/batches/{batch['id']}/calls/{call['id']}"
            shown += [(await api.get(f"{path}{part}")).json() for part in ("", "/attempts")]
            shown.append((await api.get(f"{path}/record.mp3")).content)
    assert len(batches) == 2
    return shown


def _at(shown: list[Any], url: str) -> str:
    """What was shown, wherever and whenever it was: the signature of a link holds its time."""
    return re.sub(r"\?sig=[\w:-]+", "", repr(shown).replace(url.rstrip("/"), "URL"))


def _dump(home: Path) -> list[str]:
    with sqlite3.connect(home / "calldron.sqlite3") as db:
        return list(db.iterdump())


async def _move(home: Path, target: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(_run, home, "move-database", DATABASE_URL_TO=target)


def _run(home: Path, command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "CALLDRON_HOME": str(home), **environment}
    return subprocess.run([*CALLDRON, command], env=env, capture_output=True, text=True, timeout=120, check=False)
