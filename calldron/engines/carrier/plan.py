"""The number plan of the sandbox carrier: what happens when a number is called. Pure: no I/O, no clock.

The last four digits of the number, ``BBNN``, say it; ``NN`` is in seconds unless the row says otherwise, ``D`` is a
digit. ``+`` and any digits may stand before. A number that is in no row, or is not a number, is refused with 404.

=====  ================================================================================================
BBNN   what the callee does
=====  ================================================================================================
00NN   answers, is silent for NN (00: 60), hangs up
1DNN   answers, presses D after NN, hangs up 30 later
20NN   rings for NN, answers, echoes what is heard
21NN   announces in early media (183) for 2 + NN, answers, presses 1 after 1, hangs up 30 later
22NN   announces in early media (183) for 2 + NN, then 404: "number not in service"
30NN   answers, hangs up after NN
31NN   answers, presses 1 after NN and hangs up at once
40NN   rings for NN (00: does not ring), then 486
41     rings for ever: 300, then 480
42     never rings, only 100: 300, then 480
50NN   refuses; NN: 01=404 03=403 04=480 05=503 06=500 07=484 08=410 09=501 10=488 11=502
60     an answering machine: 0.5 of silence, a greeting of 8, a beep of 1 kHz, 30 of silence, hangs up
70NN   a person: 0.4 of silence, "hello" of 0.6; presses 1 NN later (00: presses nothing); hangs up after 30
80NN   a callback agent: rings for NN, answers, sounds 440 Hz for 60, hangs up
81NN   as 80 with 880 Hz
9DNN   answers, presses D after NN, then echoes what is heard
=====  ================================================================================================

An echo ends by itself after 600. Refusals carry the ITU-T Q.850 cause in a Reason header field (RFC 3326).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Sound(StrEnum):
    """What the callee can play."""

    ANNOUNCEMENT = "announcement"
    HELLO = "hello"
    GREETING = "greeting"  # of an answering machine, with its beep
    TONE_440 = "tone-440"
    TONE_880 = "tone-880"


@dataclass(frozen=True, slots=True)
class Ring:
    """180."""


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """183 with a session description: from here on there is sound."""


@dataclass(frozen=True, slots=True)
class Answer:
    """200, and wait for its ACK."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Play:
    """Play to the end."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class Sustain:
    """Play over and over while the next steps are taken."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class Press:
    """Press a key, and let go of it."""

    key: str


@dataclass(frozen=True, slots=True)
class Echo:
    """Send back what is heard while the next steps are taken."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """BYE."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A final response, with a Q.850 cause."""

    code: int
    cause: int


Step = Ring | EarlyMedia | Answer | Wait | Play | Sustain | Press | Echo | Hangup | Refuse
Behaviour = tuple[Step, ...]
"""What the callee does, in order. The last step is a ``Hangup`` or ``Refuse``, and no other is."""

KEY_SECONDS: Final = 0.16
ECHO_LONGEST: Final = 600
RING_LONGEST: Final = 300

_STAY: Final = 30
_NUMBER: Final = re.compile(r"\+?[0-9]*(?P<behaviour>[0-9]{2})(?P<parameter>[0-9]{2})")

NOT_FOUND: Final = Refuse(404, 1)
_BUSY: Final = Refuse(486, 17)
_NO_ANSWER: Final = Refuse(480, 19)

_REFUSALS: Final = {
    1: NOT_FOUND,
    3: Refuse(403, 21),
    4: _NO_ANSWER,
    5: Refuse(503, 34),
    6: Refuse(500, 127),
    7: Refuse(484, 28),
    8: Refuse(410, 22),
    9: Refuse(501, 29),
    10: Refuse(488, 58),
    11: Refuse(502, 27),
}

_ROWS: Final[dict[str, Callable[[int], Behaviour]]] = {
    "00": lambda n: (Answer(), Wait(n or 60), Hangup()),
    "20": lambda n: (Ring(), Wait(n), Answer(), Echo(), Wait(ECHO_LONGEST), Hangup()),
    "21": lambda n: (*_announced(n), Answer(), Wait(1), Press("1"), Wait(_STAY), Hangup()),
    "22": lambda n: (*_announced(n), NOT_FOUND),
    "30": lambda n: (Answer(), Wait(n), Hangup()),
    "31": lambda n: (Answer(), Wait(n), Press("1"), Hangup()),
    "40": lambda n: (Ring(), Wait(n), _BUSY) if n else (_BUSY,),
    "41": lambda _: (Ring(), Wait(RING_LONGEST), _NO_ANSWER),
    "42": lambda _: (Wait(RING_LONGEST), _NO_ANSWER),
    "50": lambda n: (_REFUSALS.get(n, NOT_FOUND),),
    "60": lambda _: (Answer(), Wait(0.5), Play(Sound.GREETING), Wait(_STAY), Hangup()),
    "70": lambda n: (Answer(), Wait(0.4), Play(Sound.HELLO), *_pressed_later(n), Wait(_STAY), Hangup()),
    "80": lambda n: (Ring(), Wait(n), Answer(), Sustain(Sound.TONE_440), Wait(60), Hangup()),
    "81": lambda n: (Ring(), Wait(n), Answer(), Sustain(Sound.TONE_880), Wait(60), Hangup()),
}


def behaviour(number: str) -> Behaviour:
    """What happens when this number is called: the user part of the Request-URI. Total."""
    match = _NUMBER.fullmatch(number)
    if match is None:
        return (NOT_FOUND,)
    code, seconds = match["behaviour"], int(match["parameter"])
    if code[0] == "1":
        return (Answer(), Wait(seconds), Press(code[1]), Wait(_STAY), Hangup())
    if code[0] == "9":
        return (Answer(), Wait(seconds), Press(code[1]), Echo(), Wait(ECHO_LONGEST), Hangup())
    row = _ROWS.get(code)
    return row(seconds) if row else (NOT_FOUND,)


def _announced(seconds: int) -> Behaviour:
    return (EarlyMedia(), Play(Sound.ANNOUNCEMENT), Wait(seconds))


def _pressed_later(seconds: int) -> Behaviour:
    return (Wait(seconds), Press("1")) if seconds else ()
