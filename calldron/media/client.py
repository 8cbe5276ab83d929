"""The media process as the rest of the program sees it: an asyncio client that starts, feeds and supervises
it."""

from collections.abc import Callable
from pathlib import Path

from calldron.media.events import MediaEvent, MediaStats
from calldron.media.g711 import Codec


class MediaServer:
    """Owns the media child process and restarts it when it dies; the sessions of a dead one get
    ``SessionLost``.

    ``on_lost`` is called on the event loop each time the process died, after its sessions were told.
    ``ports`` bounds the RTP ports (even ones are used); without it the kernel chooses.
    """

    def __init__(
        self, *, on_lost: Callable[[], None] | None = None, ports: range | None = None
    ) -> None: ...  # being built

    async def start(self) -> None:
        """Start the process and wait until it answers. Raises ``MediaUnavailable``."""

    async def stop(self) -> None:
        """Close every session, flush their tracks, end the process."""

    async def load_prompt(self, name: str, pcm: bytes) -> None:
        """Make a prompt known. ``pcm``: 8 kHz mono signed 16-bit little-endian. Encoded once, shared by all
        calls, survives a restart of the process. The least recently played are let go beyond 512 MiB in
        all."""

    def knows_prompt(self, name: str) -> bool:
        """Whether the prompt is loaded and still held."""

    async def open(self, host: str, on_event: Callable[[MediaEvent], None]) -> "MediaSession":
        """Bind an even RTP port on the local address ``host``. ``on_event`` is called on the event loop.
        Raises ``MediaUnavailable``."""


class MediaSession:
    """One RTP stream each way. Commands never block or raise (but ``play`` of an unknown prompt); on a
    session that is closed or lost they do nothing."""

    host: str
    port: int

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

        ``remote`` is a numeric address. ``telephone_event``: payload type to send DTMF with (``None``: the
        far side takes none); ``telephone_event_in``: the one to receive, where it differs. Media is
        accepted from ``remote`` only, or with ``latch`` from the first sender, who is then sent to as well
        (a far side behind NAT).
        """

    def play(self, prompt: str, *, loop: bool = False) -> None:
        """Send a prompt from its beginning, replacing what plays now; ``PromptPlayed`` at its end, never
        when looped. Raises ``UnknownPrompt``."""

    def stop_playing(self) -> None:
        """Stop the prompt at once; silence is sent from then on."""

    def press(self, digits: str, duration: float = 0.16) -> None:
        """Send keys (``0123456789*#ABCD``) as telephone-events, after those still being sent; what plays
        waits meanwhile. ``duration``: seconds a key. Raises ``ValueError`` for another key."""

    def echo(self) -> None:
        """Send back what is heard, until ``unbridge``."""

    def listen(self, seconds: float, silence: float) -> None:
        """Measure voice until ``seconds`` have passed or the last ``silence`` seconds had none; emits
        ``VoiceHeard``."""

    def record(self, folder: Path, name: str) -> None:
        """Start writing this session's tracks into ``folder`` (made if absent): what is heard, and the
        prompts played."""

    def bridge(self, other: "MediaSession") -> None:
        """Let two sessions of one server hear each other; prompts on both stop. Ends when either closes."""

    def unbridge(self) -> None:
        """End the bridge or the echo."""

    async def close(self) -> MediaStats:
        """Stop and release the port. The tracks are on disk when it returns. May be repeated."""
