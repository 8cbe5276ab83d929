"""The first run: due while nobody can sign in, opened by its token alone, and over once."""

import pytest

from calldron.services import accounts, setup
from calldron.services.errors import Conflict, Refused
from calldron.services.setup import Step
from calldron.store.models import AuditEntry, User

URL = "https://calls.example.org"
OWNER = {"email": "Owner@Example.org", "name": "Anna", "password": "a long enough password"}

pytestmark = pytest.mark.django_db


def token() -> str:
    address = setup.address(URL)
    assert address is not None
    path, _, token = address.partition("?token=")
    assert path == f"{URL}/setup"
    return token


def test_it_is_due_while_a_key_is_everybodys_only_way_in() -> None:
    assert setup.due()
    accounts.create_user("api@example.org")
    assert setup.due()
    accounts.create_user("person@example.org", "a long enough password")
    assert not setup.due()
    assert setup.address(URL) is None


def test_the_token_stays_the_same_until_there_is_an_owner() -> None:
    first = token()
    assert len(first) >= 32
    assert token() == first
    assert setup.opened_by(first)
    for other in ("", None, first[:-1], first + "x", "ключ", 7):
        assert not setup.opened_by(other)
    setup.make_owner(first, OWNER, "ru")
    assert not setup.opened_by(first)
    assert setup.address(URL) is None


def test_no_token_opens_what_nobody_began() -> None:
    assert not setup.opened_by("")
    assert not setup.opened_by("x")


def test_the_owner_is_administrator_too_and_can_sign_in() -> None:
    made = setup.make_owner(token(), OWNER, "ru", "192.0.2.7")
    user = User.objects.get()
    assert (user.pk, user.email, user.name, user.access, user.language) == (
        made.pk,
        "owner@example.org",
        "Anna",
        "owner",
        "ru",
    )
    assert user.is_superuser
    assert user.check_password(OWNER["password"])
    noted = AuditEntry.objects.get()
    assert (noted.action, noted.who, noted.address) == ("person_joined", "owner@example.org", "192.0.2.7")
    assert setup.step() is Step.TRUNK


def test_a_user_whose_only_way_in_was_a_key_becomes_the_owner() -> None:
    user, key = accounts.create_user("owner@example.org")
    assert setup.make_owner(token(), OWNER, "en").pk == user.pk
    assert User.objects.get().check_password(OWNER["password"])
    assert accounts.account_of(key) == user.account


@pytest.mark.parametrize(
    ("given", "field"),
    [({"email": "nobody"}, "email"), ({"password": "short"}, "password"), ({"name": "a\x00b"}, "name")],
)
def test_what_cannot_be_used_makes_nobody_and_costs_no_token(given: dict[str, str], field: str) -> None:
    accounts.create_user("owner@example.org")
    opening = token()
    with pytest.raises(Refused) as refusal:
        setup.make_owner(opening, OWNER | given, "en")
    assert [error.field for error in refusal.value.errors] == [field]
    assert setup.due()
    assert setup.opened_by(opening)
    assert not User.objects.filter(is_superuser=True).exists()


def test_it_makes_one_owner() -> None:
    opening = token()
    setup.make_owner(opening, OWNER, "en")
    with pytest.raises(Conflict):
        setup.make_owner(opening, OWNER | {"email": "thief@example.org"}, "en")
    assert User.objects.count() == 1


def test_it_goes_on_where_it_was_left_until_it_is_over() -> None:
    assert setup.step() is None
    setup.make_owner(token(), OWNER, "en")
    setup.go_on(Step.CALL)
    assert setup.step() is Step.CALL
    setup.finish()
    assert setup.step() is None


def test_with_nobody_left_who_can_sign_in_it_is_due_again_under_another_token() -> None:
    before = token()
    setup.make_owner(before, OWNER, "en")
    User.objects.all().delete()
    assert token() != before
    assert not setup.opened_by(before)
