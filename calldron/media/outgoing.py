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
        "_codec",
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
        "_prompt",
        "_sequence",
        "_shift",
        "_silence",
        "_since",
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
        self._timestamp = secrets.randbits(32)  # of the frame this tick sends
        self._marker = MARKER
        self._failing = False
        self._prompt: Prompt | None = None
        self._at = self._end = self._begin = 0
        self._loop = False
        self._since: tuple[int, int] | None = None  # clock and place in the prompt from where it is not on the track
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
        self._timestamp = timestamp = self._timestamp + FRAME & TIMESTAMP_MASK
        prompt = self._prompt
        if prompt is None or self._keys or not self.enabled:
            self._tick_without_prompt(timestamp)
            return
        at = self._at
        self._at = after = at + FRAME
        self._send(self._codec, timestamp, prompt.octets[at:after])
        if self._since is None:
            self._since = clock, at
        if after >= self._end:
            self._prompt_ended()

    def settle(self) -> None:
        """Put what was played on the track. Done by the second, which costs less than by the frame."""
        if self._since is None:
            return
        (clock, begin), self._since = self._since, None
        if self.track is not None and self._prompt is not None:
            self.track.put(clock, self._prompt.octets[begin : self._at], self._codec)

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
        try:
            self._endpoint.send(HEADER.pack(VERSION, second, sequence, timestamp, self._ssrc) + payload)
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

    def _tick_without_prompt(self, timestamp: int) -> None:
        self.settle()
        if not self.enabled:
            return
        if self._keys:
            self._send_key(timestamp)
        elif self._forwarding:
            self._bridge_stall(timestamp)
        else:
            self._send(self._codec, timestamp, self._silence)

    def _prompt_ended(self) -> None:
        self.settle()
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
