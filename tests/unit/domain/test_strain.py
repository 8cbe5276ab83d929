from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calldron.domain.strain import HIGHEST, LONGEST_WAIT, SLOWEST, USUAL_RATE, Strain

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

WELL = Strain()


def refused_every(gap: timedelta, times: int, cps: float = 10) -> Strain:
    strain = WELL
    for turn in range(times):
        strain = strain.refused(NOW + turn * gap, cps)
    return strain


# ---------------------------------------------------------------- slower


def test_each_refusal_halves_the_rate() -> None:
    rates = [refused_every(HOUR, times, cps=64).pace(64).rate for times in range(1, 5)]
    assert rates == [32, 16, 8, 4]


def test_refusals_that_come_together_count_once() -> None:
    strain = refused_every(SECOND / 100, 40)
    assert strain == Strain(1, NOW)
    assert strain.refused(NOW + SECOND, 10).level == 2


def test_a_slowed_trunk_is_asked_again_before_it_is_slowed_further() -> None:
    strain = refused_every(HOUR, 5)
    assert strain.changed_at is not None
    gap = timedelta(seconds=1 / strain.pace(10).rate)
    assert strain.refused(strain.changed_at + gap - SECOND, 10) == strain
    assert strain.refused(strain.changed_at + gap, 10).level == 6


def test_at_its_slowest_it_is_tried_now_and_then() -> None:
    strain = refused_every(HOUR, 50)
    assert strain.level == HIGHEST
    assert strain.pace(10).rate == pytest.approx(SLOWEST)
    assert strain.pace(1_000).rate >= SLOWEST


@pytest.mark.parametrize("cps", [0.001, 0.02, 0.04])
def test_a_trunk_that_is_slow_by_itself_is_not_quickened(cps: float) -> None:
    assert refused_every(HOUR, HIGHEST, cps).pace(cps).rate <= cps


def test_a_level_of_unknown_age_rises() -> None:
    assert Strain(level=3).refused(NOW, 10) == Strain(4, NOW)


# ---------------------------------------------------------------- Retry-After


def test_a_trunk_is_left_alone_as_long_as_it_asks_but_not_for_ever() -> None:
    assert WELL.refused(NOW, 10, retry_after=40).until == NOW + 40 * SECOND
    assert WELL.refused(NOW, 10, retry_after=1e9).until == NOW + LONGEST_WAIT


@pytest.mark.parametrize("asked", [None, 0, 0.0, -5])
def test_no_wait_is_asked(asked: float | None) -> None:
    assert WELL.refused(NOW, 10, retry_after=asked).until is None


def test_what_comes_late_does_not_shorten_a_wait() -> None:
    strain = WELL.refused(NOW, 10, retry_after=120)
    assert strain.refused(NOW + SECOND, 10, retry_after=5).until == NOW + 120 * SECOND
    assert strain.carried(NOW + SECOND, NOW - SECOND).until == NOW + 120 * SECOND
    assert strain.carried(NOW + SECOND, NOW + SECOND).until == NOW + 120 * SECOND


def test_a_wait_that_is_over_is_forgotten() -> None:
    strain = WELL.refused(NOW, 10, retry_after=40)
    assert strain.at(NOW + 39 * SECOND).until is not None
    assert strain.at(NOW + 40 * SECOND) == Strain(1, NOW)
    assert strain.carried(NOW + 40 * SECOND, NOW + 40 * SECOND) == Strain(0, NOW)


# ---------------------------------------------------------------- recovery


def test_a_call_that_it_carried_lowers_the_level() -> None:
    strain = refused_every(HOUR, 3)
    later = NOW + 3 * HOUR
    assert strain.carried(later, later).level == 2


def test_calls_that_were_up_when_it_refused_say_nothing() -> None:
    strain = refused_every(HOUR, 3)
    for second in range(100):
        strain = strain.carried(NOW + 2 * HOUR + second * SECOND, left=NOW + 2 * HOUR - second * SECOND - SECOND)
    assert strain.level == 3


def test_long_calls_that_left_one_after_another_each_count() -> None:
    strain = refused_every(HOUR, 3)
    for place in range(3):
        strain = strain.carried(NOW + 5 * HOUR + place * SECOND, left=NOW + 4 * HOUR + place * SECOND)
    assert strain.level == 0


def test_a_trunk_that_is_well_stays_so() -> None:
    assert WELL.carried(NOW, NOW) == WELL


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    strain = Strain(4, changed_at=NOW + HOUR, until=NOW + HOUR)
    assert strain.at(NOW).until is None
    assert strain.refused(NOW, 10) == Strain(5, NOW)
    assert strain.carried(NOW, NOW).level == 3


# ---------------------------------------------------------------- for all of them

rates = st.one_of(st.just(0.0), st.floats(0.001, 1_000))
waits = st.none() | st.floats(0, 1_000)
# Refused with a Retry-After, or carried after so many seconds on the way; and the seconds since what came before.
refusals = st.tuples(st.just("refused"), waits)
passages = st.tuples(st.just("carried"), st.floats(0, 120))
lives = st.lists(st.tuples(st.floats(0, 200), refusals | passages), max_size=60)


@given(rates, lives)
@example(0.01, [(100.0, ("refused", None))] * 12)
def test_whatever_happens_levels_rates_and_waits_stay_in_their_bounds(
    cps: float, life: list[tuple[float, tuple[str, float | None]]]
) -> None:
    strain, now, asked = WELL, NOW, NOW
    for pause, (kind, seconds) in life:
        now += timedelta(seconds=pause)
        before = strain
        if kind == "refused":
            strain = strain.refused(now, cps, seconds)
            asked = max(asked, now + min(timedelta(seconds=seconds or 0), LONGEST_WAIT))
            assert before.level <= strain.level <= before.level + 1
        else:
            strain = strain.carried(now, now - timedelta(seconds=seconds or 0))
            assert before.level - 1 <= strain.level <= before.level
        assert 0 <= strain.level <= HIGHEST
        rate = strain.pace(cps).rate
        assert not cps or rate <= cps
        assert not strain.level or rate >= min(SLOWEST, cps or SLOWEST)
        assert not strain.level or cps or rate < USUAL_RATE
        assert (strain.at(now).until or now) == max(asked, now)


@given(rates, lives)
def test_so_many_calls_carried_and_it_is_as_before(
    cps: float, life: list[tuple[float, tuple[str, float | None]]]
) -> None:
    strain, now = WELL, NOW
    for pause, (kind, seconds) in life:
        now += timedelta(seconds=pause)
        strain = strain.refused(now, cps, seconds) if kind == "refused" else strain.carried(now, now)
    now += LONGEST_WAIT
    for _ in range(HIGHEST):
        strain = strain.carried(now, now)
    assert strain.level == 0
    assert strain.until is None
    assert strain.pace(cps) == WELL.pace(cps)


def calls_of_an_outage(cps: float, reply: float, seconds: float) -> tuple[int, float]:
    """How many calls a trunk is given that refuses all of them for so long, each after ``reply`` seconds, and how many
    seconds later it is trusted as before; somebody looks every 20 ms."""
    strain, tat, now, tried = WELL, 0.0, 0.0, 0
    under_way: list[tuple[float, float]] = []
    start = NOW.timestamp()
    while now < seconds or strain.level:
        while under_way and under_way[0][0] <= now:
            over, left = under_way.pop(0)
            at = NOW + timedelta(seconds=over)
            level = strain.level
            if left < seconds:
                strain = strain.refused(at, cps)
                if strain.level > level:
                    tat = strain.pace(cps).spent(tat, at.timestamp(), 1)
            else:
                strain = strain.carried(at, NOW + timedelta(seconds=left))
        for _ in range(strain.pace(cps).ready(tat, start + now) or 0):
            tat = strain.pace(cps).spent(tat, start + now, 1)
            tried += now < seconds
            under_way.append((now + reply, now))
        now = round(now + 0.02, 2)
        assert now < seconds + 3_600
    return tried, now - seconds


@pytest.mark.parametrize("cps", [1.0, 10.0, 200.0])
@pytest.mark.parametrize("reply", [0.02, 2.0, 32.0])
def test_a_trunk_that_is_away_is_spared_and_comes_back_by_itself(cps: float, reply: float) -> None:
    tried, back = calls_of_an_outage(cps, reply, 600)
    assert tried <= 2 * cps * (reply + 2) + 40  # of the first reply's time at full speed, halved ever after
    assert back <= 300 + 2 * reply
