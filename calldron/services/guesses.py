"""Guesses at passwords and codes, counted before anybody looks whether they are right: a hundred at once are a hundred.

They are counted by whose password it would be, whether or not there is such a person, and by the address they come
from: behind one address there may be a whole office, so it has more of them free.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction

from calldron.domain.lockout import FORGOTTEN_AFTER, Lockout
from calldron.store.models import Guesses

_OF_A_PERSON = Lockout(free=5)
_OF_AN_ADDRESS = Lockout(free=20)


@dataclass(frozen=True, slots=True)
class Guess:
    """What one guess came to: ``refused_until`` where it is not to be looked at; ``locked``: the last for now."""

    refused_until: datetime | None = None
    locked: bool = False


def count(email: str, address: str) -> Guess:
    """Count a guess; those that are refused are not. Take it back by ``forgive`` if it was right."""
    now = datetime.now(UTC)
    with transaction.atomic():
        rows = [_row(subject, now) for subject in _subjects(email, address)]
        refused = [row.locked_until for row in rows if row.locked_until and row.locked_until > now]
        if refused:
            return Guess(refused_until=max(refused))
        for row, rule in zip(rows, (_OF_A_PERSON, _OF_AN_ADDRESS), strict=True):
            row.count = row.count + 1 if now - row.last_at < FORGOTTEN_AFTER else 1
            wait = rule.wait(row.count)
            row.last_at, row.locked_until = now, now + wait if wait else None
            row.save()
        return Guess(locked=rows[0].locked_until is not None)


def forgive(email: str, address: str) -> None:
    """It was right; call it in a transaction. The person's are forgotten, but of the address' only this one: who has a
    password of their own could guess others' between two uses of it."""
    person, place = _subjects(email, address)
    Guesses.objects.filter(subject=person).delete()
    row = Guesses.objects.select_for_update().filter(subject=place, count__gt=0).first()
    if row is not None:
        row.count -= 1
        if not _OF_AN_ADDRESS.wait(row.count):
            row.locked_until = None
        row.save()


def forget(email: str) -> None:
    """Let a person try again at once who showed by other means that it is them."""
    Guesses.objects.filter(subject=_person(email)).delete()


def tidy() -> None:
    """Remove what no longer counts."""
    Guesses.objects.filter(last_at__lt=datetime.now(UTC) - FORGOTTEN_AFTER).delete()


def _row(subject: str, now: datetime) -> Guesses:
    Guesses.objects.get_or_create(subject=subject, defaults={"last_at": now})
    return Guesses.objects.select_for_update().get(subject=subject)


def _subjects(email: str, address: str) -> tuple[str, str]:
    """In an order that is the same for all, so that nobody waits for a lock in a ring."""
    return _person(email), f"address:{_network(address)}"


def _person(email: str) -> str:
    return f"user:{email[:254]}"


def _network(address: str) -> str:
    """Whoever has an IPv6 address has the 2^64 beside it too."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
