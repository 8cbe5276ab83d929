"""What a media session tells its owner."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """The first audio or telephone-event packet came from the accepted address. Once a session."""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key was pressed: one of ``0123456789*#ABCD``, once per press (RFC 4733)."""

    key: str


@dataclass(frozen=True, slots=True)
class PromptPlayed:
    """The prompt was sent to its end. Not sent for one that was stopped, replaced or looped."""


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """Listening ended; ``seconds`` of what was heard were voice."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The session is gone: the media process died, or an error closed it. The last event of a session."""

    reason: str


MediaEvent = FirstPacket | DigitPressed | PromptPlayed | VoiceHeard | SessionLost


@dataclass(frozen=True, slots=True)
class MediaStats:
    """What a session counted, in packets. ``lost`` is by sequence numbers (RFC 3550 appendix A.3), ``late``
    are those that came after a younger one. ``recorded`` is false where a track could not be written whole
    (the disk was full)."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    late: int = 0
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class MediaHealth:
    """How the media process does, told once a second.

    ``late_slots`` counts 5 ms slots that began more than 5 ms late since the process started, ``longest_delay`` is the
    worst of them in seconds, ``skipped_frames`` the 20 ms frames a call never sent because it stood still for longer
    than half a second, ``backlog`` the octets of recordings that wait for the disk.
    """

    sessions: int = 0
    late_slots: int = 0
    longest_delay: float = 0.0
    skipped_frames: int = 0
    backlog: int = 0
