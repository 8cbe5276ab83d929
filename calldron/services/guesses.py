"""Guesses at passwords and codes, counted before anybody looks whether they are right: a hundred at once are a hundred.

They are counted by whose password it would be, whether or not there is such a person, and by the address they come
from: behind one address there may be a whole office, so it has more of them free. Letters with links are counted in the
same way, so that nobody's mailbox is filled.
"""

import ipaddress
from datetime import UTC, datetime

from django.db import transaction

from calldron.domain.errors import CalldronError
from calldron.domain.lockout import FORGOTTEN_AFTER, Lockout
from calldron.store.models import Guesses

_OF_A_PERSON = Lockout(free=5)
_OF_AN_ADDRESS = Lockout(free=20)
_LETTERS_TO_A_PERSON = Lockout(free=3)
_LETTERS_FROM_AN_ADDRESS = Lockout(free=10)


class LockedOut(CalldronError):
    """Too many guesses. ``until``: when to try again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"locked until {until}")
        self.until = until

    @property
    def seconds(self) -> int:
        """From now on, at least one."""
        return max(1, round((self.until - datetime.now(UTC)).total_seconds()))


def count(email: str, address: str) -> bool:
    """Count a guess; whether it is the person's last for now. Take it back by ``forgive`` if it was right. Raises
    ``LockedOut`` where it is not to be looked at."""
    return _count((_person(email), _OF_A_PERSON), (_place(address), _OF_AN_ADDRESS))


def count_letter(email: str, address: str) -> None:
    """Count a letter that somebody asks for. Raises ``LockedOut``."""
    _count((f"letter {_person(email)}", _LETTERS_TO_A_PERSON), (f"letter {_place(address)}", _LETTERS_FROM_AN_ADDRESS))


def forgive(email: str, address: str) -> None:
    """It was right; call it in a transaction. The person's are forgotten, but of the address' only this one: who has a
    password of their own could guess others' between two uses of it."""
    forget(email)
    row = Guesses.objects.select_for_update().filter(subject=_place(address), count__gt=0).first()
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


def _count(person: tuple[str, Lockout], place: tuple[str, Lockout]) -> bool:
    """The person's row first, for everybody, so that nobody waits for a lock in a ring."""
    now = datetime.now(UTC)
    with transaction.atomic():
        rows = [(_row(subject, now), rule) for subject, rule in (person, place)]
        locks = [row.locked_until for row, _ in rows if row.locked_until and row.locked_until > now]
        if locks:
            raise LockedOut(max(locks))
        for row, rule in rows:
            row.count = row.count + 1 if now - row.last_at < FORGOTTEN_AFTER else 1
            wait = rule.wait(row.count)
            row.last_at, row.locked_until = now, now + wait if wait else None
            row.save()
        return rows[0][0].locked_until is not None


def _row(subject: str, now: datetime) -> Guesses:
    Guesses.objects.get_or_create(subject=subject, defaults={"last_at": now})
    return Guesses.objects.select_for_update().get(subject=subject)


def _person(email: str) -> str:
    return f"user:{email}"


def _place(address: str) -> str:
    """Whoever has an IPv6 address has the 2^64 beside it too."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return f"address:{address[:64]}"
    if isinstance(ip, ipaddress.IPv6Address):
        return f"address:{ipaddress.ip_network((ip, 64), strict=False)}"
    return f"address:{ip}"
