"""A batch as it is at a moment: what it does and why, how far it has come, what is up, what came of it.

However large the batch is, it is read within a fraction of a second: from counters, and from indexes alone.
What can't be counted so, how attempts went over time, is told of the last ones only, and said so.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from calldron.domain.batch import BatchState
from calldron.domain.call import CallStatus
from calldron.domain.outcome import Result
from calldron.domain.rule import Rule
from calldron.services import why
from calldron.services.why import Told
from calldron.store import turns
from calldron.store.models import Batch
from calldron.store.reports import lately, tallies
from calldron.store.reports.lately import EndedAttempt, KindTally, UpCall
from calldron.store.reports.tallies import CallTally
from calldron.store.session import Session

MOST_UP = 20
MOST_ENDED = 10
MOST_ATTEMPTS = 100_000  # of which the chart and the mean talk are told
MOST_BUCKETS = 60
PACE_OVER = timedelta(seconds=10)
_STEADY_OVER = timedelta(minutes=2)
_LONGEST_GUESS = timedelta(hours=12)

_STEPS = [
    *(timedelta(seconds=seconds) for seconds in (5, 10, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30)),
    *(timedelta(hours=hours) for hours in (1, 3, 6)),
]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# While one of these is told, calls go out as fast as they may.
_GOING = frozenset(
    {Rule.IN_PROGRESS, Rule.TURN, Rule.TRUNK_RATE, Rule.BATCH_RATE, Rule.ACCOUNT_RATE}
    | {Rule.TRUNK_CHANNELS, Rule.BATCH_CHANNELS, Rule.ACCOUNT_CHANNELS}
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """The attempts that started within one step from ``at`` on."""

    at: datetime
    tally: KindTally


@dataclass(frozen=True, slots=True)
class Course:
    """How the last attempts went over time. ``whole``: they are all that there were."""

    step: timedelta
    buckets: list[Bucket]
    whole: bool

    @property
    def mean_talk(self) -> float | None:
        """Seconds of an answered attempt."""
        answered = sum(bucket.tally.answered for bucket in self.buckets)
        return sum(bucket.tally.seconds for bucket in self.buckets) / answered if answered else None


@dataclass(frozen=True, slots=True)
class Picture:
    """A batch at a moment. ``pace``: calls a second that left lately; ``at_least``: how long those that wait still
    take if it stays so, ``None`` where nobody can know."""

    batch: Batch
    told: Told
    calls: CallTally
    pace: float
    at_least: timedelta | None
    up: list[UpCall]
    ended: list[EndedAttempt]
    course: Course

    @property
    def done(self) -> int:
        """Calls that are over."""
        return self.calls.total - self.calls.left

    @property
    def dialled(self) -> int:
        """Calls of which at least one attempt is over, or was answered."""
        statuses = self.calls.statuses
        return self.calls.total - statuses[CallStatus.QUEUED] - statuses[CallStatus.DIALING]

    @property
    def answered(self) -> int:
        """Calls that reached somebody."""
        return self.calls.statuses[CallStatus.ANSWERED]

    @property
    def confirmed(self) -> int:
        """Calls whose client said yes."""
        return sum(self.calls.results[result] for result in tallies.CONFIRMED)

    @property
    def connected(self) -> int:
        """Calls in which client and operator spoke."""
        return self.calls.results[Result.CONNECTED]


def of_batch(batch: Batch, now: datetime) -> Picture:
    """Look at it."""
    told = why.tell(batch, now)
    session = Session(connection)
    try:
        pace = lately.started_since(session, batch.pk, now - PACE_OVER) / PACE_OVER.total_seconds()
        return Picture(
            batch=batch,
            told=told,
            calls=tallies.count_calls(session, batch.pk),
            pace=pace,
            at_least=_at_least(session, batch, told, now),
            up=lately.up(session, batch.pk, MOST_UP),
            ended=lately.ended(session, batch.pk, among=told.seen.up + 10 * MOST_ENDED, most=MOST_ENDED),
            course=_course(session, batch.pk),
        )
    finally:
        session.close()


def _at_least(session: Session, batch: Batch, told: Told, now: datetime) -> timedelta | None:
    """Each call that waits takes one attempt or more, so that many at the pace of the last minutes. Nothing is said of
    a batch that does not dial freely, that began just now, or whose hours end before."""
    if batch.state != BatchState.RUNNING or told.code not in _GOING or not told.seen.waiting:
        return None
    left = lately.started_since(session, batch.pk, now - _STEADY_OVER)
    if not left or batch.started_at is None or batch.started_at > now - _STEADY_OVER:
        return None
    guess = _STEADY_OVER * (told.seen.waiting / left)
    turn = turns.one(session, batch.pk)
    if guess > _LONGEST_GUESS or turn is None or turn.hours.by_callee:
        return None
    closes = turn.hours.window("").closes_at(now)
    return None if closes is not None and now + guess > closes else guess


def _course(session: Session, batch_id: int) -> Course:
    stretch = lately.stretch(session, batch_id, MOST_ATTEMPTS)
    if stretch is None:
        return Course(_STEPS[0], [], whole=True)
    step = step_for(stretch.last - stretch.first)
    begin = stretch.first - (stretch.first - _EPOCH) % step
    count = (stretch.last - begin) // step + 1
    edges = [begin + place * step for place in range(count + 1)]
    tallied = lately.count_kinds(session, batch_id, [stretch.first, *edges[1:]])
    return Course(step, [Bucket(at, tally) for at, tally in zip(edges, tallied, strict=False)], stretch.whole)


def step_for(span: timedelta) -> timedelta:
    """The shortest step in which a span has not too many buckets, of those that people count in."""
    fits = (step for step in _STEPS if span < (MOST_BUCKETS - 1) * step)
    day = timedelta(days=1)
    return next(fits, day * (span // ((MOST_BUCKETS - 1) * day) + 1))
