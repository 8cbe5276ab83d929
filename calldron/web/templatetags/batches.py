"""How the cabinet writes what a batch is and what can be done to it."""

from django import template
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calldron.domain.batch import BatchState, Switch
from calldron.domain.batch import ways as ways_from
from calldron.domain.calendar import WEEKDAYS
from calldron.store.models import Batch
from calldron.store.turns import CALLEE

register = template.Library()

_KINDS = {
    "batch": gettext_lazy("a list in its hours"),
    "instant": gettext_lazy("at once"),
    "callback": gettext_lazy("callback"),
}
_SWITCHES = {
    Switch.START: gettext_lazy("Start"),
    Switch.PAUSE: gettext_lazy("Pause"),
    Switch.RESUME: gettext_lazy("Resume"),
    Switch.STOP: gettext_lazy("Stop"),
}


@register.filter
def kind(batch: Batch) -> str:
    """The type in words."""
    return str(_KINDS[batch.type])


@register.filter
def ways(batch: Batch) -> list[tuple[str, str]]:
    """What a person can do to it now: switches, and words for their buttons. Whoever has not started it need not stop
    it."""
    state = BatchState(batch.state)
    possible = [way for way in ways_from(state) if (state, way) != (BatchState.FRESH, Switch.STOP)]
    return [(way.value, str(_SWITCHES[way])) for way in possible]


@register.filter
def done(batch: Batch) -> int:
    """How many of its calls are over."""
    return batch.total - batch.unfinished


@register.filter
def hours(batch: Batch) -> str:
    """When it may call: 09:00–21:00 · Mon–Fri · not on holidays · Europe/Moscow."""
    zone = _("by the clock of each number") if batch.time_zone == CALLEE else batch.time_zone
    clock = _clock(batch.minute_from, batch.minute_to)
    days = [_range(days) for days in _runs([day for day in WEEKDAYS if batch.days.get(day) is not False])]
    week = [] if days == [_range(list(WEEKDAYS))] else [", ".join(days)]
    own = [f"{_day(day)} {span.replace('-', '–')}" for day in WEEKDAYS if isinstance(span := batch.days.get(day), str)]
    holidays = [_("not on holidays")] if batch.days.get("holidays") else []
    always = batch.minute_from is None and not batch.days
    return " · ".join([clock, *week, *own, *holidays, *([] if always else [zone])])


def _clock(start: int | None, end: int | None) -> str:
    if start is None and end is None:
        return _("at any hour")
    if start == end:
        return _("around the clock")
    return "–".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (start or 0, end or 0))


def _runs(days: list[str]) -> list[list[str]]:
    """Days that follow one another, together."""
    runs: list[list[str]] = []
    for day in days:
        if runs and WEEKDAYS.index(runs[-1][-1]) + 1 == WEEKDAYS.index(day):
            runs[-1].append(day)
        else:
            runs.append([day])
    return runs


def _range(days: list[str]) -> str:
    first, last = _day(days[0]), _day(days[-1])
    return first if len(days) == 1 else f"{first}–{last}" if len(days) > 2 else f"{first}, {last}"


def _day(day: str) -> str:
    return str(WEEKDAYS_ABBR[WEEKDAYS.index(day)])
