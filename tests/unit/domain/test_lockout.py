"""Guesses cost time: none at first, then ever more."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.lockout import Lockout

RULE = Lockout(free=5)


def test_the_first_ones_are_free() -> None:
    assert [RULE.wait(guesses).total_seconds() for guesses in range(9)] == [0, 0, 0, 0, 0, 30, 60, 120, 240]


@given(st.integers(min_value=0, max_value=10**9))
def test_nobody_waits_shorter_for_guessing_on_nor_for_ever(guesses: int) -> None:
    assert RULE.wait(guesses) <= RULE.wait(guesses + 1) <= timedelta(minutes=15)
