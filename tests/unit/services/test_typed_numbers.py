"""Numbers as people write them at home."""

import pytest

from calldron.domain.zones import iana_zones
from calldron.services import typed_numbers
from calldron.store.models import Account


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("8 (999) 123-45-67", "+79991234567"),
        ("8 495 000-11-22", "+74950001122"),
        ("999 123 45 67", "+79991234567"),
        ("+8 495 000-11-22", "+8 495 000-11-22"),
        ("7 999 123-45-67", "7 999 123-45-67"),
        ("8 800 555-35-35", "+78005553535"),
        ("84 24 3825 2161 1", "84 24 3825 2161 1"),
        ("sip:8@example.org", "sip:8@example.org"),
        ("", ""),
    ],
)
def test_a_russian_account_s(typed: str, meant: str) -> None:
    assert typed_numbers.meant(Account(time_zone="Asia/Omsk"), typed) == meant


def test_another_country_s_are_not_guessed_at() -> None:
    assert typed_numbers.meant(Account(time_zone="Asia/Ho_Chi_Minh"), "84950001122") == "84950001122"


def test_the_zones_of_russia_are_zones() -> None:
    assert set(iana_zones()) >= typed_numbers.RUSSIA
