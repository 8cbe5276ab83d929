"""What the messages that end a call say about it."""

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.fields import parse_params, split
from calldron.engines.sip.message import Message, Response

# The trunk's own refusals: whoever was dialled has not been asked.
_TRUNKS_OWN = frozenset({401, 403, 407})


def q850(message: Message) -> int | None:
    """The Q.850 cause of a Reason header field (RFC 3326); a message may give reasons of other protocols as well."""
    for value in message.getall("reason"):
        try:
            for reason in split(value):
                protocol, _, params = reason.partition(";")
                cause = parse_params(params).get("cause", "")
                if protocol.strip().upper() == "Q.850" and cause.isascii() and cause.isdigit() and int(cause) < 128:
                    return int(cause)
        except MessageError:
            continue
    return None


def comes_from_callee(code: int) -> bool:
    """Whether a final response tells of the callee and not of the trunk's own trouble."""
    return (400 <= code < 500 and code not in _TRUNKS_OWN) or code >= 600


def refused(response: Response, *, reached: bool) -> Ending:
    """The end of an INVITE by a final response from 300 up; ``reached``: a provisional above 100 came before."""
    return Ending(
        EndedBy.REMOTE,
        response.code,
        q850(response),
        reached=reached or comes_from_callee(response.code),
    )
