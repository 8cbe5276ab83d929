"""Keys as telephone-events (RFC 4733): the packets of a press, and presses out of packets. No I/O, no
clock."""

import struct
from collections import deque
from typing import Final, NamedTuple

from calldron.media.g711 import FRAME, SAMPLE_RATE

KEYS: Final = "0123456789*#ABCD"
_EVENT: Final = struct.Struct("!BBH")  # event; end bit, reserved bit, volume; duration
_END: Final = 0x80
_VOLUME: Final = 10  # dBm0 below zero
_LONGEST: Final = 0xFFFF  # ticks the duration field holds
_ENDS: Final = 3  # RFC 4733 section 2.5.1.4
_REMEMBERED: Final = 8


class Frame(NamedTuple):
    """What goes out in one 20 ms frame of a press. ``first`` asks for the marker bit and a fresh timestamp,
    which the frames after it repeat."""

    payload: bytes
    first: bool


def press(key: str, duration: float) -> list[Frame]:
    """The frames of one press; the end is said three times. Raises ``ValueError`` for no key or no such
    duration."""
    if len(key) != 1 or key not in KEYS:
        raise ValueError(f"{key!r} is not one of the keys {KEYS}")
    ticks = round(duration * SAMPLE_RATE)
    if not FRAME <= ticks <= _LONGEST:
        raise ValueError(f"a key is pressed for 0.02 to 8.19 s, not {duration}")
    event = KEYS.index(key)
    going = [_EVENT.pack(event, _VOLUME, elapsed) for elapsed in range(FRAME, ticks, FRAME)]
    ends = [_EVENT.pack(event, _VOLUME | _END, ticks)] * _ENDS
    return [Frame(payload, index == 0) for index, payload in enumerate(going + ends)]


class KeyReader:
    """Presses out of the telephone-event payloads of one source, each reported once, at its first packet to
    arrive.

    Packets of one press share its timestamp, so repeated and lost ends, and starts that were lost, do not
    matter.
    """

    __slots__ = ("_known", "_lasting", "_until")

    def __init__(self) -> None:
        self._known: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._lasting: int | None = None  # event that has not ended
        self._until = 0  # timestamp where its segment ends as far as is known

    def read(self, timestamp: int, payload: bytes) -> str | None:
        """The key this packet is the first of; ``None`` for any other, for events that are no keys, and for
        junk."""
        if len(payload) < _EVENT.size:
            return None
        event, flags, duration = _EVENT.unpack_from(payload)
        if event >= len(KEYS):
            return None
        # RFC 4733 section 2.5.1.3: a press too long for the duration field goes on in a further segment
        continued = event == self._lasting and timestamp == self._until
        fresh = (timestamp, event) not in self._known
        if fresh:
            self._known.append((timestamp, event))
        self._lasting = None if flags & _END else event
        self._until = timestamp + duration & 0xFFFFFFFF
        return KEYS[event] if fresh and not continued else None
