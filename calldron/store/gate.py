"""What a call's own number may forbid: the stop list, the window where it is the callee's, the quotas.

The same questions for a claim, which asks them of many calls at once, and for a further dial within an attempt.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from calldron.domain.quota import Quota
from calldron.domain.rule import Hold, Rule
from calldron.store.counters import NEVER
from calldron.store.session import Session
from calldron.store.turns import Hours, Turn


class Gate:
    """Of one account's numbers, at one moment. Dials decided meanwhile are to be told by ``dialled``: they count."""

    def __init__(self, session: Session, account_id: int, quota: Quota, now: datetime) -> None:
        self._session = session
        self._account_id = account_id
        self._quota = quota
        self._now = now
        self._dials: dict[str, list[datetime]] = {}

    def know(self, numbers: Iterable[str]) -> None:
        """Look up how often these numbers were dialled, all at once."""
        unknown = sorted({number for number in numbers if number not in self._dials}) if self._quota.any else []
        if not unknown:
            return
        dials: dict[str, list[datetime]] = defaultdict(list)
        for number, at in self._session.rows(_DIALS, unknown, self._quota.since(self._now), self._account_id):
            dials[number].append(at)
        self._dials |= {number: dials[number] for number in unknown}

    def dialled(self, number: str) -> None:
        """The number is dialled now."""
        if self._quota.any:
            self._dials.setdefault(number, []).append(self._now)

    def hold(self, hours: Hours, number: str) -> Hold | None:
        """What keeps this number from being dialled now, for a time. ``know`` it first."""
        window = hours.window(number)
        if not window.is_open(self._now):
            return Hold(Rule.WINDOW, window.opens_at(self._now) or NEVER)
        if self._quota.any:
            free = self._quota.free_at(self._dials[number], self._now)
            if free > self._now:
                return Hold(Rule.QUOTA, window.opens_at(free) or NEVER)
        return None


def stopped(session: Session, account_id: int, number: str) -> bool:
    """Whether the account's stop list has the number."""
    return session.row(_STOPPED, account_id, number) is not None


def asks_each(turn: Turn) -> bool:
    """Whether the calls of this batch may be held one by one."""
    return turn.hours.by_callee or turn.quota.any


_DIALS = """
SELECT l.number, l.intended_at FROM store_legrow l JOIN store_attempt a ON a.id = l.attempt_id
WHERE l.number IN %s AND l.role = 'client' AND NOT l.refused AND l.intended_at >= %s AND a.account_id = %s
"""

_STOPPED = "SELECT 1 FROM store_stopnumber WHERE account_id = %s AND number = %s"
