from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.pacing import Gcra

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


@given(rates, pauses)
def test_no_second_sees_more_calls_than_allowed(rate: float, pauses: list[float]) -> None:
    left = run(Gcra.never_above(rate), pauses)
    most = max((bisect_left(left, start + 1) - index for index, start in enumerate(left)), default=0)
    assert most <= max(1, int(rate + 1e-3) + 1 if rate % 1 else rate)


@given(st.integers(1, 500), st.lists(st.floats(0, 0.05), min_size=50, max_size=200))
def test_a_whole_rate_is_kept_exactly_in_every_second(rate: int, pauses: list[float]) -> None:
    left = run(Gcra.never_above(rate), pauses)
    most = max((bisect_left(left, start + 1) - index for index, start in enumerate(left)), default=0)
    assert most <= rate


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
    assert len(run(Gcra.never_above(200), [0.005] * 2_000)) >= 1_900
    assert len(run(Gcra.never_above(10), [0.01] * 1_001)) == 101


def test_a_pause_is_not_saved_up() -> None:
    pace = Gcra.never_above(10)
    assert pace.ready(NOW, NOW + 3_600) == 1


def test_calls_that_had_to_leave_are_paid_for_later() -> None:
    pace = Gcra.never_above(10)
    tat = pace.spent(0.0, NOW, 6)
    assert pace.ready(tat, NOW + 0.5) == 0
    assert pace.ready(tat, NOW + 0.6) == 1


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
