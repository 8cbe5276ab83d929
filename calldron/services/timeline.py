"""An attempt at a call drawn along one line of time: each leg as stages, from the first INVITE to the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate, pairwise

from calldron.domain.outcome import Fault
from calldron.services import history
from calldron.store.models import Attempt, LegRow

_INSTANT = timedelta(milliseconds=1)  # the shortest line: what came at once is seen all the same


class Stage(StrEnum):
    """How far a leg has come."""

    DIALLED = "dialled"
    RINGING = "ringing"
    TALKING = "talking"


@dataclass(frozen=True, slots=True)
class Bar:
    """A stage of a leg. ``place`` and ``width`` are shares of the whole line, per cent."""

    stage: Stage
    length: timedelta
    place: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A leg. The times after ``intended`` are from the beginning of the line; ``None``: it did not come so far."""

    leg: LegRow
    words: str
    code_words: str
    cause_words: str
    fault_words: str
    bars: list[Bar]
    intended: timedelta
    rang: timedelta | None
    answered: timedelta | None
    ended: timedelta | None


@dataclass(frozen=True, slots=True)
class Line:
    """An attempt. ``counted``: whether it is one of the call's attempts. ``fault_words``: "" where it is nobody's."""

    attempt: Attempt
    words: str
    counted: bool
    fault_words: str
    length: timedelta
    lanes: list[Lane]

    @property
    def up(self) -> bool:
        """Whether it goes on."""
        return self.attempt.ended_at is None


def draw(attempts: Sequence[Attempt], now: datetime) -> list[Line]:
    """Each with its legs; those that are up end ``now``."""
    return [_line(attempt, now) for attempt in attempts]


def _line(attempt: Attempt, now: datetime) -> Line:
    legs = list(attempt.legs.all())
    begin = min([attempt.started_at, *(leg.intended_at for leg in legs)])
    ends = [moment for moment in (attempt.ended_at, *(leg.ended_at for leg in legs)) if moment is not None]
    end = now if attempt.ended_at is None else max(ends)
    length = max(end - begin, _INSTANT)
    return Line(
        attempt,
        history.of_attempt(attempt),
        not attempt.given_back,
        "" if attempt.fault in ("", Fault.NONE) else history.of_fault(attempt.fault),
        length,
        [_lane(leg, begin, end, length) for leg in legs],
    )


def _lane(leg: LegRow, begin: datetime, end: datetime, length: timedelta) -> Lane:
    def since(moment: datetime | None) -> timedelta | None:
        return None if moment is None else moment - begin

    return Lane(
        leg=leg,
        words=history.of_leg(leg),
        code_words=history.of_code(leg.sip_code),
        cause_words=history.of_cause(leg.q850),
        fault_words="" if leg.fault in ("", Fault.NONE) else history.of_fault(leg.fault),
        bars=[
            Bar(stage, until - at, 100 * ((at - begin) / length), 100 * ((until - at) / length))
            for stage, at, until in _stages(leg, leg.ended_at or end)
        ],
        intended=leg.intended_at - begin,
        rang=since(leg.ringing_at),
        answered=since(leg.answered_at),
        ended=since(leg.ended_at),
    )


def _stages(leg: LegRow, end: datetime) -> Iterator[tuple[Stage, datetime, datetime]]:
    begins = [(Stage.DIALLED, leg.intended_at), (Stage.RINGING, leg.ringing_at), (Stage.TALKING, leg.answered_at)]
    reached = [(stage, at) for stage, at in begins if at is not None]
    edges = list(accumulate([*(at for _, at in reached), end], max))  # a clock may have been set back meanwhile
    for (stage, _), (at, until) in zip(reached, pairwise(edges), strict=True):
        if until > at:
            yield stage, at, until
