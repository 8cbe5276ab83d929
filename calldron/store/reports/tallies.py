"""Counts over the calls and attempts of one batch, answered from indexes alone: a batch may hold a million of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from calldron.domain.call import CallStatus
from calldron.domain.outcome import Outcome, Result
from calldron.store.session import Session, moment

# What an answered attempt ends with where the client said yes: also where no operator could be reached then.
CONFIRMED = (Result.CONFIRMED, Result.CONNECTED, Result.CALLBACK_FAILED)

_BUCKETS_A_STATEMENT = 50


@dataclass(slots=True)
class CallTally:
    """How many calls a batch has, and how many of them are in each status and have each result."""

    total: int = 0
    left: int = 0  # not final
    statuses: dict[CallStatus, int] = field(default_factory=lambda: dict.fromkeys(CallStatus, 0))
    results: dict[Result, int] = field(default_factory=lambda: dict.fromkeys(Result, 0))


@dataclass(frozen=True, slots=True)
class AttemptTally:
    """What became of the attempts that started in a span of time: ``ended`` ones have an outcome, ``seconds`` is the
    talk of all of them. One that a trunk refused is none, and says nothing of whether people answer."""

    attempts: int = 0
    ended: int = 0
    answered: int = 0
    confirmed: int = 0
    seconds: float = 0.0

    def __add__(self, other: "AttemptTally") -> "AttemptTally":
        return AttemptTally(
            self.attempts + other.attempts,
            self.ended + other.ended,
            self.answered + other.answered,
            self.confirmed + other.confirmed,
            self.seconds + other.seconds,
        )

    def without(self, given_back: int) -> "AttemptTally":
        """Less so many that were given back: ended, and never answered."""
        return replace(self, attempts=self.attempts - given_back, ended=self.ended - given_back)


def count_calls(session: Session, batch_id: int) -> CallTally:
    """Count the calls. Those that were never dialled are what the others leave of the batch's own count."""
    tally = CallTally()
    for status, result, calls in session.rows(_CALLS, batch_id, batch_id, batch_id):
        if status == "total":
            tally.total = calls
        elif status == "left":
            tally.left = calls
        else:
            tally.statuses[CallStatus(status)] += calls
            if result:
                tally.results[Result(result)] += calls
    tally.statuses[CallStatus.QUEUED] = tally.total - sum(tally.statuses.values())
    return tally


def span_of_attempts(session: Session, batch_id: int) -> tuple[datetime, datetime] | None:
    """When the first and the last attempt at a call of the batch started."""
    row = session.row(_SPAN, batch_id, batch_id)
    if row is None:
        return None
    first, last = map(moment, row)
    return None if first is None or last is None else (first, last)


def count_attempts(session: Session, batch_id: int, edges: Sequence[datetime]) -> list[AttemptTally]:
    """Count the attempts that started from one edge until just before the next, for each pair of neighbours.

    A range of the index for each, since grouping a million rows by time would sort them first.
    """
    tallies: list[AttemptTally] = []
    spans = list(pairwise(edges))
    for start in range(0, len(spans), _BUCKETS_A_STATEMENT):
        some = spans[start : start + _BUCKETS_A_STATEMENT]
        params = [value for place, (since, until) in enumerate(some) for value in (place, batch_id, since, until)]
        rows = session.rows(" UNION ALL ".join([_ATTEMPTS] * len(some)), *params)
        started = [AttemptTally(*row) for _place, *row in sorted(rows)]
        returned = sorted(session.rows(" UNION ALL ".join([_GIVEN_BACK] * len(some)), *params))
        tallies += [one.without(given_back) for one, (_place, given_back) in zip(started, returned, strict=True)]
    return tallies


# The condition is spelled as that of the index call_told: SQLite knows it by its letters.
_CALLS = """
SELECT 'total', NULL, total FROM store_batch WHERE id = %s
UNION ALL SELECT 'left', NULL, unfinished FROM store_batch WHERE id = %s
UNION ALL SELECT status, result, COUNT(*) FROM store_call
WHERE batch_id = %s AND NOT (status = 'queued') GROUP BY status, result
"""

# Two subqueries, each of which is one step to one end of the index.
_SPAN = """
SELECT (SELECT MIN(started_at) FROM store_attempt WHERE batch_id = %s),
    (SELECT MAX(started_at) FROM store_attempt WHERE batch_id = %s)
"""

_ATTEMPTS = f"""
SELECT %s, COUNT(*), COUNT(CASE WHEN outcome <> '' THEN 1 END),
    COUNT(CASE WHEN outcome = '{Outcome.ANSWERED}' THEN 1 END),
    COUNT(CASE WHEN result IN ({", ".join(f"'{result}'" for result in CONFIRMED)}) AND outcome = '{Outcome.ANSWERED}'
        THEN 1 END),
    COALESCE(SUM(talk), 0)
FROM store_attempt WHERE batch_id = %s AND started_at >= %s AND started_at < %s
"""  # noqa: S608 - words of enumerations, nothing from outside

# By a small index of these alone: that of all attempts does not say which they are.
_GIVEN_BACK = """
SELECT %s, COUNT(*) FROM store_attempt WHERE batch_id = %s AND started_at >= %s AND started_at < %s AND given_back
"""
