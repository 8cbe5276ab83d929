"""The form of a batch: what its fields show, and what was typed into them as the API's fields
(``calldron.services.batch_fields``), so that the rules are the same."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.http import QueryDict
from django.utils.dates import WEEKDAYS as WEEKDAY_NAMES
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from calldron.domain.calendar import WEEKDAYS
from calldron.domain.outcome import Outcome
from calldron.services.batch_fields import DEFAULT_WINDOW
from calldron.services.errors import FieldError
from calldron.store.models import Account, Batch
from calldron.store.turns import CALLEE

# Fields that are one text each, by the API's names.
_TEXTS = (
    "name",
    "description",
    "type",
    "confirmation",
    "confirm_digits",
    "opt_out_digit",
    "time_zone_fallback",
    "time_from",
    "time_to",
    "attempts",
    "ring_timeout",
    "cps",
    "channels",
    "timeout_before_intro_callback",
    "callback",
    "from",
)
_FLAGS = ("record", "autostart")
UNITS: dict[str, tuple[int, Promise]] = {
    "hours": (3_600, _("hours")),
    "minutes": (60, _("minutes")),
    "seconds": (1, _("seconds")),
}
RETRIED: dict[Outcome, Promise] = {
    Outcome.BUSY: _("busy"),
    Outcome.NO_ANSWER: _("no answer"),
    Outcome.UNAVAILABLE: _("unavailable"),
    Outcome.FAILED: _("failed"),
    Outcome.MACHINE: _("answering machine"),
}

_SEPARATORS = re.compile(r"[\s,;]+")
_PLACE_IN_LIST = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class Sheet:
    """``typed``: what each field of the page shows, by its name there; ``errors``: what is wrong with it."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def refuse(self, errors: Iterable[FieldError]) -> None:
        """Put errors of the API's fields beside the page's."""
        for error in errors:
            name = _PLACE_IN_LIST.sub("", error.field).replace(".", "_")
            self.errors[name] = f"{self.errors[name]} {error.message}" if name in self.errors else error.message

    @property
    def days(self) -> list[dict[str, object]]:
        """A row for each day of the week."""
        return [
            {
                "key": f"day_{day}",
                "name": WEEKDAY_NAMES[place],
                "on": bool(self.typed.get(f"day_{day}")),
                "from": self.typed.get(f"day_{day}_from", ""),
                "to": self.typed.get(f"day_{day}_to", ""),
                "error": self.errors.get(f"days_{day}", ""),
            }
            for place, day in enumerate(WEEKDAYS)
        ]

    @property
    def retries(self) -> list[dict[str, object]]:
        """A row for each outcome after which a number may be called again."""
        parts = ("", "_attempts", "_delay")
        return [
            {
                "key": f"retry_{outcome}",
                "name": name,
                "choice": self.typed.get(f"retry_{outcome}", ""),
                "attempts": self.typed.get(f"retry_{outcome}_attempts", ""),
                "delay": self.typed.get(f"retry_{outcome}_delay", ""),
                "delay_name": f"retry_{outcome}_delay",
                "unit": self.typed.get(f"retry_{outcome}_delay_unit", ""),
                "error": " ".join(filter(None, (self.errors.get(f"retry_{outcome}{part}") for part in parts))),
            }
            for outcome, name in RETRIED.items()
        ]

    @property
    def has_day_errors(self) -> bool:
        """Whether the hours of a day are wrong."""
        return any(row["error"] for row in self.days)

    @property
    def has_retry_errors(self) -> bool:
        """Whether a row of ``retries`` is wrong."""
        return any(row["error"] for row in self.retries)


def blank(account: Account) -> Sheet:
    """Of a new batch. It waits for its start: a person who imports a list does not expect the calls to go out."""
    start, end = DEFAULT_WINDOW
    return of_batch(Batch(time_zone=account.time_zone, minute_from=start, minute_to=end, autostart=False))


def of_batch(batch: Batch) -> Sheet:
    """What the form shows of a batch."""
    callee = batch.time_zone == CALLEE
    typed = {
        "name": batch.name,
        "description": batch.description,
        "type": str(batch.type),
        "confirmation": str(batch.confirmation),
        "confirm_digits": batch.confirm_digits,
        "opt_out_digit": batch.opt_out_digit,
        "clock": CALLEE if callee else "one",
        "time_zone": "" if callee else batch.time_zone,
        "time_zone_fallback": batch.time_zone_fallback,
        "time_from": _clock(batch.minute_from),
        "time_to": _clock(batch.minute_to),
        "attempts": str(batch.attempts),
        "ring_timeout": str(batch.ring_timeout),
        "cps": f"{batch.cps:g}" if batch.cps else "",
        "channels": str(batch.channels or ""),
        "timeout_before_intro_callback": str(batch.timeout_before_intro_callback),
        "callback": batch.callback,
        "from": batch.caller_id,
        "sound": str(batch.intro_id or ""),
        "record": "1" if batch.record else "",
        "autostart": "1" if batch.autostart else "",
        "days_holidays": ", ".join(batch.days.get("holidays", ())),
    }
    return Sheet(typed | _delay("call_delay", batch.call_delay) | _of_days(batch.days) | _of_retry(batch.retry))


def _clock(minute: int | None) -> str:
    return "" if minute is None else f"{minute // 60:02}:{minute % 60:02}"


def _delay(name: str, seconds: int | None) -> dict[str, str]:
    """A length in the largest unit that measures it out."""
    if seconds is None:
        return {name: "", f"{name}_unit": "minutes"}
    unit = next((unit for unit, (length, _word) in UNITS.items() if seconds and seconds % length == 0), "seconds")
    return {name: str(seconds // UNITS[unit][0]), f"{name}_unit": unit}


def _of_days(days: Mapping[str, object]) -> dict[str, str]:
    typed = {}
    for day in WEEKDAYS:
        hours = days.get(day, True)
        typed[f"day_{day}"] = "" if hours is False else "1"
        typed[f"day_{day}_from"], _dash, typed[f"day_{day}_to"] = (
            hours.partition("-") if isinstance(hours, str) else ("", "", "")
        )
    return typed


def _of_retry(retry: Mapping[str, object]) -> dict[str, str]:
    typed = {}
    for outcome in RETRIED:
        kept = retry.get(outcome)
        limits = kept if isinstance(kept, dict) else {}
        typed[f"retry_{outcome}"] = "" if kept is None else "never" if kept is False else "again"
        typed[f"retry_{outcome}_attempts"] = str(limits.get("attempts", ""))
        typed |= _delay(f"retry_{outcome}_delay", limits.get("delay"))
    return typed


def posted(form: QueryDict) -> Sheet:
    """What was typed."""
    return Sheet({name: str(form.get(name, "")) for name in form})


def given(sheet: Sheet) -> dict[str, object]:
    """The API's fields as they were typed, all but the intro."""
    typed = sheet.typed
    fields: dict[str, object] = {name: typed[name].strip() for name in _TEXTS if name in typed}
    fields |= {name: bool(typed.get(name)) for name in _FLAGS}
    fields["time_zone"] = CALLEE if typed.get("clock") == CALLEE else typed.get("time_zone", "").strip()
    fields["call_delay"] = _seconds(typed, "call_delay")
    holidays = [entry for entry in _SEPARATORS.split(typed.get("days_holidays", "")) if entry]
    fields["days"] = {**{day: _hours(typed, day) for day in WEEKDAYS}, "holidays": holidays}
    fields["retry"] = {str(outcome): _again(typed, f"retry_{outcome}") for outcome in RETRIED}
    return fields


def _hours(typed: Mapping[str, str], day: str) -> bool | str:
    if not typed.get(f"day_{day}"):
        return False
    start, end = typed.get(f"day_{day}_from", ""), typed.get(f"day_{day}_to", "")
    return f"{start}-{end}" if start or end else True


def _again(typed: Mapping[str, str], name: str) -> bool | dict[str, object] | None:
    """The usual, never, or within limits."""
    match typed.get(name):
        case "never":
            return False
        case "again":
            return {"attempts": typed.get(f"{name}_attempts", ""), "delay": _seconds(typed, f"{name}_delay")}
        case _:
            return None


def _seconds(typed: Mapping[str, str], name: str) -> object:
    """A length in seconds; what is none, as it was typed: the reader says what is wrong with it."""
    number = typed.get(name, "").strip()
    length, _word = UNITS.get(typed.get(f"{name}_unit", ""), UNITS["seconds"])
    return int(number) * length if re.fullmatch(r"[0-9]{1,6}", number, re.ASCII) else number
