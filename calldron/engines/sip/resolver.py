"""Names of trunks to addresses: A and AAAA records by the system's resolver, kept for a minute.

SRV and NAPTR (RFC 3263) are not looked up: a trunk is set up with host and port.
"""

import asyncio
import logging
import re
import socket
from collections.abc import Callable
from typing import Final

from calldron.media.addresses import ip_address

KEPT: Final = 60.0
"""Seconds an answer is used for."""
MAX_NAMES: Final = 1024

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,253}")

log = logging.getLogger(__name__)


class Resolver:
    """``done`` gets the address, or ``None``; at once for what is numeric or known, on the event loop otherwise."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}
        self._asking: dict[str, list[Callable[[str | None], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        """Find the address of a host."""
        try:
            address = str(ip_address(host))
        except ValueError:
            self._resolve_name(host, done)
        else:
            done(address)

    def _resolve_name(self, name: str, done: Callable[[str | None], None]) -> None:
        if not _NAME.fullmatch(name):
            done(None)  # getaddrinfo would take "" for this machine
            return
        loop = asyncio.get_running_loop()
        address, until = self._known.get(name, ("", 0.0))
        if loop.time() < until:
            done(address)
        elif name in self._asking:
            self._asking[name].append(done)
        else:
            self._asking[name] = [done]
            task = loop.create_task(self._ask(name), name="sip-resolve")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        address: str | None = None
        try:
            found = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
            # IPv4 first: trunks that publish both seldom mean their media to run over IPv6.
            address = str(min(found, key=lambda one: one[0] != socket.AF_INET)[4][0])
        except (OSError, UnicodeError) as error:
            log.warning("cannot resolve %r: %s", name, error)
        if address is not None:
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            self._known[name] = (address, loop.time() + KEPT)
        for done in self._asking.pop(name):
            done(address)

    async def close(self) -> None:
        """Drop what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
