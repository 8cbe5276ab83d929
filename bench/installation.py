"""A whole Calldron, as a user has it: ``calldron serve`` in a folder of its own, its API, its processes."""

import base64
import io
import os
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from peers.ports import HOST, free_port

from bench import ROOT, processes
from calldron.media import tones

_COMMAND = [sys.executable, "-m", "calldron.cli"]
_UP_WITHIN = 60.0  # seconds
PARTS = ("web", "dialer", "media", "renderer")
_UP = {"web", "dialer", "media"}  # a renderer starts with the first recording


class Installation:
    """While ``installation`` runs: what a client can do, and what its processes use."""

    def __init__(self, home: Path, process: subprocess.Popen[bytes], api: httpx.Client) -> None:
        self.home = home
        self._process = process
        self._api = api

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """A request to the API, which has to succeed."""
        answer = self._api.request(method, path, json=body)
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json()

    def answers(self) -> bool:
        """Whether the API is up."""
        if self._process.poll() is not None:
            raise SystemExit(f"the server ended:\n{self.log()}")
        try:
            return self._api.get("/v1/").is_success
        except httpx.TransportError:
            return False

    def dials(self) -> bool:
        """Whether the dialler and its media process are up."""
        return set(self._pids()) >= _UP

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far by part; what the dialler started that is not the media process mixes recordings."""
        pids = self._pids()
        spent = {name: processes.own(pid).cpu for name, pid in pids.items()}
        spent["web"] = processes.usage(pids["web"]).cpu
        spent["renderer"] = processes.usage(pids["dialer"]).cpu - spent["dialer"] - spent["media"]
        return spent

    def threads(self) -> list[float]:
        """CPU seconds so far of the dialler's threads: that of its event loop, then the others, the busiest first."""
        return processes.threads(self._pids()["dialer"])

    def rss(self) -> int:
        """Resident octets of all its processes."""
        return processes.usage(self._process.pid).rss

    def log(self) -> str:
        """The end of what the processes said."""
        return (self.home / "serve.log").read_text(errors="replace")[-2000:]

    def _pids(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for process in processes.family(self._process.pid)[1:]:
            try:
                line = process.cmdline()
            except psutil.Error:  # it ended meanwhile
                continue
            if "calldron.cli" in line:
                found.setdefault(line[line.index("calldron.cli") + 1], process.pid)
            elif "calldron.media.child" in line:
                found["media"] = process.pid
        return found


@contextmanager
def installation(home: Path, trunk_port: int, *, cps: float = 0.0, **settings: str) -> Iterator[Installation]:
    """A server with one trunk (``cps``: its limit), from its first answer until the block ends. ``settings``: further
    ``CALLDRON_…``, in lower case."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = {
        **os.environ,
        "CALLDRON_HOME": str(home),
        "CALLDRON_PUBLIC_URL": f"http://{HOST}:{port}",
        "CALLDRON_LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
        **{f"CALLDRON_{name.upper()}": value for name, value in settings.items()},
    }
    key = _run(environment, "user", "add", "bench@example.com").split("api key: ")[1].strip()
    _run(environment, "trunk", "add", "sipp", f"sip:{HOST}:{trunk_port}", "--cps", str(cps))
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*_COMMAND, "serve", "--port", str(port)], cwd=home, env=environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://{HOST}:{port}", auth=(key, ""), timeout=60, trust_env=False) as api:
            made = Installation(home, process, api)
            deadline = time.monotonic() + _UP_WITHIN
            while not (made.answers() and made.dials()):
                if time.monotonic() > deadline:
                    raise SystemExit(f"the server is not up within {_UP_WITHIN:.0f} s:\n{made.log()}")
                time.sleep(0.2)
            yield made
    finally:
        processes.kill(process.pid)  # a clean stop would first mix all recordings that wait
        process.wait()


def intro(seconds: float) -> str:
    """Speech-like sound as a WAV in Base64."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(tones.speech(seconds))
    return base64.b64encode(file.getvalue()).decode()


def _run(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([*_COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"calldron {' '.join(arguments)}: {done.stderr}")
    return done.stdout
