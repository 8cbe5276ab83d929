"""What many pages show alike is made once, for a while that goes by what it costs."""

import heapq
import threading
from itertools import count

import pytest

from calldron.web.fragments import NEVER, Fragment, Memo, Pace


class Time:
    """Clocks that are set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.worked = 0.0
        self.memo = Memo(clock=lambda: self.now, cpu=lambda: self.worked)
        self.made = 0

    def make(self, costs: float = 0.0) -> Fragment:
        self.made += 1
        self.worked += costs
        return Fragment(f"<p>{self.made}</p>", 2.0)


def test_it_is_made_once_a_second() -> None:
    time = Time()
    assert time.memo.get("a", time.make) is time.memo.get("a", time.make)
    time.now = 0.9
    time.memo.get("a", time.make)
    assert time.made == 1
    time.now = 1.0
    assert time.memo.get("a", time.make).html == "<p>2</p>"


def test_what_takes_longer_is_kept_longer() -> None:
    time = Time()
    time.memo.get("a", lambda: time.make(costs=0.2))
    time.now = 7.9
    time.memo.get("a", time.make)
    assert time.made == 1
    time.now = 8.0
    time.memo.get("a", time.make)
    assert time.made == 2


def test_each_key_has_its_own() -> None:
    time = Time()
    assert time.memo.get("a", time.make).html != time.memo.get("b", time.make).html


def test_nobody_waits_for_what_is_made_anew() -> None:
    time = Time()
    time.memo.get("a", time.make)
    time.now = 5.0
    begun, finish = threading.Event(), threading.Event()

    def slowly() -> Fragment:
        begun.set()
        finish.wait(10)
        return time.make()

    maker = threading.Thread(target=time.memo.get, args=("a", slowly))
    maker.start()
    assert begun.wait(10)
    assert time.memo.get("a", time.make).html == "<p>1</p>"
    finish.set()
    maker.join(10)
    assert time.memo.get("a", time.make).html == "<p>2</p>"


@pytest.mark.parametrize(("pages", "seconds"), [(1, 2.0), (20, 2.0), (100, 10.0), (1000, 100.0)])
def test_the_more_pages_are_open_the_later_each_asks_again(pages: int, seconds: float) -> None:
    now = 0.0
    pace = Pace(10.0, clock=lambda: now)
    asking = [(page / pages, page) for page in range(pages)]
    since: dict[int, float] = {}
    for _ in range(20 * pages):
        now, page = heapq.heappop(asking)
        waited, since[page] = now - since.get(page, now), now
        heapq.heappush(asking, (now + pace.after(2.0), page))
    assert waited == pytest.approx(seconds, rel=0.1)


def test_what_stays_as_it_is_is_not_asked_for_again() -> None:
    pace = Pace(10.0, clock=count().__next__)
    assert pace.after(NEVER) == NEVER
