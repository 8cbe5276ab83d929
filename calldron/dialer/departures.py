"""INVITEs of this node leave no closer together than their rates say, whatever held their calls up since the claim.

The claim spends the rates for all nodes. But calls that waited together for their intro, for a media port or for a busy
machine would leave together, and a trunk counts what reaches it.
"""

from collections.abc import Mapping

from calldron.dialer.ports import Clock
from calldron.domain.pacing import Gcra

_MANY = 1_000  # paces kept, before those that have nothing to say any more are dropped


class Departures:
    """Paces by the name of what they belong to, in monotonic time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tats: dict[str, float] = {}

    def turn(self, rates: Mapping[str, float]) -> float:
        """How many seconds an INVITE has to wait to which these rates (calls a second; 0: none) apply, whose turn that
        is then."""
        now = self._clock.monotonic()
        paces = {name: Gcra.never_above(cps) for name, cps in rates.items() if cps}
        at = max((pace.ready_at(self._tats.get(name, 0.0), now) for name, pace in paces.items()), default=now)
        for name, pace in paces.items():
            self._tats[name] = pace.spent(self._tats.get(name, 0.0), at, 1)
        if len(self._tats) > _MANY:
            self._tats = {name: tat for name, tat in self._tats.items() if tat > now}
        return at - now
