"""The people of an account, each with a browser of their own (Django's test client)."""

from dataclasses import dataclass

from django.test import Client

from calldron.domain.access import Access
from calldron.services import accounts
from calldron.store.models import Account, User

PASSWORD = "a long enough password"


@dataclass(frozen=True)
class Person:
    """Somebody who signed in, and their browser."""

    user: User
    browser: Client

    @property
    def account(self) -> Account:
        return self.user.account


def signed_in(user: User) -> Person:
    """Without going through the form."""
    browser = Client()
    browser.force_login(user)
    return Person(user, browser)


def owner(email: str = "owner@example.org") -> Person:
    """Of a new account. English, so that tests can read the pages."""
    user, _key = accounts.create_user(email, PASSWORD, language="en")
    return signed_in(user)


def colleague(of: Person, access: Access, email: str = "") -> Person:
    """Somebody else in the same account."""
    user = User.objects.create_user(
        email or f"{access}@example.org", PASSWORD, of.account, language="en", access=access
    )
    return signed_in(user)


def administrator(of: Person) -> Person:
    """An owner in the same account who also keeps the installation: trunks."""
    user = User.objects.create_user("administrator@example.org", PASSWORD, of.account, language="en", is_superuser=True)
    return signed_in(user)
