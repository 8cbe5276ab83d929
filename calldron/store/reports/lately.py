"""What of a batch is up, what ended last, and how it went lately: a few steps of indexes, however many calls it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from calldron.domain.outcome import Outcome
from calldron.store.reports.tallies import CONFIRMED
from calldron.store.reports.waiting import EVER
from calldron.store.session import Session, moment


class Kind(StrEnum):
    """What people want told apart of how attempts ended."""

    CONFIRMED = "confirmed"
    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class UpLeg:
    """A leg of a call that is up, as far as it has come."""

    role: str
    number: str
    trunk: str | None
    ringing_at: datetime | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class UpCall:
    """A call that is up. ``legs``: those that have not ended, the first dialled first."""

    call_id: int
    number: str
    number_of_try: int
    started_at: datetime
    legs: tuple[UpLeg, ...]


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """An attempt that is over."""

    call_id: int
    number: str
    outcome: str
    result: str | None
    ended_at: datetime
    talk: float | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """The attempts that are counted: ``whole`` where they are all that there were."""

    first: datetime
    last: datetime
    whole: bool


@dataclass(frozen=True, slots=True)
class KindTally:
    """How attempts of a span of time ended. ``answered`` are those of both kinds, ``seconds`` their talk."""

    kinds: dict[Kind, int]
    seconds: float

    @property
    def answered(self) -> int:
        """Attempts that reached somebody."""
        return self.kinds[Kind.CONFIRMED] + self.kinds[Kind.ANSWERED]


def up(session: Session, batch_id: int, most: int) -> list[UpCall]:
    """Calls that are up, the newest first."""
    attempts = session.rows(_UP, EVER, batch_id, most)
    legs: dict[int, list[UpLeg]] = {}
    for attempt, *leg in session.rows(_LEGS_UP, [row[0] for row in attempts]):
        legs.setdefault(attempt, []).append(UpLeg(*leg))
    return [
        UpCall(call, number, number_of_try, started_at, tuple(legs.get(attempt, ())))
        for attempt, call, number, number_of_try, started_at in attempts
    ]


def ended(session: Session, batch_id: int, *, among: int, most: int) -> list[EndedAttempt]:
    """What ended last of as many attempts as ``among``, those that started last."""
    return [EndedAttempt(*row) for row in session.rows(_ENDED, batch_id, among, most)]


def started_since(session: Session, batch_id: int, since: datetime) -> int:
    """How many attempts started from then on."""
    row = session.row("SELECT COUNT(*) FROM store_attempt WHERE batch_id = %s AND started_at >= %s", batch_id, since)
    return row[0] if row else 0


def stretch(session: Session, batch_id: int, most: int) -> Stretch | None:
    """The last attempts of the batch, about so many; ``None`` where there is none."""
    row = session.row(_STRETCH, batch_id, batch_id, most, batch_id)
    last, cut, first = (None, None, None) if row is None else map(moment, row)
    if last is None or first is None:
        return None
    return Stretch(cut or first, last, whole=cut is None)


def count_kinds(session: Session, batch_id: int, edges: Sequence[datetime]) -> list[KindTally]:
    """Count the attempts that started from one edge until just before the next, for each pair of neighbours, which are
    at most a hundred. Those that are up are of no kind yet."""
    spans = list(pairwise(edges))
    params = [value for place, (since, until) in enumerate(spans) for value in (place, batch_id, since, until)]
    rows = session.rows(" UNION ALL ".join([_KINDS] * len(spans)), *params) if spans else []
    return [KindTally(dict(zip(Kind, row[1:-1], strict=True)), row[-1]) for row in sorted(rows)]


# Both as ``waiting`` looks at open attempts. The plus keeps SQLite from the index of all attempts of the batch.
_UP = """
SELECT a.id, a.call_id, c.number, a.number_of_try, a.started_at
FROM store_attempt a JOIN store_call c ON c.id = a.call_id
WHERE a.ended_at IS NULL AND a.lease_until > %s AND +a.batch_id = %s ORDER BY +a.id DESC LIMIT %s
"""

_LEGS_UP = """
SELECT l.attempt_id, l.role, l.number, t.name, l.ringing_at, l.answered_at
FROM store_legrow l LEFT JOIN store_trunkrow t ON t.id = l.trunk_id
WHERE l.attempt_id IN %s AND l.ended_at IS NULL ORDER BY l.id
"""

_ENDED = """
SELECT a.call_id, c.number, a.outcome, a.result, a.ended_at, a.talk
FROM (SELECT id FROM store_attempt WHERE batch_id = %s ORDER BY started_at DESC LIMIT %s) lately
JOIN store_attempt a ON a.id = lately.id JOIN store_call c ON c.id = a.call_id
WHERE a.ended_at IS NOT NULL ORDER BY a.ended_at DESC, a.id DESC LIMIT %s
"""

_STRETCH = """
SELECT (SELECT MAX(started_at) FROM store_attempt WHERE batch_id = %s),
    (SELECT started_at FROM store_attempt WHERE batch_id = %s ORDER BY started_at DESC LIMIT 1 OFFSET %s),
    (SELECT MIN(started_at) FROM store_attempt WHERE batch_id = %s)
"""


def _words(*words: str) -> str:
    return ", ".join(f"'{word}'" for word in words)


_KINDS = f"""
SELECT %s,
    COUNT(CASE WHEN outcome = '{Outcome.ANSWERED}' AND result IN ({_words(*CONFIRMED)}) THEN 1 END),
    COUNT(CASE WHEN outcome = '{Outcome.ANSWERED}' AND (result IS NULL OR result NOT IN ({_words(*CONFIRMED)}))
        THEN 1 END),
    COUNT(CASE WHEN outcome IN ({_words(Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.MACHINE)})
        THEN 1 END),
    COUNT(CASE WHEN outcome IN ({_words(Outcome.UNAVAILABLE, Outcome.INVALID_NUMBER)}) THEN 1 END),
    COUNT(CASE WHEN outcome IN ({_words(Outcome.FAILED, Outcome.CANCELED, Outcome.EXPIRED, Outcome.UNKNOWN)})
        THEN 1 END),
    COALESCE(SUM(talk), 0)
FROM store_attempt WHERE batch_id = %s AND started_at >= %s AND started_at < %s
"""  # noqa: S608 - words of enumerations, nothing from outside
