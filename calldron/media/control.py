"""The words between the media process and its parent: small JSON lists, one a packet of a SOCK_SEQPACKET
pair.

Parent to child: ``[command, session, argument...]``. Child to parent: ``[event, session, field...]``, the
events of ``MediaEvent`` by their class names, ``Opened``, ``Refused``, ``Closed`` and, with session 0,
``Health``.
"""

import json
from dataclasses import astuple, dataclass
from typing import Any, Final

from calldron.media.events import (
    DigitPressed,
    FirstPacket,
    MediaHealth,
    MediaStats,
    PromptPlayed,
    SessionLost,
    VoiceHeard,
)

LARGEST: Final = 1 << 16
"""Octets of the longest message."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session has its port."""

    port: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A session can't be had."""

    reason: str


Said = (
    FirstPacket | DigitPressed | PromptPlayed | VoiceHeard | SessionLost | Opened | Refused | MediaStats | MediaHealth
)

_WORDS: Final[dict[str, type[Said]]] = {
    word.__name__: word
    for word in (
        FirstPacket,
        DigitPressed,
        PromptPlayed,
        VoiceHeard,
        SessionLost,
        Opened,
        Refused,
        MediaStats,
        MediaHealth,
    )
}


def command(name: str, session: int, *arguments: Any) -> bytes:
    """A command as octets."""
    return json.dumps([name, session, *arguments], separators=(",", ":")).encode()


def read_command(data: bytes) -> tuple[str, int, list[Any]]:
    """A command out of octets: its name, session and arguments."""
    name, session, *arguments = json.loads(data)
    return name, session, arguments


def say(session: int, said: Said) -> bytes:
    """What the child says about a session, as octets."""
    return json.dumps([type(said).__name__, session, *astuple(said)], separators=(",", ":")).encode()


def hear(data: bytes) -> tuple[int, Said]:
    """What the child said: the session's number and the words."""
    word, session, *fields = json.loads(data)
    return session, _WORDS[word](*fields)
