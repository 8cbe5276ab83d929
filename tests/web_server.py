"""The web server as it runs in production, in a process and a folder of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import httpx
from peers.ports import HOST, free_port, wait_until

_VARIABLES = {"database_url": "DATABASE_URL"}  # the one without our name

CALLDRON = (sys.executable, "-m", "calldron.cli")


@dataclass
class WebServer:
    """A started server. ``home`` is its folder, ``url`` where it answers, ``settings`` what it was started with."""

    home: Path
    port: int
    settings: dict[str, str]
    process: "subprocess.Popen[bytes]"
    log: IO[bytes]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def environment(self, **settings: str) -> dict[str, str]:
        """What the other processes of its installation are told, and further settings."""
        return environment(self.home, self.port, **{**self.settings, **settings})

    def run(self, *arguments: str, given: str = "") -> str:
        """Run a ``calldron`` command on the installation; what it says. ``given``: its standard input."""
        done = subprocess.run(
            [*CALLDRON, *arguments],
            env=self.environment(),
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def new_key(self, email: str) -> str:
        """The API key of a new account."""
        return self.run("user", "add", email).strip().removeprefix("api key: ")

    def client(self, key: str) -> httpx.Client:
        """A client that sends this key."""
        return httpx.Client(base_url=self.url, auth=(key, ""), timeout=60)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


def start(home: Path, **settings: str) -> WebServer:
    """Start one on an empty folder and wait until it answers. ``settings``: further ``CALLDRON_…``, in lower case,
    and ``database_url``."""
    port = free_port()
    env = environment(home, port, **settings)
    subprocess.run([*CALLDRON, "migrate"], env=env, check=True, timeout=120)
    log = (home / "web.log").open("wb")
    process = subprocess.Popen(
        [*CALLDRON, "web", "--host", HOST, "--port", str(port)],
        env=env,
        stdout=log,
        stderr=log,
    )
    server = WebServer(home, port, settings, process, log)
    try:
        wait_until(lambda: process.poll() is not None or _answers(server.url), "the web server", 60)
        assert process.poll() is None, (home / "web.log").read_text()
    except BaseException:
        server.stop()
        raise
    return server


def environment(home: Path, port: int, **settings: str) -> dict[str, str]:
    """What the processes of one installation share."""
    return {
        **os.environ,
        "CALLDRON_HOME": str(home),
        "CALLDRON_PUBLIC_URL": f"http://{HOST}:{port}",
        **{_VARIABLES.get(name, f"CALLDRON_{name.upper()}"): value for name, value in settings.items()},
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/docs", timeout=5).status_code == 200
    except httpx.TransportError:
        return False
