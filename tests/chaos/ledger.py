"""What the carrier wrote down, as dials: one INVITE that began a call, whatever became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# What a carrier answers where it never asked the callee: no dial of the number (RFC 3261 section 21.5.4).
_REFUSED = "503"


@dataclass(slots=True)
class Dial:
    """Times are Unix seconds by the carrier's clock. ``caller``: the SIP port it came from. ``life``: which run of the
    carrier saw it first. ``code``: how it ended, ``bye`` where it was answered."""

    call_id: str
    number: str
    caller: int
    at: float
    life: int
    rang: float | None = None
    answered: float | None = None
    ended: float | None = None
    code: str = ""

    @property
    def reached(self) -> bool:
        """Whether it was a dial of the number: not where the carrier refused it, or died before anybody was asked."""
        return self.rang is not None


def read(logs: Iterable[Path]) -> list[Dial]:
    """The dials of a carrier from the log of each of its lives, in the order in which they came.

    A Call-ID that one life saw and the next sees again is the same INVITE, repeated on the wire (section 17.1.1.2).
    """
    dials: dict[str, Dial] = {}
    for life, log in enumerate(logs):
        for line in log.read_text().splitlines():
            _day, _hour, stamp, word, call_id, *rest = line.split()
            at = float(stamp)
            if word == "invite" and call_id not in dials:
                number, caller = rest
                dials[call_id] = Dial(call_id, number, int(caller.rpartition(":")[2]), at, life)
            dial = dials.get(call_id)
            if dial is None:
                continue  # the end of a call that came before the first life
            match word:
                case "ringing":
                    dial.rang = dial.rang or at
                case "answered":
                    dial.answered = dial.answered or at
                case "end" if dial.ended is None:
                    dial.ended, dial.code = at, rest[0]
    return sorted(dials.values(), key=lambda dial: dial.at)
