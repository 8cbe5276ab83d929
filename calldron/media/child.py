"""The media process: ``python -m calldron.media.child DESCRIPTOR [FIRST_PORT LAST_PORT]``.

Obeys its parent over a socket and ends when that closes, so a parent that died leaves no orphan.
"""

import contextlib
import gc
import itertools
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from calldron.media import control
from calldron.media.control import Opened, Refused
from calldron.media.endpoint import Endpoint
from calldron.media.events import MediaHealth
from calldron.media.g711 import Codec
from calldron.media.plane import Plane
from calldron.media.prompt import Prompt
from calldron.media.session import Negotiated, Session
from calldron.media.writer import Writer

log = logging.getLogger(__name__)

_COMMANDS_A_SLOT: Final = 24  # a slot's time is the packets'; a queue of commands is worked off over several
_BEAT: Final = 1.0
_NICE: Final = -10
_SWITCH: Final = 0.0005  # the writer's thread must give way sooner than after the usual 5 ms, a whole slot


class Child:
    """Carries commands out on the plane, and tells the parent what happens there."""

    def __init__(self, parent: socket.socket, ports: Iterator[int] | None = None) -> None:
        self._parent = parent
        self._ports = ports
        self._outbox: deque[bytes] = deque()  # the writer's thread appends too
        self._writer = Writer()
        self.plane = Plane(self._writer, self._say)
        self._prompts: dict[str, Prompt] = {}
        self._next_beat = 0.0
        self._skipped = 0
        self._doorbell = _Doorbell()
        self.plane.watch(self)
        self.plane.watch(self._doorbell)
        self.plane.after_slot = self._after_slot

    def fileno(self) -> int:
        """The parent's socket."""
        return self._parent.fileno()

    def run(self) -> None:
        """Serve until the parent's socket closes; then close what is left and write all of it to disk."""
        self._after_slot()  # the first word on our health says that we are ready
        self.plane.run()
        for session in list(self.plane.sessions.values()):
            try:
                self._close(session)
            except Exception as error:  # noqa: BLE001 - the others' tracks have yet to be written
                self.plane.lose(session, error)
        self._writer.stop()
        self._flush()

    def receive(self, _clock: int) -> None:
        """Carry out what the parent sent, but no more than fits in a slot."""
        for _ in range(_COMMANDS_A_SLOT):
            try:
                data, descriptors, _, _ = socket.recv_fds(self._parent, control.LARGEST, 1)
            except BlockingIOError:
                return
            except ConnectionError:
                data, descriptors = b"", []
            if not data:
                self.plane.running = False
                return
            self._obey(*control.read_command(data), descriptors)

    def _obey(self, name: str, number: int, arguments: list[Any], descriptors: list[int]) -> None:
        match name:
            case "prompt":
                self._take_prompt(arguments[0], descriptors)
            case "forget":
                self._prompts.pop(arguments[0], None)
            case "open":
                self._open(number, *arguments)
            case "stop":
                self.plane.running = False
            case _ if session := self.plane.sessions.get(number):
                try:
                    self._do(session, name, *arguments)
                except Exception as error:  # noqa: BLE001 - a command that fails costs its own session only
                    self.plane.lose(session, error)

    def _take_prompt(self, name: str, descriptors: list[int]) -> None:
        """Without a descriptor left the kernel drops the one that was sent. Sessions that play it are lost then."""
        try:
            if descriptors:
                self._prompts[name] = Prompt(descriptors[0])
            else:
                log.error("prompt %r is lost: no descriptor is left", name)
        except OSError as error:
            log.error("prompt %r is lost: %s", name, error)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _open(self, number: int, host: str) -> None:
        try:
            endpoint = Endpoint(host, self._ports)
        except OSError as error:
            self._say(number, Refused(str(error)))
            return
        session = Session(number, endpoint, self._say)
        self.plane.add(session)
        self._say(number, Opened(session.port))

    def _do(self, session: Session, name: str, *arguments: Any) -> None:
        match name, arguments:
            case "connect", (remote, codec, *rest):
                address = (remote[0], remote[1]) if remote else None
                self.plane.connect(session, Negotiated(address, Codec(codec), *rest))
            case "play", (prompt, loop):
                session.outgoing.play(self._prompts[prompt], loop)
            case "stop_playing", ():
                session.outgoing.stop_playing()
            case "press", (digits, duration):
                session.outgoing.press(digits, duration)
            case "listen", (seconds, silence):
                session.listen(self.plane.now, seconds, silence)
            case "record", (folder, track):
                session.record(Path(folder), track, self._writer, self.plane.origin)
            case "echo", ():
                session.part()
                session.hear(session)
            case "bridge", (other,):
                self._bridge(session, self.plane.sessions.get(other))
            case "unbridge", ():
                session.part()
            case "close", ():
                self._close(session)
            case _:
                raise ValueError(f"no such command: {name}{arguments}")

    def _bridge(self, one: Session, other: Session | None) -> None:
        if other is None:  # lost meanwhile, which its owner was told
            return
        one.part()
        other.part()
        one.hear(other)
        other.hear(one)

    def _close(self, session: Session) -> None:
        """The parent hears of it when the tracks are on disk."""
        self.plane.remove(session)
        self._writer.submit(lambda: self._closed(session))
        self._writer.hand_over()

    def _closed(self, session: Session) -> None:
        self._say(session.id, session.stats())
        self._doorbell.ring()  # this is the writer's thread, and the ticker may be idle

    def _say(self, number: int, said: control.Said) -> None:
        self._outbox.append(control.say(number, said))

    def _after_slot(self) -> None:
        now = time.monotonic()
        if now >= self._next_beat:
            self._next_beat = now + _BEAT
            plane = self.plane
            health = MediaHealth(
                len(plane.sessions),
                plane.late_slots,
                plane.longest_delay,
                plane.skipped_frames,
                self._writer.backlog,
            )
            self._warn(health.skipped_frames)
            self._say(0, health)
        if self._outbox:
            self._flush()

    def _warn(self, skipped: int) -> None:
        if skipped != self._skipped:
            log.warning("too slow or asleep: %d frames a call were left out", skipped - self._skipped)
            self._skipped = skipped

    def _flush(self) -> None:
        """Send what the parent has room for; the rest waits for the next slot."""
        try:
            while self._outbox:
                self._parent.send(self._outbox[0])
                self._outbox.popleft()
        except BlockingIOError:
            return
        except ConnectionError:
            self.plane.running = False


class _Doorbell:
    """Wakes the ticker from another thread."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """The descriptor to poll."""
        return self._event

    def receive(self, _clock: int) -> None:
        """Be quiet again."""
        os.eventfd_read(self._event)

    def ring(self) -> None:
        """Wake the ticker."""
        os.eventfd_write(self._event, 1)


def _prepare() -> None:
    """Make this process fit to be punctual."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # they are meant for the parent, who will say when to end
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a socket and two tracks a session
    with contextlib.suppress(PermissionError):  # without the right to it, it runs like any process
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    sys.setswitchinterval(_SWITCH)
    gc.collect()
    gc.freeze()


def main(arguments: list[str]) -> None:
    """Run until the parent closes its end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s media: %(message)s")
    descriptor, *bounds = map(int, arguments)
    ports = itertools.cycle(range(bounds[0] + bounds[0] % 2, bounds[1] + 1, 2)) if bounds else None
    parent = socket.socket(fileno=descriptor)
    parent.setblocking(False)
    child = Child(parent, ports)
    _prepare()
    child.run()


if __name__ == "__main__":
    main(sys.argv[1:])
