"""``calldron serve`` as a whole: what it refuses to start beside, and how it stops."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import web_server
from installation import intro
from peers.ports import HOST, free_port, wait_until

pytestmark = pytest.mark.timeout(240)


@dataclass
class Served:
    """A running ``calldron serve``. ``api`` is signed in."""

    home: Path
    port: int
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"
    api: httpx.Client

    def log(self) -> str:
        return (self.home / "serve.log").read_text()

    def call(self, batch: str, call: str) -> dict[str, object]:
        shown: dict[str, object] = self.api.get(f"/batches/{batch}/calls/{call}").raise_for_status().json()
        return shown

    def children(self, pid: int, words: str) -> list[int]:
        """Processes that ``pid`` started and whose command line has these words."""
        found = subprocess.run(["pgrep", "-P", str(pid), "-f", words], capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split()]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as running:
        yield running


@contextmanager
def serving(home: Path, *before: str) -> Iterator[Served]:
    """``before``: a command that is given first."""
    port = free_port()
    environment = web_server.environment(home, port) | {
        "CALLDRON_SANDBOX_PORT": str(free_port()),
    }
    key = calldron(environment, "user", "add", "owner@example.org").split()[-1]
    if before:
        calldron(environment, *before)
    with (home / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "calldron.cli", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    api = httpx.Client(base_url=f"http://{HOST}:{port}/v1", auth=(key, ""), timeout=30)
    running = Served(home, port, environment, process, api)
    wait_until(lambda: "dialer ready" in running.log() and _answers(api), "the server", 60)
    yield running
    api.close()
    if process.poll() is None:
        process.terminate()
        process.terminate()
        process.wait(90)


def calldron(environment: dict[str, str], *words: str) -> str:
    """What a command says."""
    command = [sys.executable, "-m", "calldron.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/").status_code == 200
    except httpx.TransportError:
        return False


def test_a_second_one_says_why_it_does_not_start(served: Served) -> None:
    said = _serve(served.environment, served.port)
    assert f"port {served.port}: Address already in use" in said
    other_port = free_port()
    elsewhere = served.environment | {"CALLDRON_SANDBOX_PORT": str(free_port())}
    assert "Another dialer is running" in _serve(elsewhere, other_port)
    assert "choose another CALLDRON_SANDBOX_PORT" in _serve(served.environment, other_port)


def _serve(environment: dict[str, str], port: int) -> str:
    command = [sys.executable, "-m", "calldron.cli", "serve", "--port", str(port)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_a_killed_web_server_takes_its_worker_along(served: Served) -> None:
    (web,) = served.children(served.process.pid, "calldron.cli web")
    (worker,) = served.children(web, "calldron.cli web")
    os.kill(web, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{worker}").exists(), "the worker ends", 10)
    wait_until(lambda: _answers(served.api), "the server", 60)


def test_a_worker_of_the_web_server_that_dies_is_told_of_and_replaced(served: Served) -> None:
    (web,) = served.children(served.process.pid, "calldron.cli web")
    (worker,) = served.children(web, "calldron.cli web")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: "Unexpected exit from worker" in served.log(), "the log tells of it", 30)
    wait_until(lambda: _answers(served.api), "the server", 60)


def test_the_sandbox_is_there_until_calls_have_ended(served: Served) -> None:
    batch = served.api.post("/batches", json={"type": "instant", "ring_timeout": "5", **intro(3.0)}).json()["id"]
    numbers = [{"call": {"phone_number": number}} for number in ("+79990000030", "+79990004100")]
    answering, ringing = (one["id"] for one in served.api.post(f"/batches/{batch}/calls", json=numbers).json())
    wait_until(lambda: served.call(batch, answering)["status"] == "answered", "the call is up", 30)
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(90) == 0
    events = [json.loads(line) for line in served.log().splitlines() if line.startswith("{")]
    outcomes = {str(event["call"]): event["outcome"] for event in events if event["event"] == "leg ended"}
    assert outcomes == {answering: "answered", ringing: "no_answer"}, "the carrier did not end them"
    assert not _answers(served.api)


def test_the_sandbox_comes_once_the_last_trunk_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path, "trunk", "add", "main", f"sip:{HOST}:{free_port()}") as served:
        assert not served.children(served.process.pid, "calldron.cli carrier")
        calldron(served.environment, "trunk", "remove", "main")
        wait_until(lambda: "sandbox carrier ready" in served.log(), "the sandbox", 60)
        batch = served.api.post("/batches", json={"type": "instant", **intro(1.0)}).json()["id"]
        call = served.api.post(f"/batches/{batch}/calls", json={"phone_number": "+79990000030"}).json()["id"]
        wait_until(lambda: served.call(batch, call)["status"] == "answered", "the call is up", 30)
