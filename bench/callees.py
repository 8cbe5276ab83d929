"""SIPp as the people who are called: rings, answers, sends every RTP packet back, waits for BYE.

SIPp has one socket for the media of all its calls, and its receive buffer holds some 270 packets: so a load of RTP
is spread over several SIPps, and where packets are lost all the same, the kernel's counters say so.
"""

import csv
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from peers.ports import HOST, free_port, holds_udp, wait_until

from bench import processes

_SCENARIO = Path(__file__).parent / "callee.xml"
_ENDING = 10  # seconds that the last call may take to end, its wait for repeats included
_LONGEST = 900  # seconds, after which a SIPp that nobody stopped ends by itself
_CALL_SOCKET_BUFFER = "1000000"
_ECHOED = re.compile(r"^ +(\d+) Total echo RTP pckts 1st stream", re.MULTILINE)


@dataclass(frozen=True)
class Heard:
    """What SIPp counted. ``invites`` counts calls (an INVITE sent again for want of an answer is none), ``repeats``
    retransmissions either way, ``seconds`` the calls that began in each second in which any did, ``echoed`` RTP packets
    received and sent back.
    """

    invites: int
    completed: int
    failed: int
    repeats: int
    seconds: tuple[int, ...]
    echoed: int

    def __add__(self, other: "Heard") -> "Heard":
        return Heard(
            self.invites + other.invites,
            self.completed + other.completed,
            self.failed + other.failed,
            self.repeats + other.repeats,
            (*self.seconds, *other.seconds),
            self.echoed + other.echoed,
        )


class Callee:
    """One SIPp, while ``callees`` runs."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        program = shutil.which("sipp")
        if program is None:
            raise SystemExit("SIPp is not installed: run scripts/peers")
        folder.mkdir(parents=True)
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *(program, "-sf", str(_SCENARIO), "-i", HOST, "-p", str(self.port)),
                    *("-mi", HOST, "-mp", str(_media_port()), "-rtp_echo", "-buff_size", _CALL_SOCKET_BUFFER),
                    # A machine at its limit is what we measure: the watchdog would end SIPp for it.
                    *("-nostdin", "-watchdog_interval", "0", "-timeout", f"{_LONGEST}s"),
                    "-aa",  # a call that lasts is asked by OPTIONS whether it lives
                    *("-trace_stat", "-stf", "statistics", "-fd", "1", "-trace_err", "-error_file", "errors"),
                    *("-trace_screen", "-screen_file", "screens"),
                ],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def ready(self) -> None:
        """Wait until it can be called."""
        wait_until(self._listens, f"SIPp listens on {self.port}", 10)

    def heard(self) -> Heard:
        """End it, and say what it counted."""
        self._end()
        rows = list(csv.DictReader((self._folder / "statistics").read_text().splitlines(), delimiter=";"))
        last = rows[-1]
        screens = (self._folder / "screens").read_text(errors="replace")
        return Heard(
            invites=int(last["IncomingCall(C)"]),
            completed=int(last["SuccessfulCall(C)"]),
            failed=int(last["FailedCall(C)"]),
            repeats=int(last["Retransmissions(C)"]),
            seconds=tuple(count for row in rows if (count := int(row["IncomingCall(P)"]))),
            echoed=max((int(count) for count in _ECHOED.findall(screens)), default=0),
        )

    def kill(self) -> None:
        """End it now, whatever state it is in."""
        processes.kill(self._process.pid)
        self._process.wait()

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise SystemExit(f"SIPp did not start:\n{(self._folder / 'output').read_text()[-2000:]}")
        return holds_udp(self.port)

    def _end(self) -> None:
        # The count of RTP packets is only on the screens, and there only when some of a second's report has passed:
        # two dumps at no round distance hold it at least once.
        for pause in (0.13, 0.24):
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGUSR2)
                time.sleep(pause)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGUSR1)  # ends once no call is up
        try:
            self._process.wait(_ENDING)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def callees(folder: Path, count: int) -> Iterator[list[Callee]]:
    """So many SIPps, each on ports of its own, until the block ends."""
    started: list[Callee] = []
    try:
        for number in range(count):
            started.append(Callee(folder / f"sipp{number}"))
            started[-1].ready()
        yield started
    finally:
        for callee in started:
            callee.kill()


def _media_port() -> int:
    """A free port whose second next is free too, which SIPp binds for video."""
    while True:
        port = free_port()
        if not holds_udp(port + 2):
            return port
