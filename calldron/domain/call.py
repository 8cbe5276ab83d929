"""What a call is said to be doing (spec: "status of a call")."""

from enum import StrEnum

from calldron.domain.outcome import Outcome


class CallStatus(StrEnum):
    """``QUEUED`` was never dialled; ``ANSWERED`` is up, or was; the rest name the outcome of the last attempt."""

    QUEUED = "queued"
    DIALING = "dialing"
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNAVAILABLE = "unavailable"
    INVALID_NUMBER = "invalid_number"
    MACHINE = "machine"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @classmethod
    def after(cls, outcome: Outcome) -> "CallStatus":
        """The status a call has once an attempt ended this way."""
        return cls(outcome.value)
