"""Accounts, the people in them, and their API keys.

A key is 32 random URL-safe characters (192 bits), so its SHA-256 needs no salt and no stretching: there is nothing to
guess. The digest is all that is kept.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import audit, limits, waiting
from calldron.services.audit import Action, Actor
from calldron.services.errors import NotFound
from calldron.store.changes import announce
from calldron.store.models import Account, ApiKey, User

_LONGEST_EMAIL = User._meta.get_field("email").max_length or 0

# Columns by which calls of its batches wait.
_HOLDING = frozenset({"quota_day", "quota_week", "quota_month", "time_zone", "cps", "channels"})


def create_user(email: str, password: str | None = None, *, language: str = "ru") -> tuple[User, str]:
    """A new user in a new account, and the account's API key, which is not shown again.

    Without a password the key is the only way in. Raises ``InvalidInput`` for a bad or known e-mail address and for a
    weak password.
    """
    email = email_address(email)
    if password is not None:
        check_password(password, User(email=email))
    try:
        with transaction.atomic():
            account = Account.objects.create(name=email)
            user = User.objects.create_user(email, password, account, language=language)
            return user, issue_key(account)
    except IntegrityError as error:
        raise InvalidInput(_("There is a user %(email)s already.") % {"email": email}, "email") from error


def as_kept(given: str) -> str:
    """Whatever was typed as an e-mail address, as one would be kept: PostgreSQL keeps no NUL."""
    return given.replace("\0", "").strip().lower()[:_LONGEST_EMAIL]


def email_address(given: str) -> str:
    """An e-mail address as it is kept. Raises ``InvalidInput``."""
    email = as_kept(given)
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput(_("%(email)s is not an e-mail address.") % {"email": email or '""'}, "email") from error
    return email


def check_password(password: str, user: User) -> None:
    """Whether the password is fit for this person. Raises ``InvalidInput``."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), "password") from error


def make_administrator(email: str) -> None:
    """Let this user keep the installation: its trunks. Raises ``NotFound``."""
    if not User.objects.filter(email=email.strip().lower()).update(is_superuser=True):
        raise NotFound(_("There is no user %(email)s.") % {"email": email})


def reset_key(email: str) -> str:
    """A new API key for this user's account; the old one stops working at once. Raises ``NotFound``."""
    return issue_key(of_user(email))


def issue_key(account: Account) -> str:
    """Make the account's key anew and return it."""
    key = secrets.token_urlsafe(24)
    ApiKey.objects.update_or_create(account=account, defaults={"digest": _digest(key), "created_at": datetime.now(UTC)})
    return key


def renew_key(actor: Actor) -> str:
    """The same by a person in the cabinet, of their own account."""
    with transaction.atomic():
        key = issue_key(actor.account)
        audit.note(actor, Action.KEY_RESET)
        return key


def account_of(key: str) -> Account | None:
    """The account this key opens. Looking up a digest tells an attacker nothing about the keys near it."""
    if not 1 <= len(key) <= 128:
        return None
    return Account.objects.filter(api_key__digest=_digest(key)).first()


def update(account: Account, columns: Mapping[str, object]) -> None:
    """Change an account; the next dial goes by it."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=account.pk)
        Account.objects.filter(pk=account.pk).update(**columns)
        if not _HOLDING.isdisjoint(columns):
            waiting.look_again(account)
            announce(connection)


def change(actor: Actor, columns: Mapping[str, object]) -> None:
    """The same by a person in the cabinet or a program, and noted."""
    with transaction.atomic():
        update(actor.account, columns)
        audit.note(actor, Action.ACCOUNT_CHANGED, details=columns)


def of_user(email: str) -> Account:
    """The account of this user. Raises ``NotFound``."""
    account = Account.objects.filter(users__email=email.strip().lower()).first()
    if account is None:
        raise NotFound(_("There is no user %(email)s.") % {"email": email})
    return account


def set_limits(email: str, *, cps: float | None = None, channels: int | None = None) -> Account:
    """Limit an account over all its batches: calls a second, legs at once; 0 is no limit, ``None`` leaves it as it is.
    Raises ``NotFound``, ``InvalidInput``."""
    account = of_user(email)
    columns: dict[str, object] = {}
    if cps is not None:
        columns["cps"] = limits.cps(cps)
    if channels is not None:
        columns["channels"] = limits.channels(channels)
    update(account, columns)
    return of_user(email)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
