"""The sessions of people, shown to them and ended by them: a row beside each of Django's, which know no person."""

from datetime import UTC, datetime, timedelta

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from calldron.services import audit
from calldron.services.audit import Action, Actor
from calldron.store.models import SignedIn, User

_SEEN_EVERY = timedelta(minutes=1)
_AGENT = SignedIn._meta.get_field("agent").max_length or 0


def begin(user: User, key: str, address: str, agent: str) -> None:
    """A session that has just been made for this person."""
    _tidy(user)
    now = datetime.now(UTC)
    SignedIn.objects.update_or_create(
        session_key=key,
        defaults={"user": user, "address": address, "agent": agent[:_AGENT], "created_at": now, "seen_at": now},
    )


def seen(user: User, key: str, address: str, agent: str) -> None:
    """Keep up when and where a session was last used, to the minute: most requests write nothing."""
    now = datetime.now(UTC)
    row = SignedIn.objects.filter(session_key=key).first()
    if row is None:
        begin(user, key, address, agent)
    elif row.address != address or now - row.seen_at >= _SEEN_EVERY:
        SignedIn.objects.filter(pk=row.pk).update(seen_at=now, address=address, agent=agent[:_AGENT])


def of(user: User) -> list[SignedIn]:
    """Those that are open, the last used first."""
    return list(_open(user).order_by("-seen_at", "-pk"))


def end(actor: Actor, row: int) -> bool:
    """End one of one's own: its next request is a stranger's. Whether there was one."""
    return _end_and_note(actor, SignedIn.objects.filter(user=actor.user, pk=row))


def end_all_but(actor: Actor, key: str | None) -> bool:
    """End all of one's own but the one at hand."""
    return _end_and_note(actor, SignedIn.objects.filter(user=actor.user).exclude(session_key=key or ""))


def end_this(key: str | None) -> None:
    """Forget one that its owner leaves."""
    _end(SignedIn.objects.filter(session_key=key or ""))


def end_every(user: User) -> None:
    """Put a person out wherever they are in."""
    _end(SignedIn.objects.filter(user=user))


def _end_and_note(actor: Actor, rows: "QuerySet[SignedIn]") -> bool:
    with transaction.atomic():
        ended = _end(rows)
        if ended:
            audit.note(actor, Action.SESSION_ENDED, actor.name, {"sessions": ended})
        return ended > 0


def _end(rows: "QuerySet[SignedIn]") -> int:
    with transaction.atomic():
        keys = list(rows.values_list("session_key", flat=True))
        Session.objects.filter(session_key__in=keys).delete()
        return SignedIn.objects.filter(session_key__in=keys).delete()[0]


def _open(user: User) -> "QuerySet[SignedIn]":
    live = Session.objects.filter(expire_date__gt=datetime.now(UTC))
    return SignedIn.objects.filter(user=user, session_key__in=live.values("session_key"))


def _tidy(user: User) -> None:
    """Remove what is over, so that nobody has to do it by a timetable."""
    Session.objects.filter(expire_date__lte=datetime.now(UTC)).delete()
    SignedIn.objects.filter(user=user).exclude(session_key__in=Session.objects.values("session_key")).delete()
