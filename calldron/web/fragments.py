"""Parts of pages that change by themselves: asked for again and again, and sent only where they have changed.

See docs/adr for why they are polled, and what it costs.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b

from django.http import HttpRequest, HttpResponse

from calldron.byte_ranges import is_known

NEVER = 0  # seconds: what is shown stays as it is
SOON = timedelta(minutes=1)  # what happens within it need not be announced by the clock

_SHORTEST = 1.0  # seconds that a fragment is given again
_SHARE = 40  # it is kept so many times as long as it took to make: none takes more than 2.5% of a core
_MOST = 500
_POLLS_A_SECOND = 8.0


@dataclass(frozen=True, slots=True)
class Fragment:
    """HTML whose elements with an id take the place of those in the page. ``again``: seconds until it is worth asking
    again."""

    html: str
    again: float
    etag: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "etag", f'"{blake2b(self.html.encode(), digest_size=12).hexdigest()}"')


class Pace:
    """However many pages are open, no more than so many ask within a second: the more there are, the later each asks
    again. Each answer takes a place in a queue that moves on at that rate (GCRA), and a page waits as long as it is."""

    def __init__(self, a_second: float = _POLLS_A_SECOND, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing = 1 / a_second
        self._clock = clock
        self._end = 0.0  # of the queue
        self._guard = threading.Lock()

    def after(self, wanted: float) -> float:
        """Seconds until who would like to ask again after ``wanted`` may; ``NEVER`` stays that."""
        with self._guard:
            now = self._clock()
            behind = max(0.0, self._end - now)
            self._end = now + behind + self._spacing
        return wanted and wanted + behind


_pace = Pace()


def answer(request: HttpRequest, fragment: Fragment) -> HttpResponse:
    """The fragment, or that the page has it already."""
    headers = {"ETag": fragment.etag, "Again-After": f"{_pace.after(fragment.again):.1f}"}
    if is_known(request.headers, fragment.etag):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(fragment.html, headers=headers)


@dataclass(slots=True)
class _Slot:
    making: threading.Lock = field(default_factory=threading.Lock)
    fragment: Fragment | None = None
    until: float = 0.0  # by the monotonic clock


class Memo:
    """What many pages show alike is made once for all that ask within a second or a few: longer where it takes longer,
    so that the time spent on it has a bound however many ask. ``clock``, ``cpu``: seconds, of the wall and of work."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, cpu: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock = clock
        self._cpu = cpu
        self._slots: OrderedDict[Hashable, _Slot] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Fragment]) -> Fragment:
        """What is kept under the key, or is made now. While somebody makes it anew, others are given the last one."""
        slot = self._slot(key)
        last = slot.fragment
        if last is not None and self._clock() < slot.until:
            return last
        if not slot.making.acquire(blocking=last is None):
            return last or make()
        try:
            if slot.fragment is None or self._clock() >= slot.until:
                began = self._cpu()
                slot.fragment = make()
                slot.until = self._clock() + max(_SHORTEST, _SHARE * (self._cpu() - began))
            return slot.fragment
        finally:
            slot.making.release()

    def _slot(self, key: Hashable) -> _Slot:
        with self._guard:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > _MOST:
                self._slots.popitem(last=False)
            return slot
