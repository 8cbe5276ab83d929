"""Loopback ports: free ones for a peer, and knowing when a peer holds its own."""

import random
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

HOST = "127.0.0.1"

_CHANCE = random.SystemRandom()  # two runs side by side must not choose alike


def free_port() -> int:
    """A port that is free for UDP and TCP at this moment."""
    while True:
        with (
            closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as udp,
            closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as tcp,
        ):
            udp.bind((HOST, 0))
            port: int = udp.getsockname()[1]
            try:
                tcp.bind((HOST, port))
            except OSError:
                continue
            return port


def free_media_port() -> int:
    """An even UDP port that is free, and so is the second after it (SIPp takes both, for audio and video).

    Outside the kernel's range of ephemeral ports and Asterisk's: what is free now is not given to another meanwhile.
    """
    while True:
        port = _CHANCE.randrange(10000, 19990, 4)
        with (
            closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as audio,
            closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as video,
        ):
            try:
                audio.bind((HOST, port))
                video.bind((HOST, port + 2))
            except OSError:
                continue
            return port


def holds_udp(port: int) -> bool:
    """Whether some process has bound the UDP port, read from the kernel without sending anything."""
    wanted = f":{port:04X}"
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(wanted) for row in rows)


def wait_until(true: Callable[[], bool], what: str, seconds: float) -> None:
    """Polls a condition of another process; `TimeoutError` names it."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
