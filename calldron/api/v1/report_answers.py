"""What the API says in reports: ids and numbers as strings, times in UTC, and words in the language of the request."""

from datetime import UTC, datetime

from calldron.services import history
from calldron.services.statistics import Bucket, Statistics
from calldron.services.why import Why, WhyOfBatch
from calldron.store.models import Attempt, LegRow
from calldron.store.reports.tallies import AttemptTally


def of_why(why: Why) -> dict[str, object]:
    """What holds a call."""
    return {
        "code": str(why.code),
        "reason": why.reason,
        "eligible_at": _time(why.eligible_at),
        "rules": [str(rule) for rule in why.rules],
    }


def of_why_of_batch(why: WhyOfBatch) -> dict[str, object]:
    """What holds a batch, and its calls."""
    return {
        "code": str(why.code),
        "reason": why.reason,
        "eligible_at": _time(why.eligible_at),
        "calls": {str(rule): str(calls) for rule, calls in why.calls.items()},
    }


def of_attempt(attempt: Attempt) -> dict[str, object]:
    """An attempt with its legs, to the millisecond."""
    return {
        "number": str(attempt.number_of_try),
        "trunk": attempt.trunk.name if attempt.trunk else None,
        "started_at": _exact(attempt.started_at),
        "ended_at": _exact(attempt.ended_at),
        "outcome": attempt.outcome or None,
        "result": attempt.result,
        "fault": attempt.fault or None,
        "sip_code": _number(attempt.sip_code),
        "digits": attempt.digits,
        "duration": f"{attempt.talk or 0:.1f}",
        "counted": not attempt.given_back,
        "words": history.of_attempt(attempt),
        "legs": [_of_leg(leg) for leg in attempt.legs.all()],
    }


def _of_leg(leg: LegRow) -> dict[str, object]:
    return {
        "role": leg.role,
        "number": leg.number,
        "trunk": leg.trunk.name if leg.trunk else None,
        "intended_at": _exact(leg.intended_at),
        "ringing_at": _exact(leg.ringing_at),
        "answered_at": _exact(leg.answered_at),
        "ended_at": _exact(leg.ended_at),
        "ended_by": leg.ended_by or None,
        "outcome": leg.outcome or None,
        "fault": leg.fault or None,
        "sip_code": _number(leg.sip_code),
        "q850": _number(leg.q850),
        "words": history.of_leg(leg),
    }


def of_statistics(told: Statistics) -> dict[str, object]:
    """The figures of a batch."""
    return {
        "calls": str(told.calls.total),
        "calls_left": str(told.calls.left),
        "by_status": {str(status): str(calls) for status, calls in told.calls.statuses.items()},
        "by_result": {str(result): str(calls) for result, calls in told.calls.results.items()},
        **_of_tally(told.attempts),
        "answer_rate": _ratio(told.attempts.answered, told.attempts.ended),
        "confirm_rate": _ratio(told.attempts.confirmed, told.attempts.answered),
        "average_duration": f"{told.attempts.seconds / (told.attempts.answered or 1):.1f}",
        "step": str(told.step),
        "series": [_of_bucket(bucket) for bucket in told.series],
    }


def _of_bucket(bucket: Bucket) -> dict[str, object]:
    return {"at": _time(bucket.at), **_of_tally(bucket.tally)}


def _of_tally(tally: AttemptTally) -> dict[str, object]:
    return {
        "attempts": str(tally.attempts),
        "answered": str(tally.answered),
        "confirmed": str(tally.confirmed),
        "seconds": f"{tally.seconds:.1f}",
    }


def _ratio(part: int, whole: int) -> str | None:
    return f"{part / whole:.3f}" if whole else None


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _time(at: datetime | None) -> str | None:
    return None if at is None else _written(at, "seconds")


def _exact(at: datetime | None) -> str | None:
    return None if at is None else _written(at, "milliseconds")


def _written(at: datetime, precision: str) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", precision)
