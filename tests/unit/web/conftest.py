"""Who looks at the cabinet's pages."""

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client
from support import people
from support.people import Person

from calldron.domain.access import Access


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with as little work as it allows: nobody guesses at these passwords."""
    monkeypatch.setattr(Argon2PasswordHasher, "time_cost", 1)
    monkeypatch.setattr(Argon2PasswordHasher, "memory_cost", 64)


@pytest.fixture
def owner(db: None) -> Person:
    return people.owner()


@pytest.fixture
def operator(owner: Person) -> Person:
    return people.colleague(owner, Access.OPERATOR)


@pytest.fixture
def viewer(owner: Person) -> Person:
    return people.colleague(owner, Access.VIEWER)


@pytest.fixture
def outsider(db: None) -> Person:
    """An owner, of another account."""
    return people.owner("outsider@example.org")


@pytest.fixture
def administrator(owner: Person) -> Person:
    return people.administrator(owner)


@pytest.fixture
def anonymous(db: None) -> Client:
    return Client()


@pytest.fixture
def everybody(
    owner: Person, operator: Person, viewer: Person, outsider: Person, administrator: Person, anonymous: Client
) -> dict[str, Person | Client]:
    """All of them by name, as ``support.asked.statuses`` takes them."""
    return {
        "owner": owner,
        "operator": operator,
        "viewer": viewer,
        "outsider": outsider,
        "administrator": administrator,
        "anonymous": anonymous,
    }
