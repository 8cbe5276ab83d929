"""What the API says about batches and calls: ids and numbers as strings, times in UTC, lower-case names."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from django.http import HttpResponse

from calldron.api.v1.links import call_path, record_link
from calldron.config import config
from calldron.services import retries
from calldron.store.models import Account, Attempt, Batch, Call, StopNumber


def encode(value: object) -> bytes:
    """JSON in UTF-8. A half of a surrogate pair, which can come back in an error, is spelled as it was sent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An answer in JSON, which no cache keeps."""
    response = HttpResponse(encode(value), content_type="application/json", status=status, headers=headers)
    response["Cache-Control"] = "no-store"
    return response


def absolute(path: str) -> str:
    """The address of a path as clients reach it."""
    return config().public_url.rstrip("/") + path


def of_batch(batch: Batch) -> dict[str, object]:
    """A batch: the reference's fields first, then what Calldron adds."""
    return {
        "id": str(batch.pk),
        "name": batch.name,
        "description": batch.description,
        "attempts": str(batch.attempts),
        "call_delay": str(batch.call_delay),
        "callback": batch.callback,
        "from": batch.caller_id,
        "confirmation": str(batch.confirmation),
        "status": str(batch.state),
        "type": str(batch.type),
        "time_zone": batch.time_zone,
        "time_from": _time_of_day(batch.minute_from),
        "time_to": _time_of_day(batch.minute_to),
        "time_zone_fallback": batch.time_zone_fallback,
        "days": batch.days,
        "retry": retries.shown(batch.retry),
        "cps": rate(batch.cps),
        "channels": str(batch.channels),
        "ring_timeout": str(batch.ring_timeout),
        "timeout_before_intro_callback": str(batch.timeout_before_intro_callback),
        "confirm_digits": batch.confirm_digits,
        "opt_out_digit": batch.opt_out_digit,
        "intro_filename": batch.intro_filename,
        "record": batch.record,
        "autostart": batch.autostart,
        "calls": str(batch.total),
        "calls_left": str(batch.unfinished),
        "created_at": _time(batch.created_at),
        "started_at": _time(batch.started_at),
        "finished_at": _time(batch.finished_at),
    }


def of_call(call: Call) -> dict[str, object]:
    """A call: the reference's fields first, then what Calldron adds."""
    record = call_path(call) + "/record.mp3" if call.recording else None
    return {
        "id": str(call.pk),
        "phone_number": call.number,
        "duration": f"{call.talk or 0:.1f}",
        "status": str(call.status),
        "result": str(call.result) if call.result else None,
        "final": call.final,
        "dialed_at": _time(call.dialed_at),
        "ended_at": _time(call.ended_at),
        "record_url": absolute(record) if record else None,
        "record_link": absolute(record_link(call)) if record else None,
        "digits": call.digits,
        "suspect": call.suspect,
        "created_at": _time(call.created_at),
    }


def of_try(attempt: Attempt) -> dict[str, object]:
    """One attempt at a call; ``fault`` says whose doing a failure was."""
    return {
        "number": str(attempt.number_of_try),
        "started_at": _time(attempt.started_at),
        "ended_at": _time(attempt.ended_at),
        "outcome": attempt.outcome or None,
        "result": attempt.result,
        "fault": attempt.fault or None,
        "sip_code": None if attempt.sip_code is None else str(attempt.sip_code),
        "duration": f"{attempt.talk or 0:.1f}",
    }


def of_account(account: Account) -> dict[str, object]:
    """An account; ``cps`` and ``channels`` are the operator's to set."""
    return {
        "id": str(account.pk),
        "name": account.name,
        "from": account.caller_id,
        "time_zone": account.time_zone,
        "strict_numbers": account.strict_numbers,
        "quota_day": str(account.quota_day),
        "quota_week": str(account.quota_week),
        "quota_month": str(account.quota_month),
        "cps": rate(account.cps),
        "channels": str(account.channels),
        "created_at": _time(account.created_at),
    }


def of_stop(entry: StopNumber) -> dict[str, object]:
    """A number of the stop list; ``source`` says who put it there."""
    return {
        "number": entry.number,
        "comment": entry.comment,
        "source": entry.source,
        "created_at": _time(entry.created_at),
    }


def rate(a_second: float) -> str:
    """Things a second: "0.5", "20"; "0" stands for no limit."""
    return f"{a_second:.3f}".rstrip("0").rstrip(".")


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _time_of_day(minute: int | None) -> str | None:
    return None if minute is None else f"{minute // 60:02}:{minute % 60:02}"
