"""Audio files as people upload them (mp3, wav, ogg) to what a telephone line carries: 8 kHz mono 16-bit.

The decoders are C libraries fed with strangers' bytes, so they run in a child process with its own ceilings
of memory and CPU time (`decode_child`): whatever a hostile file does to it, the caller gets `BadAudio`.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SAMPLE_RATE: Final = 8000
MAX_BYTES: Final = 10 * 2**20
MAX_SECONDS: Final = 600.0

# Seconds of wall clock. The child's own CPU ceiling is far lower; this one is for an overloaded machine.
CHILD_TIMEOUT: Final = 120.0

# The child's answer: READY once its libraries are loaded, then one line of JSON, then the samples.
READY: Final = b"ready\n"

COSTLY: Final = "This audio takes too much memory or time to decode. Save it again as plain mp3, wav or ogg."
BROKEN: Final = "This audio file is damaged and cannot be decoded. Save it again as mp3, wav or ogg."

# Children at a time of one process: a burst of uploads queues instead of taking all memory.
_TURNS: Final = threading.BoundedSemaphore(2)

_CODE_ROOT: Final = Path(__file__).resolve().parents[2]

log = logging.getLogger(__name__)


class BadAudio(ValueError):
    """An audio file that cannot be used.

    `code` is for programs: `empty`, `too_big`, `too_long`, `not_audio` (no mp3, wav or ogg), `truncated` (cut
    short, or its header promises more than there is), `unreadable` (damaged, or a variety that cannot be
    decoded), `too_costly` (past the ceilings of memory or CPU time). The message is English, for a person.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Audio:
    """`pcm` is 8 kHz mono signed 16-bit little-endian; `format` says what it was: `mp3`, `wav` or `ogg`."""

    pcm: bytes
    seconds: float
    format: str


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS) -> Audio:
    """The file's sound, resampled, downmixed and levelled to about -19 dBFS.

    Blocks while a child process decodes: half a second, or a few for the longest files. Raises `BadAudio`,
    and `RuntimeError` when the child itself cannot start (the installation's fault, not the file's).
    """
    if not data:
        raise BadAudio("empty", "The audio file is empty.")
    if len(data) > max_bytes:
        raise BadAudio("too_big", f"The audio file has {len(data)} bytes; at most {max_bytes} are accepted.")
    try:
        with _TURNS:
            child = subprocess.run(
                [sys.executable, "-P", "-m", "calldron.media.decode_child", repr(max_seconds)],
                input=data,
                capture_output=True,
                timeout=CHILD_TIMEOUT,
                check=False,
                # Nothing of the server's environment (its secrets) goes to code that reads hostile bytes.
                env={"PATH": os.defpath, "PYTHONPATH": str(_CODE_ROOT), "OPENBLAS_NUM_THREADS": "1"},
            )
    except subprocess.TimeoutExpired as error:
        raise BadAudio("too_costly", COSTLY) from error
    if not child.stdout.startswith(READY):
        raise RuntimeError(f"the audio decoder did not start: {_text(child.stderr)}")
    return _answer(child.returncode, child.stdout[len(READY) :], child.stderr)


def _answer(returncode: int, stdout: bytes, stderr: bytes) -> Audio:
    if returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise BadAudio("too_costly", COSTLY)
    if returncode != 0:
        # Worth a look: the file got a decoder to crash.
        log.warning("audio decoder ended with %d: %s", returncode, _text(stderr))
        raise BadAudio("unreadable", BROKEN)
    head, _, pcm = stdout.partition(b"\n")
    said = json.loads(head)
    if "code" in said:
        raise BadAudio(said["code"], said["message"])
    return Audio(pcm=pcm, seconds=len(pcm) / 2 / SAMPLE_RATE, format=said["format"])


def _text(stderr: bytes) -> str:
    return stderr.decode(errors="replace")[-2000:]
