"""What the messages that end a call say about it."""

from dataclasses import replace

from calldron.domain.outcome import EndedBy, Ending, Fault, classify
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.fields import parse_params, split
from calldron.engines.sip.message import Message, Response


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


def refused(response: Response, *, reached: bool) -> Ending:
    """The end of an INVITE by a final response from 300 up; ``reached``: a provisional above 100 came before.

    A refusal for which the trunk or we are to blame says that the callee was never asked.
    """
    seconds = response.number("retry-after")
    retry_after = None if seconds is None else float(seconds)
    ending = Ending(EndedBy.REMOTE, response.code, q850(response), retry_after=retry_after)
    told = classify(ending)[1] in (Fault.CALLEE, Fault.NUMBER)
    return replace(ending, reached=reached or told)
