"""A running media process and the socket to it, on asyncio."""

import asyncio
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from calldron.media import control
from calldron.media.control import Said

log = logging.getLogger(__name__)

_BUFFER: Final = 1 << 20
_READS_A_TURN: Final = 64  # then the event loop's other work gets its turn
_SILENCE: Final = 5  # seconds without a sign of life after which the process is taken for hung


class Link:
    """One life of the media process. It ends when its socket closes, whoever closes it."""

    def __init__(
        self, process: asyncio.subprocess.Process, ours: socket.socket, said: Callable[[int, Said], None]
    ) -> None:
        self._process = process
        self._socket = ours
        self._said = said
        self._waiting: deque[tuple[bytes, int | None]] = deque()
        self._heard = True
        self._loop = asyncio.get_running_loop()
        self._gone = asyncio.Event()
        self._loop.add_reader(ours, self._readable)

    @classmethod
    async def open(cls, ports: range | None, said: Callable[[int, Said], None]) -> Self:
        """Start the process. ``said`` gets what it says. Raises ``OSError``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ours.setblocking(False)
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            arguments = [str(theirs.fileno())]
            if ports:
                arguments += [str(ports[0]), str(ports[-1])]
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "calldron.media.child",
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # numpy's threads have nothing to do there
                )
            except BaseException:
                ours.close()
                raise
        return cls(process, ours, said)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def send(self, data: bytes, descriptor: int | None = None) -> None:
        """Send a command, with a descriptor that may be closed afterwards. In order; never blocks."""
        if not self._waiting and self._try_send(data, descriptor):
            return
        self._waiting.append((data, None if descriptor is None else os.dup(descriptor)))
        self._loop.add_writer(self._socket, self._writable)

    def kill(self) -> None:
        """End the process at once."""
        if self._process.returncode is None:
            self._process.kill()

    async def ended(self) -> str:
        """Wait until the process is over; kill it when it hangs. Says how it ended."""
        silent = 0
        try:
            while not self._gone.is_set():
                self._heard = False
                try:
                    await asyncio.wait_for(self._gone.wait(), 1.0)
                except TimeoutError:
                    silent = 0 if self._heard else silent + 1
                if silent > _SILENCE:
                    log.error("the media process %d hangs and is killed", self.pid)
                    self.kill()
                    break  # nobody but this wait may learn how it ended
            code = await self._process.wait()
        finally:
            self._close()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def _readable(self) -> None:
        for _ in range(_READS_A_TURN):
            try:
                data = self._socket.recv(control.LARGEST)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._loop.remove_reader(self._socket)
                self._gone.set()
                return
            self._heard = True
            self._said(*control.hear(data))

    def _writable(self) -> None:
        while self._waiting:
            data, descriptor = self._waiting[0]
            if not self._try_send(data, descriptor):
                return
            self._waiting.popleft()
            if descriptor is not None:
                os.close(descriptor)
        self._loop.remove_writer(self._socket)

    def _try_send(self, data: bytes, descriptor: int | None) -> bool:
        try:
            if descriptor is None:
                self._socket.send(data)
            else:
                socket.send_fds(self._socket, [data], [descriptor])
        except BlockingIOError:
            return False
        except ConnectionError:  # it died; ``ended`` finds out by the closed socket
            return True
        return True

    def _close(self) -> None:
        self.kill()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        for _, descriptor in self._waiting:
            if descriptor is not None:
                os.close(descriptor)
        self._waiting.clear()
