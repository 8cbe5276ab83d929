"""The carrier as a program of its own."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = (sys.executable, "-m", "calldron.engines.carrier")
PATIENCE = 20.0


@contextmanager
def running(port: int = 0) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([*COMMAND, "--port", str(port)], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_says_when_it_is_ready_and_stops_cleanly_on_sigterm() -> None:
    with running() as process:
        assert process.stdout
        words = process.stdout.readline().split()
        assert words[:3] == ["carrier", "ready", "on"]
        host, _, port = words[3].partition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
            caller.connect((host, int(port)))
        children = _children(process.pid)
        assert children
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.read() == ""
        assert not [child for child in children if os.path.exists(f"/proc/{child}")]


def test_a_port_that_is_taken_is_one_line_and_an_exit_code() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_runs_without_django() -> None:
    code = "import sys, calldron.engines.carrier.__main__; print([m for m in sys.modules if m.startswith('django')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.strip() == "[]"


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]
