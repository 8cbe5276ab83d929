"""A batch as it runs."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _

from calldron.domain.access import Access
from calldron.domain.batch import BatchState
from calldron.domain.rule import Rule
from calldron.services import batches, live
from calldron.services.live import Picture
from calldron.store.models import Batch, User
from calldron.store.reports.lately import Kind
from calldron.web import fragments
from calldron.web.access import allowed, member, unattended
from calldron.web.fragments import Fragment, Memo

# Seconds until a page asks again.
_WHILE_CALLS_ARE_UP = 2.0
_WHILE_IT_RUNS = 5.0
_WHILE_IT_RESTS = 15.0

KINDS = {
    Kind.CONFIRMED: _("Confirmed"),
    Kind.ANSWERED: _("Answered"),
    Kind.NO_ANSWER: _("No answer"),
    Kind.UNREACHABLE: _("Unreachable"),
    Kind.FAILED: _("Failed"),
}

_AS_FAST_AS_IT_MAY = _("Dialling as fast as it may")
_WAITS = _("Waiting")
_STANDS = _("Not dialling")

# What it does in a word or two, where the reason does not say it itself; and how much is to be minded.
HEADLINES: dict[Rule, tuple[Promise | str, str]] = {
    Rule.IN_PROGRESS: ("", "success"),
    Rule.FINAL: ("", "info"),
    Rule.BATCH_FRESH: ("", "info"),
    Rule.BATCH_PAUSED: ("", "warning"),
    Rule.BATCH_STOPPED: ("", "info"),
    Rule.ATTEMPTS: (_STANDS, "warning"),
    Rule.STOP_LIST: (_STANDS, "warning"),
    Rule.NO_DIALER: (_STANDS, "error"),
    Rule.RETRY_DELAY: (_WAITS, "info"),
    Rule.WINDOW: (_WAITS, "warning"),
    Rule.QUOTA: (_WAITS, "warning"),
    Rule.NO_TRUNK: (_STANDS, "error"),
    Rule.TRUNK_SLOWED: (_("Slowed by the trunk"), "warning"),
    Rule.TRUNK_RATE: (_AS_FAST_AS_IT_MAY, "success"),
    Rule.TRUNK_CHANNELS: (_AS_FAST_AS_IT_MAY, "success"),
    Rule.BATCH_RATE: (_AS_FAST_AS_IT_MAY, "success"),
    Rule.BATCH_CHANNELS: (_AS_FAST_AS_IT_MAY, "success"),
    Rule.ACCOUNT_RATE: (_AS_FAST_AS_IT_MAY, "success"),
    Rule.ACCOUNT_CHANNELS: (_AS_FAST_AS_IT_MAY, "success"),
    Rule.TURN: (_("Waiting for its turn"), "info"),
}

# What mends it where the batch's own fields do, or the trunks.
_BY_ITS_FIELDS = {
    Rule.WINDOW: _("Change the hours"),
    Rule.RETRY_DELAY: _("Change the delay"),
    Rule.ATTEMPTS: _("Change the attempts"),
    Rule.BATCH_RATE: _("Change the rate"),
    Rule.BATCH_CHANNELS: _("Change the channels"),
}
_BY_TRUNKS = frozenset({Rule.NO_TRUNK, Rule.TRUNK_SLOWED, Rule.TRUNK_RATE, Rule.TRUNK_CHANNELS})

# Of a batch's row, what the dialer moves while it works.
_MOVING = frozenset({"unfinished", "wait_until", "served", "tat", "dialed"})

_memo = Memo()


@dataclass(frozen=True, slots=True)
class Mend:
    """What a person may do about it: a link to the page ``page``, or a button that sends the form ``form``."""

    words: Promise
    page: str = ""
    form: str = ""


@allowed(Access.VIEWER)
def shown(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The page."""
    batch = batches.get(member(request).account, batch_id)
    fragment = _fragment(batch, member(request))
    html = mark_safe(fragment.html)  # noqa: S308 - rendered from our own template
    return render(request, "web/batch.html", {"batch": batch, "fragment": fragment, "live": html})


@unattended
@allowed(Access.VIEWER)
def changed(request: HttpRequest, batch_id: int) -> HttpResponse:
    """What of the page changes by itself."""
    batch = batches.get(member(request).account, batch_id)
    return fragments.answer(request, _fragment(batch, member(request)))


def _fragment(batch: Batch, user: User) -> Fragment:
    """One for all who look at it in the same language and may do the same. Whatever a person changes of the batch shows
    at once; what the dialer does, within the second or two that one is kept."""
    row = tuple(str(value) for name, value in sorted(vars(batch).items()) if name not in _MOVING and name[0] != "_")
    zone = timezone.get_current_timezone_name()
    key = (row, translation.get_language(), zone, user.access, user.is_superuser)
    return _memo.get(key, lambda: _made(batch, user))


def _made(batch: Batch, user: User) -> Fragment:
    now = datetime.now(UTC)
    picture = live.of_batch(batch, now)
    headline, tone = HEADLINES[picture.told.code]
    goes_on = picture.told.eligible_at
    context = {
        "batch": batch,
        "picture": picture,
        "user": user,
        "headline": headline,
        "tone": tone,
        "goes_on": goes_on if goes_on and goes_on > now + fragments.SOON else None,
        "mend": mend_of(picture.told.code, picture.told.seen.total, user),
        "kinds": KINDS,
        "course": _course(picture),
    }
    return Fragment(render_to_string("web/batch_live.html", context), _again(picture))


def _again(picture: Picture) -> float:
    if picture.told.seen.up or picture.pace:
        return _WHILE_CALLS_ARE_UP
    return _WHILE_IT_RUNS if picture.batch.state == BatchState.RUNNING else _WHILE_IT_RESTS


def mend_of(rule: Rule, calls: int, user: User) -> Mend | None:
    """What this person can do about a batch that this rule holds."""
    may = Access(user.access).covers(Access.OPERATOR)
    if rule in _BY_TRUNKS:
        return Mend(_("To the trunks"), page="trunks") if user.is_superuser else None
    if not may:
        return None
    if not calls:
        return Mend(_("Add calls"), page="batch-import")
    if rule is Rule.BATCH_FRESH:
        return Mend(_("Start"), form="start")
    if rule is Rule.BATCH_PAUSED:
        return Mend(_("Resume"), form="resume")
    return Mend(_BY_ITS_FIELDS[rule], page="batch-edit") if rule in _BY_ITS_FIELDS else None


def _course(picture: Picture) -> dict[str, object]:
    """The chart's data."""
    buckets = picture.course.buckets
    return {
        "step": picture.course.step.total_seconds(),
        "at": [bucket.at.timestamp() for bucket in buckets],
        "series": [
            {"kind": kind, "label": str(KINDS[kind]), "values": [bucket.tally.kinds[kind] for bucket in buckets]}
            for kind in Kind
        ],
    }


urlpatterns = [
    path("batches/<int:batch_id>/", shown, name="batch"),
    path("batches/<int:batch_id>/live", changed, name="batch-live"),
]
