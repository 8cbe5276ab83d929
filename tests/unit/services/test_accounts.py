"""Users, accounts and keys."""

from typing import Any

import pytest

from calldron.domain.errors import InvalidInput
from calldron.services import accounts
from calldron.services.errors import NotFound
from calldron.store.models import Account, User

pytestmark = pytest.mark.django_db


def test_a_user_gets_an_account_and_a_key_that_opens_it() -> None:
    user, key = accounts.create_user(" Ann@Example.org ", "correct horse battery")
    assert user.email == "ann@example.org"
    assert user.check_password("correct horse battery")
    assert accounts.account_of(key) == user.account


def test_without_a_password_the_key_is_the_only_way_in() -> None:
    user, _key = accounts.create_user("ann@example.org")
    assert not user.has_usable_password()


def test_keys_are_long_random_and_url_safe() -> None:
    keys = {accounts.create_user(f"user{n}@example.org")[1] for n in range(20)}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {32}
    assert all(key.replace("-", "").replace("_", "").isalnum() for key in keys)


@pytest.mark.parametrize(
    ("email", "password", "field"),
    [
        ("", None, "email"),
        ("ann", None, "email"),
        ("ann@example.org\n", "short", "password"),
        ("ann@example.org", "password1234", "password"),
    ],
)
def test_what_can_t_be_is_refused_and_nothing_is_left_behind(email: str, password: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        accounts.create_user(email, password)
    assert refusal.value.field == field
    assert not Account.objects.exists()


def test_an_address_is_one_user_s() -> None:
    accounts.create_user("ann@example.org")
    with pytest.raises(InvalidInput, match=r"ann@example\.org already"):
        accounts.create_user("ANN@example.org")
    assert (User.objects.count(), Account.objects.count()) == (1, 1)


def test_a_reset_makes_the_old_key_worthless() -> None:
    user, old = accounts.create_user("ann@example.org")
    new = accounts.reset_key("Ann@example.org")
    assert accounts.account_of(old) is None
    assert accounts.account_of(new) == user.account
    with pytest.raises(NotFound):
        accounts.reset_key("bob@example.org")


def test_limits_of_an_account_are_set_one_by_one() -> None:
    user, _key = accounts.create_user("ann@example.org")
    accounts.set_limits("Ann@example.org", cps=0.5)
    account = accounts.set_limits("ann@example.org", channels=7)
    assert (account.pk, account.cps, account.channels) == (user.account.pk, 0.5, 7)
    assert accounts.set_limits("ann@example.org", cps=0, channels=0).cps == 0


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"cps": -1}, "cps"),
        ({"cps": float("nan")}, "cps"),
        ({"cps": float("inf")}, "cps"),
        ({"cps": 1e-9}, "cps"),
        ({"cps": 1, "channels": -1}, "channels"),
        ({"cps": 1, "channels": 100_001}, "channels"),
    ],
)
def test_a_limit_that_can_t_be_is_refused(limits: dict[str, Any], field: str) -> None:
    accounts.create_user("ann@example.org")
    with pytest.raises(InvalidInput) as refusal:
        accounts.set_limits("ann@example.org", **limits)
    assert refusal.value.field == field
    assert Account.objects.get().cps == 0


def test_limits_are_of_somebody() -> None:
    with pytest.raises(NotFound, match=r"no user bob@example\.org"):
        accounts.set_limits("bob@example.org", cps=1)


def test_a_user_is_made_an_administrator(db: None) -> None:
    user, _key = accounts.create_user("owner@example.org")
    accounts.make_administrator(" Owner@Example.org")
    user.refresh_from_db()
    assert user.is_superuser
    with pytest.raises(NotFound):
        accounts.make_administrator("nobody@example.org")
