"""Ports that stay free until their program has them again: none that the kernel gives to whoever asks for any."""

import random
import socket
from contextlib import ExitStack

from peers.ports import HOST

_CHANCE = random.SystemRandom()  # rounds side by side must not choose alike
_RANGE = (20_000, 30_000)  # Linux gives out 32768 to 60999 (ip_local_port_range)


def lasting_port() -> int:
    """A port that is free for UDP and TCP."""
    while True:
        port = _CHANCE.randrange(*_RANGE)
        with ExitStack() as sockets:
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind((HOST, port))
            except OSError:
                continue
            return port
