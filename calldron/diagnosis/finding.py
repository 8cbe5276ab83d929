"""What the doctor has to say of one thing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One look: at what, whether it is well, and in words what was found or what to do."""

    subject: str
    good: bool
    words: str
