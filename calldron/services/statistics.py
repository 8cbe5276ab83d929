"""What a batch has achieved: its calls by status and result, its attempts in all and over time."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db import connection
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import batches
from calldron.services.errors import FieldError, Refused
from calldron.store.models import Account
from calldron.store.reports import tallies
from calldron.store.reports.tallies import AttemptTally, CallTally
from calldron.store.session import Session

MOST_BUCKETS = 500

MOMENT = (
    "(19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    "([ T]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z?)?"
)


class Step(StrEnum):
    """How long a bucket of the series is. Buckets begin on full minutes, hours and days of UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def length(self) -> timedelta:
        """From one bucket to the next."""
        return _LENGTHS[self]

    def begin(self, moment: datetime) -> datetime:
        """When the bucket began in which a moment lies."""
        return moment - (moment - _EPOCH) % self.length


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = {Step.MINUTE: timedelta(minutes=1), Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Bucket:
    """The attempts that started within one step."""

    at: datetime
    tally: AttemptTally


@dataclass(frozen=True, slots=True)
class Statistics:
    """``calls`` are those of the whole batch as they are now; ``attempts`` and ``series`` those that started in the
    span that was asked for."""

    calls: CallTally
    attempts: AttemptTally
    step: Step
    series: list[Bucket]


@dataclass(frozen=True, slots=True)
class Span:
    """Which attempts are asked about: those that started from ``since`` until just before ``until``, in buckets of
    ``step``. ``None``: from the first, to the last, in the finest step of which there are not too many."""

    step: Step | None = None
    since: datetime | None = None
    until: datetime | None = None


def of_batch(account: Account, batch_id: int, span: Span) -> Statistics:
    """Count. Raises ``NotFound``, and ``Refused`` where the step would make too many buckets."""
    batches.get(account, batch_id)
    session = Session(connection)
    try:
        calls = tallies.count_calls(session, batch_id)
        step, edges = _edges(tallies.span_of_attempts(session, batch_id), span)
        counted = tallies.count_attempts(session, batch_id, edges)
    finally:
        session.close()
    series = [Bucket(step.begin(at), tally) for at, tally in zip(edges, counted, strict=False)]
    return Statistics(calls, sum(counted, AttemptTally()), step, series)


def _edges(attempts: tuple[datetime, datetime] | None, span: Span) -> tuple[Step, list[datetime]]:
    """Where one bucket ends and the next begins, from the first attempt to the last of those asked about."""
    if attempts is None:
        return span.step or Step.MINUTE, []
    since = max(attempts[0], span.since or attempts[0])
    last = attempts[1] if span.until is None else min(attempts[1], span.until - timedelta.resolution)
    step = span.step or _finest(since, last)
    if since > last:
        return step, []
    count = (step.begin(last) - step.begin(since)) // step.length + 1
    if count > MOST_BUCKETS and span.step is None:
        count = MOST_BUCKETS  # over more than a year: its end
        since = step.begin(last) - (count - 1) * step.length
    if count > MOST_BUCKETS:
        raise _too_many(step, count)
    inner = [step.begin(since) + place * step.length for place in range(1, count)]
    return step, [since, *inner, last + timedelta.resolution]


def _finest(since: datetime, last: datetime) -> Step:
    return next((step for step in Step if last - since < (MOST_BUCKETS - 1) * step.length), Step.DAY)


def _too_many(step: Step, count: int) -> Refused:
    message = _(
        "Steps of a %(step)s make %(count)d here, and %(most)d are the most: take a longer step, or a shorter time by "
        "from and to."
    ) % {"step": step.value, "count": count, "most": MOST_BUCKETS}
    return Refused(f"step: {message}", [FieldError("step", message)])


def read(given: Mapping[str, str], errors: list[FieldError]) -> Span:
    """Read what is asked about as a query says it: ``step``, ``from``, ``to``. What cannot be used is added to
    ``errors``."""
    step = None
    if "step" in given:
        try:
            step = Step(given["step"])
        except ValueError:
            words = ", ".join(Step)
            errors.append(FieldError("step", _("This must be one of: %(words)s.") % {"words": words}))
    since, until = (_moment(name, given.get(name), errors) for name in ("from", "to"))
    if since and until and until <= since:
        errors.append(FieldError("to", _("This must be later than from.")))
    return Span(step, since, until)


def _moment(name: str, written: str | None, errors: list[FieldError]) -> datetime | None:
    if written is None:
        return None
    try:
        return moment(written)
    except InvalidInput as error:
        errors.append(FieldError(name, str(error)))
        return None


def moment(written: str) -> datetime:
    """A moment in UTC as the API writes it: "2016-11-22 15:36:39", or the day alone. Raises ``InvalidInput``."""
    with suppress(ValueError):  # a day that no month has
        if _MOMENT.fullmatch(written):
            return datetime.fromisoformat(written.removesuffix("Z")).replace(tzinfo=UTC)
    raise InvalidInput(_('This must be a moment in UTC like "2016-11-22 15:36:39", or a day.'))


_MOMENT = re.compile(MOMENT)
