"""The ticker: one loop that moves the packets of all sessions.

A 20 ms frame has four slots of 5 ms. In each slot everything that arrived is read, and a part of the sessions sends.
With few sessions every other slot is left out, since on an idle machine waking up costs more than the packets do.
Deadlines are absolute on the monotonic clock, so nothing drifts; slots that are late are made up for at once.
"""

import logging
import select
import time
from collections.abc import Callable
from typing import Final, Protocol

from calldron.media.events import MediaEvent, SessionLost
from calldron.media.g711 import FRAME
from calldron.media.session import Negotiated, Session
from calldron.media.writer import Writer

log = logging.getLogger(__name__)

SLOTS: Final = 4
SLOT: Final = 0.005
_SLOT_SAMPLES: Final = FRAME // SLOTS
_LOST_TIME: Final = 100  # slots behind at which they are skipped: the machine slept, nobody waits for them
_IDLE: Final = 1.0
_CROWDED: Final = 80  # sessions that send in one slot before the slots between are used
_HAND_OVER: Final = 20  # slots between two wakings of the writer


class Readable(Protocol):
    """Something the loop reads when its descriptor is ready."""

    def fileno(self) -> int:
        """The descriptor."""

    def receive(self, clock: int) -> None:
        """Read once."""


class Plane:
    """Sessions and the loop over them. Everything but the writer's jobs happens on the thread that calls
    ``run``."""

    def __init__(
        self,
        writer: Writer,
        emit: Callable[[int, MediaEvent], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``emit`` takes a session's number and what it tells. The two clocks are for tests."""
        self.writer = writer
        self.sessions: dict[int, Session] = {}
        self.late_slots = 0
        self.longest_delay = 0.0
        self.skipped_frames = 0
        self.running = True
        self.origin = clock()
        self._emit = emit
        self._clock = clock
        self._sleep = sleep
        self._epoll = select.epoll()
        self._readers: dict[int, Readable] = {}
        self._slots: tuple[list[Session], ...] = tuple([] for _ in range(SLOTS))
        self._slot = 0  # the one that is due next
        self._next_hand_over = 0
        self.after_slot: Callable[[], None] | None = None

    @property
    def now(self) -> int:
        """The sample clock of the current slot."""
        return self._slot * _SLOT_SAMPLES

    def watch(self, reader: Readable) -> None:
        """Read this too, whatever it is."""
        self._epoll.register(reader.fileno(), select.EPOLLIN)
        self._readers[reader.fileno()] = reader

    def add(self, session: Session) -> None:
        """Take a session in; it is silent until ``connect``."""
        self.sessions[session.id] = session
        slot = min(self._slots[::2], key=len)
        if len(slot) >= _CROWDED:
            slot = min(self._slots, key=len)
        slot.append(session)

    def connect(self, session: Session, media: Negotiated) -> None:
        """Tell a session what was negotiated. Raises ``OSError``."""
        before = session.fileno()
        if session.connect(media):
            self._readers.pop(before, None)  # the kernel forgot it when it was closed
        if session.fileno() not in self._readers:
            self.watch(session)

    def remove(self, session: Session) -> None:
        """Close a session and forget it."""
        del self.sessions[session.id]
        self._readers.pop(session.fileno(), None)
        for slot in self._slots:
            if session in slot:
                slot.remove(session)
        session.close()

    def lose(self, session: Session, error: Exception) -> None:
        """An error about one session ends that one, and is told."""
        log.error("session %d is closed by an error", session.id, exc_info=error)
        if session.id not in self.sessions:
            return
        try:
            self.remove(session)
        except Exception:  # it is broken, so this may fail too
            log.exception("session %d can't be closed properly", session.id)
        self._emit(session.id, SessionLost(f"{type(error).__name__}: {error}"))

    def run(self) -> None:
        """Go on until ``running`` is false."""
        while self.running:
            self._wait()
            self.step()

    def step(self) -> None:
        """One slot: read what came, send what is due."""
        clock = self.now
        for descriptor, _ in self._epoll.poll(0, len(self._readers)):
            reader = self._readers.get(descriptor)  # absent if it was closed in this very slot
            if reader is None:
                continue
            try:
                reader.receive(clock)
            except Exception as error:
                if not isinstance(reader, Session):
                    raise
                self.lose(reader, error)
        for session in tuple(self._slots[self._slot % SLOTS]):
            try:
                session.tick(clock)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not reach other sessions
                self.lose(session, error)
        self._slot += 1
        if self._slot >= self._next_hand_over:  # not every slot is stepped through: no remainder would do
            self._next_hand_over = self._slot + _HAND_OVER
            self.writer.hand_over()
        if self.after_slot:
            self.after_slot()

    def _wait(self) -> None:
        """Until the next slot is due; with no session to serve, until somebody asks for one."""
        if not self.sessions:
            self._epoll.poll(_IDLE)
            self._slot = max(self._slot, int((self._clock() - self.origin) / SLOT))
            return
        if self._slot % 2 and not self._slots[self._slot % SLOTS]:
            self._slot += 1
        deadline = self.origin + self._slot * SLOT
        now = self._clock()
        if now < deadline:
            self._sleep(deadline - now)
            now = self._clock()
        delay = now - deadline
        if delay > SLOT:
            self.late_slots += 1
            self.longest_delay = max(self.longest_delay, delay)
            if delay > _LOST_TIME * SLOT:
                self._skip(int(delay / SLOT) // SLOTS)

    def _skip(self, frames: int) -> None:
        self.skipped_frames += frames
        self._slot += frames * SLOTS
        for session in self.sessions.values():
            session.outgoing.skip(frames)
