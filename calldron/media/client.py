"""The media process as the rest of the program sees it: an asyncio client that starts, feeds and supervises
it."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from calldron.media import control, dtmf
from calldron.media.addresses import ip_address
from calldron.media.control import Opened, Refused, Said
from calldron.media.errors import MediaUnavailable
from calldron.media.events import MediaEvent, MediaHealth, MediaStats, SessionLost, VoiceHeard
from calldron.media.g711 import Codec
from calldron.media.link import Link
from calldron.media.prompt import share
from calldron.media.shelf import Shelf

log = logging.getLogger(__name__)

_ANSWER: Final = 5  # times a second that an answer is waited for, or there is no media
_START: Final = 30.0  # the same for its start, which on a busy machine takes its time
_END: Final = 10.0  # seconds it may take to write what is left
_BACKOFF: Final = (0.0, 0.2, 1.0, 5.0)  # before it is started again
_STEADY: Final = 60.0  # a life of that many seconds was no failed start


class MediaServer:
    """Owns the media child process and restarts it when it dies; the sessions of a dead one get
    ``SessionLost``.

    ``on_lost`` is called on the event loop each time the process died, after its sessions were told.
    ``ports`` bounds the RTP ports (even ones are used); without it the kernel chooses.
    """

    def __init__(self, *, on_lost: Callable[[], None] | None = None, ports: range | None = None) -> None:
        self.health = MediaHealth()
        self._on_lost = on_lost
        self._ports = ports
        self._shelf = Shelf()
        self._sessions: dict[int, MediaSession] = {}
        self._last_number = 0
        self._link: Link | None = None
        self._ready = asyncio.Event()
        self._stopping = False
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The media process, while there is one."""
        return self._link.pid if self._link else None

    async def start(self) -> None:
        """Start the process and wait until it answers. Raises ``MediaUnavailable``."""
        self._supervisor = asyncio.create_task(self._supervise(), name="media-supervisor")
        self._supervisor.add_done_callback(_report)
        try:
            await self._until_ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Close every session, flush their tracks, end the process. The server can't be started again."""
        self._stopping = True
        if self._supervisor:
            if self._link:
                self._link.send(control.command("stop", 0))
                await asyncio.wait({self._supervisor}, timeout=_END)
            self._supervisor.cancel()
            await asyncio.wait({self._supervisor})
        self._shelf.clear()

    async def load_prompt(self, name: str, pcm: bytes) -> None:
        """Make a prompt known. ``pcm``: 8 kHz mono signed 16-bit little-endian. Encoded once, shared by all
        calls, survives a restart of the process. Beyond 512 MiB or 256 prompts the least recently played
        are let go.

        Raises ``ValueError`` for half a sample, ``MediaUnavailable`` where there is no memory for it.
        """
        if name in self._shelf:
            return
        try:
            descriptor, size = await asyncio.to_thread(share, name, pcm)
        except OSError as error:
            raise MediaUnavailable(f"prompt {name!r} can't be held: {error}") from error
        if name in self._shelf or self._stopping:  # another task was faster
            os.close(descriptor)
            return
        self._shelf.put(name, descriptor, size)
        if self._link:
            self._link.send(control.command("prompt", 0, name), descriptor)
        for forgotten in self._shelf.shed():
            if self._link:
                self._link.send(control.command("forget", 0, forgotten))

    def knows_prompt(self, name: str) -> bool:
        """Whether the prompt is loaded and still held."""
        return name in self._shelf

    async def open(self, host: str, on_event: Callable[[MediaEvent], None]) -> "MediaSession":
        """Bind an even RTP port on the local address ``host``. ``on_event`` is called on the event loop.
        Raises ``MediaUnavailable``."""
        await self._until_ready()
        if self._link is None:
            raise MediaUnavailable("the media process does not run")
        self._last_number += 1
        session = MediaSession(self._last_number, host, on_event, self._link, self._shelf)
        self._sessions[self._last_number] = session
        await session.opened()
        return session

    async def _until_ready(self) -> None:
        if self._stopping:
            raise MediaUnavailable("the media server is stopped")
        if self._ready.is_set():
            return
        try:
            await asyncio.wait_for(self._ready.wait(), _START)
        except TimeoutError:
            raise MediaUnavailable("the media process does not start") from None

    async def _supervise(self) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while not self._stopping:
            await asyncio.sleep(_BACKOFF[min(failures, len(_BACKOFF) - 1)])
            began = loop.time()
            reason = await self._live()
            failures = 1 if loop.time() - began > _STEADY else failures + 1
            for session in list(self._sessions.values()):
                session.hear(SessionLost(f"the media process ended: {reason}"))
            self._sessions.clear()
            if not self._stopping:
                log.error("the media process ended: %s", reason)
                self._tell_loss()

    def _tell_loss(self) -> None:
        try:
            if self._on_lost:
                self._on_lost()
        except Exception:  # the owner's error must not end the supervision
            log.exception("the owner of the media server failed on its loss")

    async def _live(self) -> str:
        """One life of the process; how it ended."""
        try:
            link = await Link.open(self._ports, self._said)
        except OSError as error:
            return str(error)
        try:
            self._link = link
            for name, descriptor in self._shelf:
                link.send(control.command("prompt", 0, name), descriptor)
            return await link.ended()
        finally:
            self._link = None
            self._ready.clear()

    def _said(self, number: int, said: Said) -> None:
        if isinstance(said, MediaHealth):
            self.health = said
            self._ready.set()
        elif session := self._sessions.get(number):
            if isinstance(said, MediaStats | SessionLost | Refused):
                del self._sessions[number]
            session.hear(said)


class MediaSession:
    """One RTP stream each way. Commands never block; on a session that is closed or lost they do
    nothing."""

    def __init__(
        self, number: int, host: str, on_event: Callable[[MediaEvent], None], link: Link, shelf: Shelf
    ) -> None:
        """Made by ``MediaServer.open``."""
        self.host = host
        self.port = 0
        self._number = number
        self._on_event = on_event
        self._link = link
        self._shelf = shelf
        self._up = True
        self._opened: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._closed: asyncio.Future[MediaStats] = asyncio.get_running_loop().create_future()

    def connect(
        self,
        remote: tuple[str, int],
        codec: Codec,
        telephone_event: int | None,
        *,
        telephone_event_in: int | None = None,
        receive: bool = True,
        send: bool = True,
        latch: bool = False,
    ) -> None:
        """Say what was negotiated; may be repeated (early media, re-INVITE, hold).

        ``remote`` is a numeric address; an unspecified one (``0.0.0.0``, hold as of RFC 2543) keeps the
        address and sends nothing. ``telephone_event``: payload type to send DTMF with (``None``: the far
        side takes none); ``telephone_event_in``: the one to receive, where it differs. Media is accepted
        from ``remote`` only, or with ``latch`` from the first sender, who is then sent to as well (a far
        side behind NAT). Raises ``ValueError`` for an address that is not numeric, of another family than
        ours, or has no port.
        """
        address = ip_address(remote[0])
        if address.version != ip_address(self.host).version:
            raise ValueError(f"{address} can't be reached from {self.host}")
        if address.is_unspecified:
            to, send = None, False
        elif 0 < remote[1] < 1 << 16:
            to = (str(address), remote[1])
        else:
            raise ValueError(f"{remote[1]} is no UDP port")
        event_in = telephone_event if telephone_event_in is None else telephone_event_in
        self._do("connect", to, codec, telephone_event, event_in, receive, send, latch)

    def play(self, prompt: str, *, loop: bool = False) -> None:
        """Send a prompt from its beginning, replacing what plays now; ``PromptPlayed`` at its end, never
        when looped. It waits while nothing may be sent (before ``connect``, on hold). Raises
        ``UnknownPrompt``."""
        self._shelf.use(prompt)
        self._do("play", prompt, loop)

    def stop_playing(self) -> None:
        """Stop the prompt at once; silence is sent from then on."""
        self._do("stop_playing")

    def press(self, digits: str, duration: float = 0.16) -> None:
        """Send keys (``0123456789*#ABCD``) as telephone-events, after those still being sent; what plays
        waits meanwhile. ``duration``: seconds a key. Raises ``ValueError`` for another key or duration."""
        for key in digits:
            dtmf.press(key, duration)
        self._do("press", digits, duration)

    def echo(self) -> None:
        """Send back what is heard, until ``unbridge``."""
        self._do("echo")

    def listen(self, seconds: float, silence: float) -> None:
        """Measure voice until ``seconds`` have passed or the last ``silence`` seconds had none; emits
        ``VoiceHeard``, also where the session is closed meanwhile: then before ``close`` returns."""
        self._do("listen", seconds, silence)

    def record(self, folder: Path, name: str) -> None:
        """Start writing this session's tracks into ``folder`` (made if absent): what is heard, and the
        prompts played. Repeats change nothing."""
        self._do("record", str(folder.absolute()), name)

    def bridge(self, other: "MediaSession") -> None:
        """Let two sessions of one server hear each other; prompts on both stop. Ends when either closes."""
        self._do("bridge", other._number)

    def unbridge(self) -> None:
        """End the bridge or the echo."""
        self._do("unbridge")

    async def close(self) -> MediaStats:
        """Stop and release the port. The tracks are on disk when it returns. May be repeated; the counts of
        a lost session are lost too."""
        self._do("close")
        self._up = False
        return await asyncio.shield(self._closed)

    async def opened(self) -> None:
        """For ``MediaServer``: ask for a port and wait for it. Raises ``MediaUnavailable``."""
        self._do("open", self.host)
        try:
            # Second by second: where this machine stood still, its other process did as well and needs its time.
            for _ in range(_ANSWER):
                if (await asyncio.wait({self._opened}, timeout=1.0))[0]:
                    self.port = self._opened.result()
                    return
        except asyncio.CancelledError:
            self._opened.cancel()
            self._do("close")
            raise
        self._opened.cancel()
        self._do("close")
        raise MediaUnavailable("the media process does not answer")

    def hear(self, said: Said) -> None:
        """For ``MediaServer``: take what the process says about this session."""
        match said:
            case Opened(port) if not self._opened.done():
                self._opened.set_result(port)
            case Refused(reason) if not self._opened.done():
                self._opened.set_exception(MediaUnavailable(f"no RTP port on {self.host}: {reason}"))
            case MediaStats():
                self._up = False
                self._closed.set_result(said)
            case SessionLost(reason):
                self._lost(said)
            case VoiceHeard() if not self._closed.done():
                self._tell_owner(said)
            case Opened() | Refused() | MediaHealth():
                pass  # too late: nobody waits any more
            case _:
                self._tell(said)

    def _lost(self, lost: SessionLost) -> None:
        if not self._opened.done():
            self._opened.set_exception(MediaUnavailable(lost.reason))
        if not self._closed.done():
            self._closed.set_result(MediaStats())
        self._tell(lost)
        self._up = False

    def _tell(self, event: MediaEvent) -> None:
        if self._up:
            self._tell_owner(event)

    def _tell_owner(self, event: MediaEvent) -> None:
        try:
            self._on_event(event)
        except Exception:  # the owner's error must not end what other sessions are told
            log.exception("the owner of media session %d failed on %s", self._number, event)

    def _do(self, name: str, *arguments: Any) -> None:
        if self._up:
            self._link.send(control.command(name, self._number, *arguments))


def _report(supervisor: asyncio.Task[None]) -> None:
    """A supervisor never ends by an error of its own; should it, nobody would start the process again."""
    if not supervisor.cancelled() and (error := supervisor.exception()):
        log.critical("the media supervisor died", exc_info=error)
