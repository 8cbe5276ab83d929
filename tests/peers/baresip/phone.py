"""One baresip without a sound card.

Either it says what it is given (baresip's file player is deaf), or it echoes: its earpiece is bridged to its
microphone, and its decoder's output is kept.
"""

import re
import shutil
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peers.ports import HOST, free_port, holds_udp, wait_until

_TEMPLATES = Path(__file__).parent
_START_SECONDS = 10.0
_MODULES = "/usr/lib/baresip/modules"


class BaresipFailed(RuntimeError):
    """It is not installed or did not start; the message holds the end of its output."""


class Baresip:
    """Listens at `address` for `sip:callee@…`. Start and stop it by `phone`."""

    def __init__(self, folder: Path, port: int, codec: str) -> None:
        self.port = port
        self._folder = folder
        self._codec = codec
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self.port

    @property
    def uri(self) -> str:
        return f"sip:callee@{HOST}:{self.port}"

    def start(self, says: bytes | None) -> None:
        program = shutil.which("baresip")
        if program is None:
            raise BaresipFailed("baresip is not installed: run scripts/peers")
        self._folder.mkdir(parents=True, exist_ok=True)
        values = {
            "PORT": str(self.port),
            "FOLDER": str(self._folder),
            "CODEC": self._codec,
            "MODULES": _MODULES,
            "SOURCE": "aubridge,echo" if says is None else f"aufile,{self._says(says)}",
        }
        for name in ("config", "accounts"):
            text = (_TEMPLATES / name).read_text()
            filled = re.sub(r"@([A-Z]+)@", lambda found: values[found[1]], text)
            (self._folder / name).write_text(filled)
        with (self._folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [program, "-f", str(self._folder), "-v"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        wait_until(self._listens, "baresip listens", _START_SECONDS)

    def stop(self) -> None:
        """Hangs up and ends it; what it heard is whole then."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def output(self) -> str:
        return (self._folder / "output").read_text(errors="replace")

    def heard(self) -> bytes:
        """8 kHz mono s16le of the call, by an echoing phone that has been stopped."""
        (dump,) = self._folder.glob("dump-*-dec.wav")
        with wave.open(str(dump)) as file:
            pcm: bytes = file.readframes(file.getnframes())
        return pcm

    def _says(self, pcm: bytes) -> Path:
        path = self._folder / "says.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(pcm)
        return path

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise BaresipFailed(self.output()[-2000:])
        return "baresip is ready" in self.output() and holds_udp(self.port)


@contextmanager
def phone(folder: Path, says: bytes | None = None, codec: str = "PCMA") -> Iterator[Baresip]:
    """A phone that answers while the block runs; `codec` is PCMA or PCMU.

    `says` is 8 kHz mono s16le, said once from the start of a call; without it the phone echoes.
    """
    baresip = Baresip(folder, free_port(), codec)
    try:
        baresip.start(says)
        yield baresip
    finally:
        baresip.stop()
