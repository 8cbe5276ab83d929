"""Signing in by e-mail address and password.

Nothing tells an address that is known from one that is not: neither the words nor the time, for a password is hashed in
any case. Nor does somebody who is locked out learn that a password was right.
"""

import threading

from django.contrib.auth import authenticate
from django.db import transaction

from calldron.services import accounts, audit, guesses, one_time_codes
from calldron.services.audit import Action, Actor
from calldron.store.models import User

# Argon2 takes 100 MB for a tenth of a second: as many at once as there are threads would be an attack of its own.
_HASHING = threading.BoundedSemaphore(2)


def by_password(email: str, password: str, address: str) -> User | None:
    """Whose password this is. The guess stays counted until ``complete``. Raises ``LockedOut``."""
    email = accounts.as_kept(email)
    _count(email, address)
    with _HASHING:
        user = authenticate(None, username=email, password=password)
    return user if isinstance(user, User) else None


def by_code(user: User, code: str, address: str) -> bool:
    """Whether this is the code that their authenticator shows. Counted as above; raises ``LockedOut``."""
    _count(user.email, address)
    return one_time_codes.spend(user, code)


def is_still(user: User, password: str, address: str) -> bool:
    """Whether somebody at a page that was left open is its owner. Counted as above; raises ``LockedOut``."""
    if by_password(user.email, password, address) != user:
        return False
    with transaction.atomic():
        guesses.forgive(user.email, address)
    return True


def complete(user: User, address: str) -> None:
    """Everything that was asked for was right: they are in."""
    guesses.tidy()
    with transaction.atomic():
        guesses.forgive(user.email, address)
        audit.note(Actor(user.account, user, address), Action.SIGNED_IN)


def _count(email: str, address: str) -> None:
    with transaction.atomic():
        user = User.objects.filter(email=email).select_related("account").first()
        if guesses.count(email, address) and user is not None:
            audit.note(Actor(user.account, user, address), Action.SIGN_IN_LOCKED)
