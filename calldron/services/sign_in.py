"""Signing in by e-mail address and password.

Nothing tells an address that is known from one that is not: neither the words nor the time, for a password is hashed in
any case. Nor does somebody who is locked out learn that a password was right.
"""

import threading
from datetime import UTC, datetime

from django.contrib.auth import authenticate
from django.db import transaction

from calldron.domain.errors import CalldronError
from calldron.services import audit, guesses, one_time_codes
from calldron.services.audit import Action, Actor
from calldron.store.models import User

# Argon2 takes 100 MB for a tenth of a second: as many at once as there are threads would be an attack of its own.
_HASHING = threading.BoundedSemaphore(2)


class LockedOut(CalldronError):
    """Too many wrong guesses. ``until``: when to try again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"locked until {until}")
        self.until = until

    @property
    def seconds(self) -> int:
        """From now on, at least one."""
        return max(1, round((self.until - datetime.now(UTC)).total_seconds()))


def by_password(email: str, password: str, address: str) -> User | None:
    """Whose password this is. The guess stays counted until ``complete``. Raises ``LockedOut``."""
    email = normal(email)
    _count(email, address)
    with _HASHING:
        user = authenticate(None, username=email, password=password)
    return user if isinstance(user, User) else None


def by_code(user: User, code: str, address: str) -> bool:
    """Whether this is the code that their authenticator shows. Counted as above; raises ``LockedOut``."""
    _count(user.email, address)
    return one_time_codes.spend(user, code)


def complete(user: User, address: str) -> None:
    """Everything that was asked for was right: they are in."""
    guesses.tidy()
    with transaction.atomic():
        guesses.forgive(user.email, address)
        audit.note(Actor(user.account, user, address), Action.SIGNED_IN)


def normal(email: str) -> str:
    """An address as it is kept."""
    return email.strip().lower()[:254]


def _count(email: str, address: str) -> None:
    with transaction.atomic():
        guess = guesses.count(email, address)
        if guess.locked and (user := User.objects.filter(email=email).select_related("account").first()):
            audit.note(Actor(user.account, user, address), Action.SIGN_IN_LOCKED)
    if guess.refused_until is not None:
        raise LockedOut(guess.refused_until)
