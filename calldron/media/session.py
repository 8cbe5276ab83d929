"""One call leg's media inside the media process: what came is read, recorded, passed on; what is due is
sent."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from calldron.media import rtp
from calldron.media.dtmf import KeyReader
from calldron.media.endpoint import Address, Endpoint
from calldron.media.errors import MalformedPacket
from calldron.media.events import DigitPressed, FirstPacket, MediaEvent, MediaStats, PromptPlayed, VoiceHeard
from calldron.media.g711 import SAMPLE_RATE, Codec
from calldron.media.outgoing import Outgoing
from calldron.media.track import SUFFIX, Placement, Track
from calldron.media.voice import Listening
from calldron.media.writer import Writer

log = logging.getLogger(__name__)

_DATAGRAM: Final = 2048  # more than any RTP packet of ours
_CODECS: Final[tuple[Codec | None, ...]] = tuple(
    Codec(payload_type) if payload_type in (Codec.PCMA, Codec.PCMU) else None for payload_type in range(128)
)
_FLUSH: Final = 50  # ticks, so about a second
_LONGEST_RUN: Final = 2 * SAMPLE_RATE  # longer ones run ahead of the clock, and are placed packet by packet
_NOTHING: Final = b"no octet"


class Negotiated(NamedTuple):
    """What offer and answer settled, as ``MediaSession.connect`` says it."""

    remote: Address | None  # None: unchanged (an RFC 2543 hold names no address)
    codec: Codec
    event_out: int | None
    event_in: int | None
    receive: bool
    send: bool
    latch: bool


class Session:
    """Reads on ``receive``, sends on ``tick``; both are told the sample clock. Belongs to the ticker's
    thread."""

    __slots__ = (
        "_arrivals",
        "_aside",
        "_codec",
        "_endpoint",
        "_event_in",
        "_heard",
        "_inbox",
        "_keys",
        "_listening",
        "_placement",
        "_receiving",
        "_ssrc",
        "_ticks",
        "counter",
        "emit",
        "id",
        "outgoing",
        "peer",
    )

    def __init__(self, number: int, endpoint: Endpoint, emit: Callable[[int, MediaEvent], None]) -> None:
        self.id = number
        self.counter = rtp.Counter()
        self.peer: Session | None = None  # who hears what comes here: the other leg, or this one for an echo
        self.outgoing = Outgoing(endpoint, self._prompt_played)
        self._endpoint = endpoint
        self.emit = emit
        self._codec = Codec.PCMA
        self._event_in: int | None = None
        self._receiving = False
        self._aside = _NOTHING  # the second octet of packets that nobody waits for
        self._inbox: list[bytes] = []  # such packets, and when they came
        self._arrivals: list[int] = []
        self._ssrc: int | None = None
        self._keys = KeyReader()
        self._placement = Placement()
        self._heard: Track | None = None
        self._listening: Listening | None = None
        self._ticks = 0

    def fileno(self) -> int:
        """The descriptor to poll."""
        return self._endpoint.fileno()

    @property
    def port(self) -> int:
        """The local port."""
        return self._endpoint.port

    def connect(self, media: Negotiated) -> bool:
        """Take over what was negotiated. True where the descriptor is another one now. Raises
        ``OSError``."""
        self._read_inbox()
        rebound = media.remote is not None and self._endpoint.connect(media.remote, media.latch)
        self._codec = media.codec
        self._event_in = media.event_in
        self._receiving = media.receive
        self.outgoing.negotiate(media.codec, media.event_out, media.send)
        self._choose()
        return rebound

    def listen(self, clock: int, seconds: float, silence: float) -> None:
        """Begin to measure voice."""
        self._listening = Listening(clock, seconds, silence)
        self._choose()

    def record(self, folder: Path, name: str, writer: Writer, origin: float) -> None:
        """Begin both tracks. Repeats change nothing."""
        if self._heard is None:
            self._read_inbox()
            self.outgoing.settle()
            self._heard = Track(folder / f"{name}.heard{SUFFIX}", self._codec, writer, origin)
            self.outgoing.track = Track(folder / f"{name}.prompt{SUFFIX}", self._codec, writer, origin)

    def hear(self, peer: "Session") -> None:
        """Send what ``peer`` receives from now on."""
        self.outgoing.start_forwarding()
        peer.peer = self
        peer._choose()

    def part(self) -> None:
        """End the bridge or echo, on both sides of it."""
        peer, self.peer = self.peer, None
        if peer is not None and peer is not self:
            peer.peer = None
            peer.outgoing.stop_forwarding()
            peer._choose()
        self.outgoing.stop_forwarding()
        self._choose()

    def receive(self, clock: int) -> None:
        """Read one datagram. What is not media of the negotiated kind is dropped without a word.

        Sound that nobody waits for is only put aside: to unpack a second of it at once costs a fraction.
        """
        try:
            data = self._endpoint.receive(_DATAGRAM)
        except OSError:  # nothing there after all, or an ICMP error about something sent earlier
            return
        if data[1:2] == self._aside:
            self._inbox.append(data)
            self._arrivals.append(clock)
        elif self._receiving:
            self._read_inbox()
            self._read(data, clock)

    def settle(self) -> None:
        """Make up for what was put aside, in both directions."""
        self.outgoing.settle()
        self._read_inbox()

    def _choose(self) -> None:
        """Sound may be put aside while there is nobody who waits for it."""
        self._read_inbox()
        waited_for = self._ssrc is None or self.peer is not None or self._listening is not None
        self._aside = bytes([self._codec]) if self._receiving and not waited_for else _NOTHING

    def _read_inbox(self) -> None:
        if inbox := self._inbox:
            arrivals = self._arrivals
            self._inbox, self._arrivals = [], []
            packet = rtp.join(inbox)
            if packet is not None and len(packet.payload) <= _LONGEST_RUN:
                self._take_note(packet, len(inbox))
                self._take_sound(packet, self._codec, arrivals[0])
            else:
                for data, clock in zip(inbox, arrivals, strict=True):
                    self._read(data, clock)

    def _read(self, data: bytes, clock: int) -> None:
        try:
            packet = rtp.unpack(data)
        except MalformedPacket:  # STUN, for one
            return
        if packet.payload_type == self._event_in:
            self._take_note(packet)
            self._take_key(packet)
        elif (codec := _CODECS[packet.payload_type]) is not None:
            self._take_note(packet)
            self._take_sound(packet, codec, clock)

    def tick(self, clock: int) -> None:
        """Send what is due; once a second, let the tracks go to disk."""
        self.outgoing.tick(clock)
        if self._listening is not None and self._listening.over(clock):
            heard, self._listening = self._listening.seconds, None
            self._choose()
            self.emit(self.id, VoiceHeard(heard))
        self._ticks += 1
        if self._ticks >= _FLUSH:
            self._ticks = 0
            self.settle()
            for track in self.tracks:
                track.flush()

    @property
    def tracks(self) -> list[Track]:
        """The tracks being written."""
        return [track for track in (self._heard, self.outgoing.track) if track is not None]

    def stats(self) -> MediaStats:
        """What was counted so far."""
        recorded = not any(track.failed for track in self.tracks)
        return MediaStats(self.outgoing.sent, self.counter.received, self.counter.lost, self.counter.late, recorded)

    def close(self) -> None:
        """Release the port, leave the bridge, send the rest of the tracks on its way to the disk."""
        try:
            self.part()
            self.settle()
            if self._listening is not None:
                self.emit(self.id, VoiceHeard(self._listening.seconds))
        finally:
            self._endpoint.close()
            for track in self.tracks:
                track.close()

    def _take_note(self, packet: rtp.Packet, run: int = 1) -> None:
        if packet.ssrc != self._ssrc:
            if self._ssrc is None:
                self.emit(self.id, FirstPacket())
            self._ssrc = packet.ssrc
            self.counter.restart()
            self._placement.forget()
            self._choose()
            if self.peer is not None:
                self.peer.outgoing.retime()
        self.counter.count_run(packet.sequence, run)

    def _take_sound(self, packet: rtp.Packet, codec: Codec, clock: int) -> None:
        if self._heard is not None:
            self._heard.put(self._placement.place(packet.timestamp, clock), packet.payload, codec)
        if self._listening is not None:
            self._listening.hear(clock, packet.payload, codec)
        if self.peer is not None:
            self.peer.outgoing.forward(packet, codec)

    def _take_key(self, packet: rtp.Packet) -> None:
        key = self._keys.read(packet.timestamp, packet.payload)
        if key is not None:
            self.emit(self.id, DigitPressed(key))
        if self.peer is not None:
            self.peer.outgoing.forward_event(packet)

    def _prompt_played(self) -> None:
        self.emit(self.id, PromptPlayed())
