"""INVITEs that were held up together do not leave together."""

from itertools import pairwise

from support.clock import HandClock

from calldron.dialer.departures import Departures


def leaving(departures: Departures, clock: HandClock, rates: dict[str, float], many: int) -> list[float]:
    return [clock.monotonic() + departures.turn(rates) for _ in range(many)]


def busiest_second(left: list[float]) -> int:
    return max(sum(start <= one < start + 1 for one in left) for start in left)


def test_who_was_held_up_leaves_at_the_pace_of_every_rate() -> None:
    clock = HandClock()
    departures = Departures(clock)
    left = leaving(departures, clock, {"trunk": 40.0, "batch": 2.0, "account": 0.0}, 5)
    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert all(abs(gap - 0.5) < 1e-6 for gap in gaps)


def test_no_second_sees_more_than_the_rate() -> None:
    clock = HandClock()
    assert busiest_second(leaving(Departures(clock), clock, {"trunk": 40.0}, 200)) <= 40


def test_rates_of_others_and_no_rates_hold_nobody_up() -> None:
    clock = HandClock()
    departures = Departures(clock)
    leaving(departures, clock, {"batch 1": 0.1}, 5)
    assert departures.turn({"batch 2": 0.1}) == 0
    assert departures.turn({"batch 3": 0.0}) == 0
    assert departures.turn({}) == 0


def test_who_comes_in_time_is_not_held_up() -> None:
    clock = HandClock()
    departures = Departures(clock)
    for _ in range(10):
        assert departures.turn({"trunk": 2.0}) == 0
        clock.turn(0.5)


def test_paces_that_have_nothing_to_say_any_more_are_forgotten() -> None:
    clock = HandClock()
    departures = Departures(clock)
    for number in range(3_000):
        departures.turn({f"batch {number}": 1.0})
        clock.turn(1.0)
    assert len(departures._tats) <= 1_001
