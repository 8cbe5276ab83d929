"""What a session sends: one RTP stream without a seam, whether it carries a prompt, keys, a bridge or
silence."""

import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from calldron.media import dtmf
from calldron.media.g711 import FRAME, Codec, translation
from calldron.media.prompt import Prompt
from calldron.media.rtp import HEADER, MARKER, TIMESTAMP_MASK, VERSION, Packet, elapsed
from calldron.media.track import Track

log = logging.getLogger(__name__)

_STALLED: Final = 5  # frames without a packet to forward before silence keeps the stream alive
_STRAY: Final = 8000  # timestamp distance from our clock at which a forwarded source is re-timed
_PREPARED: Final = 50  # frames
_KEY_GAP: Final = 3  # frames of silence after a key


class Sender(Protocol):
    """Where datagrams go."""

    send: Callable[[bytes], int]


class Outgoing:
    """The sending half of a session. ``tick`` is called each 20 ms; in a bridge, ``forward`` sends between
    ticks."""

    __slots__ = (
        "_at",
        "_begin",
        "_clock",
        "_codec",
        "_count",
        "_edge",
        "_end",
        "_endpoint",
        "_event_type",
        "_failing",
        "_finished",
        "_forwarding",
        "_key_timestamp",
        "_keys",
        "_loop",
        "_marker",
        "_prepared",
        "_prompt",
        "_sequence",
        "_shift",
        "_silence",
        "_ssrc",
        "_stall",
        "_timestamp",
        "enabled",
        "sent",
        "track",
    )

    def __init__(self, endpoint: Sender, finished: Callable[[], None]) -> None:
        """``finished`` is called when a prompt has been sent to its end."""
        self._endpoint = endpoint
        self.enabled = False
        self.sent = 0
        self.track: Track | None = None
        self._finished = finished
        self._codec = Codec.PCMA
        self._silence = bytes([self._codec.silence]) * FRAME
        self._event_type: int | None = None
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._timestamp = secrets.randbits(32)  # of the last frame made
        self._marker = MARKER
        self._failing = False
        self._prompt: Prompt | None = None
        self._at = self._end = self._begin = 0
        self._loop = False
        self._prepared: list[bytes] = []  # the next packet last
        self._count = 0  # how many were prepared and are not settled, and the clock of their first
        self._clock = 0
        self._keys: deque[dtmf.Frame | None] = deque()
        self._key_timestamp = 0
        self._forwarding = False
        self._stall = 0
        self._shift: int | None = None  # from the forwarded source's timestamps to ours
        self._edge = self._timestamp  # timestamp after the last sound forwarded

    def negotiate(self, codec: Codec, event_type: int | None, enabled: bool) -> None:
        """Send this codec and these events from now on, or nothing (hold): a prompt then waits."""
        self.settle()
        if codec is not self._codec:
            if self._prompt:
                done = self._at - self._begin
                self._begin, self._end = self._prompt.span(codec)
                self._at = self._begin + done
            self._codec = codec
            self._silence = bytes([codec.silence]) * FRAME
        self._event_type = event_type
        if enabled and not self.enabled:
            self._marker = MARKER
        self.enabled = enabled

    def play(self, prompt: Prompt, loop: bool) -> None:
        """Send a prompt from its beginning."""
        self.settle()
        self._prompt, self._loop = prompt, loop
        self._begin, self._end = prompt.span(self._codec)
        self._at = self._begin

    def stop_playing(self) -> None:
        """Send silence from now on."""
        self.settle()
        self._prompt = None

    def press(self, digits: str, duration: float) -> None:
        """Queue keys. Without a negotiated event type there is no way to send them."""
        if self._event_type is None:
            log.warning("keys can't be sent: the far side takes no telephone-events")
            return
        self.settle()
        for key in digits:
            self._keys.extend(dtmf.press(key, duration))
            self._keys.extend([None] * _KEY_GAP)

    def start_forwarding(self) -> None:
        """Packets come from ``forward`` from now on."""
        self.stop_playing()
        self._forwarding = True
        self._stall = 0
        self._shift = None

    def stop_forwarding(self) -> None:
        """Go on with what ``tick`` sends."""
        if self._forwarding:
            self._forwarding = False
            self._take_over()

    def retime(self) -> None:
        """The forwarded source changed: its timestamps have nothing to do with those before."""
        self._shift = None

    def skip(self, frames: int) -> None:
        """Time passed in which no tick could be made."""
        self.settle()
        self._timestamp = self._timestamp + frames * FRAME & TIMESTAMP_MASK
        self._marker = MARKER

    def tick(self, clock: int) -> None:
        """Send what is due now. ``clock`` counts samples and places a prompt on its track."""
        if self._prepared:
            self._transmit(self._prepared.pop())
        else:
            self._tick_unprepared(clock)

    def settle(self) -> None:
        """Put what was played on the track, and take back what is prepared and not sent: something else comes now."""
        unsent = len(self._prepared)
        sent = self._count - unsent
        if sent and self._prompt is not None and self.track is not None:
            end = self._at - unsent * FRAME
            self.track.put(self._clock, self._prompt.octets[end - sent * FRAME : end], self._codec)
        if unsent:
            self._prepared.clear()
            self._sequence = self._sequence - unsent & 0xFFFF
            self._timestamp = self._timestamp - unsent * FRAME & TIMESTAMP_MASK
            if self._prompt is not None:
                self._at -= unsent * FRAME
        self._count = 0

    def forward(self, packet: Packet, codec: Codec) -> None:
        """Send on sound that another session (or, for an echo, this one) received, re-timed to this
        stream's clock."""
        if not self.enabled or self._keys:
            return
        shift = self._shift
        timestamp = packet.timestamp + shift & TIMESTAMP_MASK if shift is not None else -1
        if shift is None or not -_STRAY < elapsed(self._timestamp, timestamp) < _STRAY:
            timestamp = self._anchor(packet.timestamp)
        payload = packet.payload
        if codec is not self._codec and (table := translation(codec, self._codec)):
            payload = payload.translate(table)
        self._stall = 0
        edge = timestamp + len(payload) & TIMESTAMP_MASK
        if elapsed(self._edge, edge) > 0:
            self._edge = edge
        self._send(self._codec, timestamp, payload)

    def forward_event(self, packet: Packet) -> None:
        """Send on a packet of a key press; its timestamp is that of the press's start."""
        if not self.enabled or self._keys or self._event_type is None:
            return
        if self._shift is None:
            self._anchor(packet.timestamp)
        self._stall = 0
        self._marker = MARKER if packet.marker else self._marker
        self._send(self._event_type, packet.timestamp + (self._shift or 0) & TIMESTAMP_MASK, packet.payload)

    def _send(self, payload_type: int, timestamp: int, payload: bytes) -> None:
        self._sequence = sequence = self._sequence + 1 & 0xFFFF
        second = payload_type | self._marker
        self._marker = 0
        self._transmit(HEADER.pack(VERSION, second, sequence, timestamp, self._ssrc) + payload)

    def _transmit(self, datagram: bytes) -> None:
        try:
            self._endpoint.send(datagram)
        except OSError as error:  # ECONNREFUSED for an ICMP of an earlier packet, a full buffer, no route: may pass
            if not self._failing:
                log.info("RTP can't be sent: %s", error)
            self._failing = True
        else:
            self.sent += 1

    def _send_key(self, timestamp: int) -> None:
        frame = self._keys.popleft()
        if frame is None or self._event_type is None:
            self._send(self._codec, timestamp, self._silence)
            return
        if frame.first:
            self._key_timestamp = timestamp
            self._marker = MARKER
        self._send(self._event_type, self._key_timestamp, frame.payload)

    def _tick_unprepared(self, clock: int) -> None:
        self.settle()
        if self._prompt is not None and self._at >= self._end:
            self._prompt_ended()
        if self.enabled and not self._keys and not self._forwarding:
            self._prepare(clock)
            self._transmit(self._prepared.pop())
            return
        self._timestamp = self._timestamp + FRAME & TIMESTAMP_MASK
        if self.enabled and self._keys:
            self._send_key(self._timestamp)
        elif self.enabled:
            self._bridge_stall(self._timestamp)

    def _prepare(self, clock: int) -> None:
        """Make the packets of up to a second at once, which costs a fraction of making them one by one."""
        payloads = [self._silence] * _PREPARED
        if self._prompt is not None:
            octets, at = self._prompt.octets, self._at
            self._at = min(self._end, at + _PREPARED * FRAME)
            payloads = [octets[begin : begin + FRAME] for begin in range(at, self._at, FRAME)]
        pack, codec, sequence, timestamp, ssrc = HEADER.pack, self._codec, self._sequence, self._timestamp, self._ssrc
        second = codec | self._marker
        for payload in payloads:
            sequence = sequence + 1 & 0xFFFF
            timestamp = timestamp + FRAME & TIMESTAMP_MASK
            self._prepared.append(pack(VERSION, second, sequence, timestamp, ssrc) + payload)
            second = codec
        self._prepared.reverse()
        self._sequence, self._timestamp, self._marker = sequence, timestamp, 0
        self._clock, self._count = clock, len(payloads)

    def _prompt_ended(self) -> None:
        if self._loop:
            self._at = self._begin
        else:
            self._prompt = None
            self._finished()

    def _anchor(self, source: int) -> int:
        """Let the forwarded source go on where this stream is; the timestamp its packet gets."""
        timestamp = self._timestamp + FRAME & TIMESTAMP_MASK
        if elapsed(timestamp, self._edge) > 0:
            timestamp = self._edge
        self._shift = timestamp - source & TIMESTAMP_MASK
        self._marker = MARKER
        return timestamp

    def _bridge_stall(self, timestamp: int) -> None:
        """The other side sends nothing (hold, silence suppression): our far side must not take us for
        dead."""
        self._stall += 1
        if self._stall > _STALLED:
            if self._shift is not None:
                self._shift = None
                timestamp = self._take_over()
            self._send(self._codec, timestamp, self._silence)

    def _take_over(self) -> int:
        """Bring the clock past what was forwarded, so that no timestamp is sent twice; the clock's new
        value."""
        if elapsed(self._timestamp, self._edge) > 0:
            self._timestamp = self._edge
        self._marker = MARKER
        return self._timestamp
