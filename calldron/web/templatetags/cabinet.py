"""How the cabinet writes numbers, times and states."""

from datetime import datetime, timedelta

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calldron.domain.access import Access
from calldron.store.models import User

register = template.Library()

_STATES = {
    "fresh": gettext_lazy("not started"),
    "running": gettext_lazy("running"),
    "paused": gettext_lazy("paused"),
    "finished": gettext_lazy("finished"),
    "stopped": gettext_lazy("stopped"),
    "queued": gettext_lazy("waiting"),
    "dialing": gettext_lazy("dialling"),
    "answered": gettext_lazy("answered"),
    "busy": gettext_lazy("busy"),
    "no_answer": gettext_lazy("no answer"),
    "rejected": gettext_lazy("rejected"),
    "unavailable": gettext_lazy("unavailable"),
    "invalid_number": gettext_lazy("no such number"),
    "machine": gettext_lazy("answering machine"),
    "failed": gettext_lazy("failed"),
    "canceled": gettext_lazy("cancelled"),
    "expired": gettext_lazy("never dialled"),
    "unknown": gettext_lazy("unknown"),
    "confirmed": gettext_lazy("confirmed"),
    "declined": gettext_lazy("declined"),
    "connected": gettext_lazy("connected"),
    "callback_failed": gettext_lazy("operator not reached"),
    "secretary": gettext_lazy("secretary spoke"),
    "message": gettext_lazy("left a message"),
    "opted_out": gettext_lazy("asked not to be called"),
}


@register.filter
def word(code: str | None) -> str:
    """A state, status or result in words."""
    return str(_STATES.get(code or "", code or ""))


@register.filter
def badge(code: str | None) -> SafeString:
    """The same as a coloured label."""
    if not code:
        return SafeString("")
    return format_html('<span class="badge badge-{}">{}</span>', code, word(code))


@register.filter
def phone(number: str) -> str:
    """A number in groups, as people read it: Russian ones +7 999 123-45-67, others as they are."""
    digits = number.removeprefix("+")
    if len(digits) == 11 and digits.startswith("7"):
        return f"+7\u00a0{digits[1:4]}\u00a0{digits[4:7]}-{digits[7:9]}-{digits[9:]}"
    return number


@register.filter
def seconds(length: float | None) -> str:
    """A length as 1:05."""
    if length is None:
        return ""
    minutes, rest = divmod(round(length), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def span(length: float) -> str:
    """A length that is only known about: minutes, from an hour on with hours."""
    minutes = max(1, round(length / 60))
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": hours, "minutes": rest}


@register.filter
def milliseconds(length: timedelta | None) -> str:
    """A length to the millisecond, as people read it: 5.203 s, by the language's rules."""
    return "" if length is None else _("%(seconds)s s") % {"seconds": number_format(length.total_seconds(), 3)}


@register.filter
def share(part: float, whole: float) -> str:
    """Per cent, by the language's rules; nothing of nothing is a dash."""
    return _("%(share)s%%") % {"share": number_format(round(100 * part / whole, 1))} if whole else "–"


@register.filter
def attr(at: datetime | None) -> str:
    """A moment for a machine, as ``<time datetime>`` has it."""
    return at.isoformat() if at else ""


@register.filter
def may(user: User, needed: str) -> bool:
    """Whether this person's access covers ``needed``."""
    return Access(user.access).covers(Access(needed))


@register.filter
def grouped(count: int) -> str:
    """How many, in groups of three as the language writes them."""
    return number_format(count, force_grouping=True)
