from bisect import bisect_left
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.pacing import LEEWAY, Gcra
from calldron.domain.strain import HIGHEST, SLOWEST, Strain

NOW = 1_790_000_000.0

rates = st.floats(0.2, 500)
pauses = st.lists(st.floats(0, 1.5), min_size=1, max_size=60)


def run(pace: Gcra, pauses: list[float], wanted: int = 1_000) -> list[float]:
    """When calls leave if somebody who has more than enough of them looks after each pause."""
    now, tat, left = NOW, 0.0, []
    for pause in pauses:
        now += pause
        ready = pace.ready(tat, now)
        assert ready is not None
        calls = min(ready, wanted)
        tat = pace.spent(tat, now, calls)
        left += [now] * calls
    return left


def most_within(left: list[float], seconds: float) -> int:
    """How many calls left in the busiest stretch of so many seconds, its end not counted."""
    return max((bisect_left(left, start + seconds) - index for index, start in enumerate(left)), default=0)


@given(rates, pauses)
def test_no_second_sees_more_calls_than_allowed(rate: float, pauses: list[float]) -> None:
    left = run(Gcra.never_above(rate), pauses)
    assert most_within(left, 1) <= max(1, int(rate + 1e-3) + 1 if rate % 1 else rate)


@given(st.integers(1, 500), st.lists(st.floats(0, 0.05), min_size=50, max_size=200))
def test_a_whole_rate_is_kept_exactly_in_every_second(rate: int, pauses: list[float]) -> None:
    left = run(Gcra.never_above(rate), pauses)
    assert most_within(left, 1) <= rate


@given(st.integers(1, 500), st.lists(st.floats(0, 0.05), min_size=50, max_size=200), st.randoms(use_true_random=False))
def test_a_whole_rate_is_kept_though_calls_leave_a_little_late(rate: int, pauses: list[float], late: Random) -> None:
    left = run(Gcra.never_above(rate), pauses)
    assert most_within(sorted(at + late.uniform(0, LEEWAY - 1e-6) for at in left), 1) <= rate


@given(st.floats(0.001, 500), pauses, st.floats(0.1, 300))
def test_no_stretch_of_any_length_sees_more(rate: float, pauses: list[float], seconds: float) -> None:
    left = run(Gcra.never_above(rate), pauses)
    assert most_within(left, seconds) <= max(1.0, rate - 1) + rate * seconds + 1e-3


# A trunk's level and own rate change between the looks: what leaves is never more than its rate and its burst allow.
levels = st.integers(0, HIGHEST)


@given(
    st.floats(0.001, 500), st.lists(st.tuples(st.floats(0, 40), levels), min_size=1, max_size=60), st.floats(0.1, 90)
)
def test_no_change_of_pace_lets_more_leave(cps: float, looks: list[tuple[float, int]], seconds: float) -> None:
    now, tat, before, left = NOW, 0.0, 0, list[float]()
    for pause, level in looks:
        now += pause
        pace = Strain(level).pace(cps)
        if level > before:  # its next call leaves after a pause of the new pace
            tat = pace.spent(tat, now, 1)
        before = level
        calls = pace.ready(tat, now) or 0
        tat = pace.spent(tat, now, calls)
        left += [now] * calls
    burst = Gcra.never_above(cps).burst
    assert most_within(left, seconds) <= burst + Gcra.never_above(cps).rate * seconds + 1e-3


@given(st.floats(SLOWEST, 500), levels, st.integers(1, 200), st.floats(0, 59))
def test_who_had_to_leave_is_paid_for_by_the_next(cps: float, level: int, calls: int, later: float) -> None:
    pace = Strain(level).pace(cps)
    tat = pace.spent(0.0, NOW, calls)
    ready = pace.ready(tat, NOW + later)
    assert ready is not None
    assert ready <= max(0.0, pace.burst + pace.rate * later - min(calls, 60 * pace.rate)) + 1e-3


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30), st.floats(SLOWEST, 500))
def test_a_debt_is_never_taken_for_a_clock_that_was_set_back(debts: list[int], rate: float) -> None:
    pace = Gcra.never_above(rate)
    tat, waits = 0.0, []
    for calls in debts:
        tat = pace.spent(tat, NOW, calls)
        waits.append(pace.ready_at(tat, NOW))
    assert waits == sorted(waits)
    assert waits[-1] <= NOW + 60.0 + 1 / rate


@pytest.mark.parametrize("level", range(HIGHEST + 1))
@pytest.mark.parametrize("cps", [0.0, 0.001, 0.02, 1 / 30, 0.05, 1.0, 200.0])
def test_what_a_slowed_trunk_waits_is_never_taken_for_a_clock_that_was_set_back(level: int, cps: float) -> None:
    slow, fast = Strain(level).pace(cps), Strain(max(0, level - 1)).pace(cps)
    now = datetime(2026, 11, 24, tzinfo=UTC).timestamp()
    tat = slow.spent(slow.spent(0.0, now, 1), now, 1)
    for pace in (slow, fast):
        if pace.rate:
            assert pace.spent(tat, now, 1) > tat or tat >= now + max(60.0, 1 / pace.rate) - 1e-3
            assert pace.ready_at(tat, now) > now or pace.burst > 1


@given(rates, pauses)
def test_a_call_may_leave_when_it_was_said_to(rate: float, pauses: list[float]) -> None:
    pace = Gcra.never_above(rate)
    now, tat = NOW, 0.0
    for pause in pauses:
        now += pause
        tat = pace.spent(tat, now, 1)
        at = pace.ready_at(tat, now)
        assert pace.ready(tat, at)
        if at - 1e-3 > now:
            assert not pace.ready(tat, at - 1e-3) or rate > 500


def test_whoever_looks_often_gets_nearly_the_whole_rate() -> None:
    assert len(run(Gcra.never_above(200), [0.005] * 2_000)) >= 1_850
    assert len(run(Gcra.never_above(10), [0.01] * 1_001)) >= 91


def test_a_pause_is_not_saved_up() -> None:
    pace = Gcra.never_above(10)
    assert pace.ready(NOW, NOW + 3_600) == 1


def test_calls_that_had_to_leave_are_paid_for_later() -> None:
    pace = Gcra.never_above(10)
    tat = pace.spent(0.0, NOW, 6)
    assert pace.ready(tat, NOW + 0.5) == 0
    assert pace.ready(tat, NOW + 0.6 * (1 + LEEWAY)) == 1


def test_no_rate_is_no_limit() -> None:
    pace = Gcra.never_above(0)
    assert pace.ready(0.0, NOW) is None
    assert pace.spent(7.0, NOW, 5) == 7.0
    assert pace.ready_at(0.0, NOW) == NOW


@pytest.mark.parametrize("rate", [0.5, 10, 200])
def test_a_clock_that_was_set_back_stops_nothing(rate: float) -> None:
    pace = Gcra.never_above(rate)
    tat = pace.spent(0.0, NOW + 3_600, 5)
    assert pace.ready(tat, NOW) == pace.burst
    assert pace.ready_at(tat, NOW) == NOW
