"""SIPp running one scenario, as callee (UAS) or caller (UAC), for a bounded number of calls and seconds."""

import csv
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peers.ports import HOST, free_media_port, free_port, holds_udp, wait_until

_SCENARIOS = Path(__file__).parent
_START_SECONDS = 10.0

# A line of dashes with the time, then "UDP message sent (393 bytes):" or "… received [393] bytes :", then the message.
# A message out of order is there a second time as "Unexpected …", which is not matched.
_LOGGED = re.compile(r"^-{10,} \S.*\n\S+ message (sent|received) .*\n\n((?:(?!-{10,}).*\n)*)", re.MULTILINE)


class SippFailed(RuntimeError):
    """It is not installed, did not start, or its scenario was not followed; the message holds its own errors."""


@dataclass(frozen=True)
class SippResult:
    """`code` is SIPp's exit code: 0 all calls followed the scenario, 1 some did not, 97 time was up."""

    code: int
    successful: int
    failed: int
    errors: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        return f"exit {self.code}, {self.successful} successful, {self.failed} failed\n{self.errors}"


class Sipp:
    """One process. `port` is its SIP port; every message it saw is in `messages`."""

    def __init__(self, folder: Path, scenario: str, port: int) -> None:
        self.port = port
        self.scenario = scenario
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._seconds = 0.0

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    def start(self, *arguments: str, calls: int, seconds: float, tolerant: bool) -> None:
        program = shutil.which("sipp")
        if program is None:
            raise SippFailed("SIPp is not installed: run scripts/peers")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._seconds = seconds
        command = [
            program,
            *arguments,
            *("-sf", str(_SCENARIOS / f"{self.scenario}.xml"), "-i", HOST, "-p", str(self.port)),
            *(
                "-mi",
                HOST,
                "-mp",
                str(free_media_port()),
                "-m",
                str(calls),
                "-timeout",
                f"{seconds:.0f}s",
                "-timeout_error",
            ),
            *("-nostdin", "-trace_msg", "-message_file", "messages", "-trace_err", "-error_file", "errors"),
            *("-trace_stat", "-stf", "statistics", "-fd", "1"),
        ]
        if tolerant:
            # A message out of the scenario's order is let pass instead of ending the call.
            command += ["-default_behaviors", "all,-abortunexp"]
        with (self._folder / "screen").open("wb") as screen:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen
            )
        wait_until(self._listens, f"SIPp {self.scenario} listens", _START_SECONDS)

    def wait(self) -> SippResult:
        """Returns when all calls have ended or time is up."""
        assert self._process is not None, "not started"
        try:
            code = self._process.wait(self._seconds + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        successful, failed = self._counts()
        errors = self._read("errors")
        if code and not errors:
            errors = self._read("screen")[-2000:]
        return SippResult(code, successful, failed, errors)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def messages(self) -> list[str]:
        """Every SIP message, oldest first, each as it was on the wire; prefixed with `> ` where SIPp sent it."""
        return [("> " if way == "sent" else "") + text for way, text in _LOGGED.findall(self._read("messages"))]

    def received(self, start: str) -> list[str]:
        """The messages it got whose first line starts so: a method, or `SIP/2.0 200`."""
        return [message for message in self.messages() if message.startswith(start)]

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None and self._process.returncode != 0:
            raise SippFailed(f"{self.scenario}: {self._read('errors')}{self._read('screen')[-2000:]}")
        return self._process.poll() is not None or holds_udp(self.port)

    def _counts(self) -> tuple[int, int]:
        rows = list(csv.DictReader(self._read("statistics").splitlines(), delimiter=";"))
        return (int(rows[-1]["SuccessfulCall(C)"]), int(rows[-1]["FailedCall(C)"])) if rows else (0, 0)

    def _read(self, name: str) -> str:
        file = self._folder / name
        return file.read_text(errors="replace") if file.exists() else ""


@contextmanager
def callee(
    folder: Path, scenario: str, *, calls: int = 1, seconds: float = 20, tolerant: bool = False, port: int | None = None
) -> Iterator[Sipp]:
    """A callee that listens when the block begins and is gone when it ends; see `Sipp.wait`."""
    sipp = Sipp(folder, scenario, port or free_port())
    try:
        sipp.start(calls=calls, seconds=seconds, tolerant=tolerant)
        yield sipp
    finally:
        sipp.stop()


def call(
    folder: Path,
    scenario: str,
    to: tuple[str, int],
    number: str,
    *,
    calls: int = 1,
    rate: float = 10,
    seconds: float = 20,
) -> tuple[SippResult, Sipp]:
    """Calls a number at an address, and returns when it is over."""
    sipp = Sipp(folder, scenario, free_port())
    host, port = to
    try:
        sipp.start(*("-s", number, "-r", f"{rate:g}", f"{host}:{port}"), calls=calls, seconds=seconds, tolerant=False)
        return sipp.wait(), sipp
    finally:
        sipp.stop()
