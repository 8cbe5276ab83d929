"""How a leg ended, what that means for the call, and whose fault it was.

SIP final responses are mapped per RFC 3261 section 21 and, where a trunk sends a Reason header field (RFC 3326),
by its Q.850 cause, since gateways fold many causes into one SIP code.
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt ended. ``UNKNOWN``: the program died while the call was up, so nobody can know."""

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


class Fault(StrEnum):
    """Whose doing a failure was: nobody's, the callee's, the number's, the trunk's or this program's."""

    NONE = "none"
    CALLEE = "callee"
    NUMBER = "number"
    TRUNK = "trunk"
    OURS = "ours"


class Result(StrEnum):
    """What a call achieved; absent (``None``) when it achieved nothing."""

    CONFIRMED = "confirmed"
    DECLINED = "declined"
    CONNECTED = "connected"
    CALLBACK_FAILED = "callback_failed"
    SECRETARY = "secretary"
    MESSAGE = "message"
    OPTED_OUT = "opted_out"


class EndedBy(StrEnum):
    """Who or what ended a leg.

    ``REMOTE``: a final response or a BYE from the other side. ``LOCAL``: we hung up or cancelled.
    ``RING_TIMEOUT``: nobody answered in time and we cancelled. ``SILENCE``: the trunk never replied, or the transport
    failed. ``MEDIA``: the media process died or no port was left.
    """

    REMOTE = "remote"
    LOCAL = "local"
    RING_TIMEOUT = "ring_timeout"
    SILENCE = "silence"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one leg as the engine saw it.

    ``sip_code`` is the final response to the INVITE (200 when it was answered), ``q850`` the cause of a Reason header
    field, ``answered`` whether a 2xx came, ``reached`` whether the callee's side said anything at all (a provisional
    response above 100, or a final response that is not the trunk's own refusal; also where it may have while this
    process was frozen and heard nothing), ``retry_after`` the seconds that a refusal asks to wait (RFC 3261 section
    20.33), ``sent`` whether an INVITE left at all.
    """

    by: EndedBy
    sip_code: int | None = None
    q850: int | None = None
    answered: bool = False
    reached: bool = False
    retry_after: float | None = None
    sent: bool = True


_BY_CODE: dict[int, tuple[Outcome, Fault]] = {
    400: (Outcome.FAILED, Fault.OURS),
    401: (Outcome.FAILED, Fault.OURS),
    403: (Outcome.FAILED, Fault.TRUNK),
    404: (Outcome.INVALID_NUMBER, Fault.NUMBER),
    407: (Outcome.FAILED, Fault.OURS),
    408: (Outcome.NO_ANSWER, Fault.CALLEE),
    410: (Outcome.INVALID_NUMBER, Fault.NUMBER),
    480: (Outcome.UNAVAILABLE, Fault.CALLEE),
    484: (Outcome.INVALID_NUMBER, Fault.NUMBER),
    486: (Outcome.BUSY, Fault.CALLEE),
    487: (Outcome.CANCELED, Fault.NONE),
    488: (Outcome.FAILED, Fault.OURS),
    600: (Outcome.BUSY, Fault.CALLEE),
    603: (Outcome.REJECTED, Fault.CALLEE),
    604: (Outcome.INVALID_NUMBER, Fault.NUMBER),
    606: (Outcome.FAILED, Fault.OURS),
    607: (Outcome.REJECTED, Fault.CALLEE),  # RFC 8197, Unwanted
    608: (Outcome.REJECTED, Fault.TRUNK),  # RFC 8688, Rejected by an intermediary
}

# Causes of ITU-T Q.850 that say more than the SIP code they travel with.
_BY_CAUSE: dict[int, tuple[Outcome, Fault]] = {
    1: (Outcome.INVALID_NUMBER, Fault.NUMBER),
    17: (Outcome.BUSY, Fault.CALLEE),
    18: (Outcome.NO_ANSWER, Fault.CALLEE),
    19: (Outcome.NO_ANSWER, Fault.CALLEE),
    20: (Outcome.UNAVAILABLE, Fault.CALLEE),
    21: (Outcome.REJECTED, Fault.CALLEE),
    22: (Outcome.INVALID_NUMBER, Fault.NUMBER),
    28: (Outcome.INVALID_NUMBER, Fault.NUMBER),
}


def classify(ending: Ending) -> tuple[Outcome, Fault]:
    """Say what the end of a leg means. Total: every ``Ending`` has an outcome."""
    if ending.answered:
        # However it broke off: a person who was reached is not called again.
        return Outcome.ANSWERED, Fault.OURS if ending.by is EndedBy.MEDIA else Fault.NONE
    if ending.by is EndedBy.MEDIA:
        return Outcome.FAILED, Fault.OURS
    if ending.by is EndedBy.RING_TIMEOUT:
        return Outcome.NO_ANSWER, Fault.CALLEE
    if ending.by is EndedBy.LOCAL:
        return Outcome.CANCELED, Fault.NONE
    if ending.by is EndedBy.SILENCE or ending.sip_code is None:
        return Outcome.FAILED, Fault.TRUNK
    if ending.sip_code >= 500 and ending.sip_code not in _BY_CODE and ending.q850 in _BY_CAUSE:
        return _BY_CAUSE[ending.q850]
    return _BY_CODE.get(ending.sip_code, _by_class(ending.sip_code))


def _by_class(code: int) -> tuple[Outcome, Fault]:
    if 300 <= code < 400:
        return Outcome.FAILED, Fault.TRUNK
    if 400 <= code < 500:
        return Outcome.UNAVAILABLE, Fault.CALLEE
    if 500 <= code < 600:
        return Outcome.FAILED, Fault.TRUNK
    return Outcome.REJECTED, Fault.CALLEE


_TRIED_AGAIN = frozenset({Outcome.BUSY, Outcome.NO_ANSWER, Outcome.UNAVAILABLE, Outcome.FAILED})


def tried_again(outcome: Outcome, fault: Fault) -> bool:
    """Whether a call with attempts left goes back to the queue after this outcome."""
    return outcome in _TRIED_AGAIN and fault is not Fault.NUMBER


# What a trunk says when it will not, or cannot, carry calls for us now: RFC 3261 sections 21.4.4 and 21.5.4, and
# challenges that our credentials did not meet.
_REFUSALS_OF_TRUNKS = frozenset({401, 403, 407, 503})


def refused_by_trunk(ending: Ending) -> bool:
    """Whether the trunk refused the call, or never replied, before the callee's side was reached: it says nothing
    about the number."""
    if ending.answered or ending.reached or ending.by not in (EndedBy.REMOTE, EndedBy.SILENCE):
        return False
    return ending.by is EndedBy.SILENCE or ending.sip_code in _REFUSALS_OF_TRUNKS


def reached_nobody(ending: Ending) -> bool:
    """Whether this was no dial at the number: no INVITE left, or the trunk refused it."""
    return not ending.sent or refused_by_trunk(ending)
