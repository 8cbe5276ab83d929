"""Wrong passwords are counted by person and by address before anybody looks at them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from calldron.services import guesses
from calldron.services.guesses import LockedOut
from calldron.store.models import Guesses

pytestmark = pytest.mark.django_db

HOME = "192.0.2.1"


def guess(email: str = "a@example.org", address: str = HOME, times: int = 1) -> None:
    for _ in range(times):
        guesses.count(email, address)


def let_time_pass(passed: timedelta) -> None:
    for row in Guesses.objects.all():
        row.last_at -= passed
        row.locked_until = row.locked_until and row.locked_until - passed
        row.save()


def test_the_fifth_guess_is_the_last_for_now() -> None:
    guess(times=4)
    assert guesses.count("a@example.org", HOME)
    with pytest.raises(LockedOut) as locked:
        guess()
    assert 29 <= locked.value.seconds <= 30


def test_from_elsewhere_it_is_the_same_person() -> None:
    guess(times=5)
    with pytest.raises(LockedOut):
        guess(address="198.51.100.7")
    guess("b@example.org")


def test_an_address_has_twenty_whoever_is_guessed_at() -> None:
    for number in range(20):
        guess(f"{number}@example.org")
    with pytest.raises(LockedOut):
        guess("somebody-else@example.org")
    guess("somebody-else@example.org", "198.51.100.7")


def test_neighbours_in_one_ipv6_network_are_one() -> None:
    for number in range(20):
        guess(f"{number}@example.org", f"2001:db8::{number:x}")
    with pytest.raises(LockedOut):
        guess("b@example.org", "2001:db8::ffff")
    guess("b@example.org", "2001:db8:0:1::1")


def test_each_further_guess_waits_twice_as_long() -> None:
    guess(times=5)
    let_time_pass(timedelta(seconds=31))
    guess()
    with pytest.raises(LockedOut) as locked:
        guess()
    assert 59 <= locked.value.seconds <= 60


def test_what_is_refused_is_not_counted() -> None:
    guess(times=5)
    for _ in range(10):
        with pytest.raises(LockedOut):
            guess()
    assert Guesses.objects.get(subject="user:a@example.org").count == 5


def test_a_right_one_forgets_the_persons_and_one_of_the_address() -> None:
    guess(times=4)
    with transaction.atomic():
        guesses.forgive("a@example.org", HOME)
    guess(times=4)
    assert Guesses.objects.get(subject=f"address:{HOME}").count == 7


def test_who_has_a_password_cannot_guess_others_for_ever_between_uses_of_it() -> None:
    for number in range(20):
        guess("own@example.org")
        with transaction.atomic():
            guesses.forgive("own@example.org", HOME)
        guess(f"{number}@example.org")
    with pytest.raises(LockedOut):
        guess("own@example.org")


def test_an_address_that_its_own_right_password_locked_is_open_again() -> None:
    for number in range(19):
        guess(f"{number}@example.org")
    guess("own@example.org")
    with transaction.atomic():
        guesses.forgive("own@example.org", HOME)
    guess("own@example.org")


def test_after_a_day_all_is_forgotten() -> None:
    guess(times=5)
    let_time_pass(timedelta(days=1, seconds=1))
    guess(times=4)
    guesses.tidy()
    let_time_pass(timedelta(days=1, seconds=1))
    guesses.tidy()
    assert not Guesses.objects.exists()


def test_letters_are_counted_apart() -> None:
    for _ in range(3):
        guesses.count_letter("a@example.org", HOME)
    with pytest.raises(LockedOut):
        guesses.count_letter("a@example.org", HOME)
    guess()


def test_the_wait_is_never_said_to_be_nothing() -> None:
    assert LockedOut(datetime.now(UTC) - timedelta(seconds=5)).seconds == 1
