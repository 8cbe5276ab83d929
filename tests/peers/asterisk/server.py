"""One running Asterisk with a folder of its own, on ports of its own."""

import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers.asterisk import sounds
from peers.ports import HOST, free_port, wait_until

_HERE = Path(__file__).parent
_PREFIX = _HERE.parents[2] / ".cache" / "asterisk"
_BOOT_SECONDS = 30.0

# Below the kernel's own range of ephemeral ports, so that sockets bound to port 0 are never in the way. Instances share
# it: an Asterisk that finds a port taken tries the next.
_RTP = (20000, 31998)


class AsteriskFailed(RuntimeError):
    """It did not start, or a command of its console failed."""


class Asterisk:
    """Start and stop it by `carrier` or `dialer`. `sip_port` is UDP and TCP; `http_port` (ARI) the dialler's only."""

    def __init__(self, name: str, run: Path, ports: dict[str, int]) -> None:
        self.name = name
        self.sip_port = ports["SIP_PORT"]
        self.http_port = ports.get("HTTP_PORT")
        self.monitor = run / "spool" / "monitor"
        self._run = run
        self._values = {
            "RUN": str(run),
            "MODULES": str(_PREFIX / "modules"),
            "RTP_START": str(_RTP[0]),
            "RTP_END": str(_RTP[1]),
            **{key: str(port) for key, port in ports.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.sip_port

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Returns when it is fully booted; raises `AsteriskFailed` with the end of its log."""
        if not (_PREFIX / "asterisk").exists():
            raise AsteriskFailed("Asterisk is not installed: run scripts/asterisk")
        self._lay_out()
        with (self._run / "log" / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [*self._command(), "-f", "-q"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        # Every call takes four sockets.
        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (hard := _hard_limit(), hard))
        try:
            wait_until(self._booted, f"Asterisk {self.name} boots", _BOOT_SECONDS)
        except TimeoutError as error:
            raise AsteriskFailed(f"{error}\n{self.console()[-2000:]}\n{self.log()[-2000:]}") from error

    def stop(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def cli(self, command: str) -> str:
        """What the console answers to a command, as `core show channels`."""
        answer = subprocess.run(
            [*self._command(), "-rx", command], capture_output=True, text=True, timeout=20, check=False
        )
        if answer.returncode != 0:
            raise AsteriskFailed(f"{command}: {answer.stdout}{answer.stderr}")
        return answer.stdout

    def log(self) -> str:
        """Notices, warnings and errors; with `sip_trace`, every SIP message too."""
        full = self._run / "log" / "full"
        return full.read_text(errors="replace") if full.exists() else ""

    def console(self) -> str:
        return (self._run / "log" / "console").read_text(errors="replace")

    def sip_trace(self) -> None:
        """From now on the log holds every SIP message sent and received."""
        self.cli("logger add channel full notice,warning,error,verbose")
        self.cli("core set verbose 3")
        self.cli("pjsip set logger on")

    def channels(self) -> int:
        """How many call legs are up."""
        found = re.search(r"(\d+) active channel", self.cli("core show channels count"))
        return int(found[1]) if found else 0

    def recorded(self, number: str) -> bytes:
        """A-law octets of what the carrier's callee heard, for numbers of the plan that record."""
        return (self.monitor / f"{number.lstrip('+')}.alaw").read_bytes()

    def _booted(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AsteriskFailed(f"ended at once:\n{self.console()[-2000:]}\n{self.log()[-2000:]}")
        if not (self._run / "run" / "asterisk.ctl").exists():
            return False
        try:
            return "fully booted" in self.cli("core waitfullybooted")
        except AsteriskFailed:
            return False  # the socket is there before its listener is

    def _command(self) -> list[str]:
        loader, library = str(_PREFIX / "lib" / "loader"), str(_PREFIX / "lib")
        configuration = str(self._run / "etc" / "asterisk.conf")
        return [loader, "--library-path", library, str(_PREFIX / "asterisk"), "-C", configuration]

    def _lay_out(self) -> None:
        for folder in ("etc", "var", "run", "log", "data/sounds/en", "data/static-http"):
            (self._run / folder).mkdir(parents=True)
        for folder in ("outgoing", "monitor", "recording", "tmp"):
            (self._run / "spool" / folder).mkdir(parents=True)
        for part in ("common", self.name):
            for template in sorted((_HERE / "conf" / part).glob("*.conf")):
                (self._run / "etc" / template.name).write_text(self._filled(template))
        for folder in ("documentation", "rest-api"):
            (self._run / "data" / folder).symlink_to(_PREFIX / folder)
        sounds.write(self._run / "data" / "sounds" / "en")

    def _filled(self, template: Path) -> str:
        return re.sub(r"@([A-Z_]+)@", lambda found: self._values[found[1]], template.read_text())


def _hard_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


@contextmanager
def carrier(port: int | None = None) -> Iterator[Asterisk]:
    """A telephone network: the last four digits of a number say what happens (see conf/carrier/extensions.conf)."""
    with _running("carrier", {"SIP_PORT": port or free_port()}) as asterisk:
        yield asterisk


@contextmanager
def dialer(carrier_port: int, load_port: int) -> Iterator[Asterisk]:
    """A dialler with ARI (user `calldron`, password `ari-secret`).

    Endpoint `trunk` leads to a carrier at `carrier_port`, endpoint `sipp` to whatever answers at `load_port`.
    """
    ports = {"SIP_PORT": free_port(), "HTTP_PORT": free_port(), "CARRIER_PORT": carrier_port, "LOAD_PORT": load_port}
    with _running("dialer", ports) as asterisk:
        yield asterisk


@contextmanager
def _running(name: str, ports: dict[str, int]) -> Iterator[Asterisk]:
    # Not pytest's own folder: its path is too long for the console's socket (108 bytes).
    run = Path(tempfile.mkdtemp(prefix=f"asterisk-{name}-"))
    asterisk = Asterisk(name, run, ports)
    try:
        asterisk.start()
        yield asterisk
    finally:
        asterisk.stop()
        shutil.rmtree(run)
