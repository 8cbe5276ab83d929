"""Accounts, the people in them, and their API keys.

A key is 32 random URL-safe characters (192 bits), so its SHA-256 needs no salt and no stretching: there is nothing to
guess. The digest is all that is kept.
"""

import hashlib
import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services.errors import NotFound
from calldron.store.models import Account, ApiKey, User


def create_user(email: str, password: str | None = None, *, language: str = "ru") -> tuple[User, str]:
    """A new user in a new account, and the account's API key, which is not shown again.

    Without a password the key is the only way in. Raises ``InvalidInput`` for a bad or known e-mail address and for a
    weak password.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput(_("%(email)s is not an e-mail address.") % {"email": email or '""'}, "email") from error
    if password is not None:
        try:
            validate_password(password, User(email=email))
        except ValidationError as error:
            raise InvalidInput(" ".join(error.messages), "password") from error
    try:
        with transaction.atomic():
            account = Account.objects.create(name=email)
            user = User.objects.create_user(email, password, account, language=language)
            return user, issue_key(account)
    except IntegrityError as error:
        raise InvalidInput(_("There is a user %(email)s already.") % {"email": email}, "email") from error


def reset_key(email: str) -> str:
    """A new API key for this user's account; the old one stops working at once. Raises ``NotFound``."""
    user = User.objects.select_related("account").filter(email=email.strip().lower()).first()
    if user is None:
        raise NotFound(_("There is no user %(email)s.") % {"email": email})
    return issue_key(user.account)


def issue_key(account: Account) -> str:
    """Make the account's key anew and return it."""
    key = secrets.token_urlsafe(24)
    ApiKey.objects.update_or_create(account=account, defaults={"digest": _digest(key)})
    return key


def account_of(key: str) -> Account | None:
    """The account this key opens. Looking up a digest tells an attacker nothing about the keys near it."""
    if not 1 <= len(key) <= 128:
        return None
    return Account.objects.filter(api_key__digest=_digest(key)).first()


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
