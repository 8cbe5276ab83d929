"""How long somebody waits who guesses passwords: not at all after the first few, then twice as long each time."""

from dataclasses import dataclass
from datetime import timedelta

_SHORTEST = timedelta(seconds=30)
_LONGEST = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)  # since the last guess


@dataclass(frozen=True, slots=True)
class Lockout:
    """``free`` guesses cost nothing."""

    free: int

    def wait(self, guesses: int) -> timedelta:
        """From the last of so many guesses to the next."""
        beyond = guesses - self.free
        if beyond < 0:
            return timedelta()
        return min(_SHORTEST * (1 << min(beyond, 10)), _LONGEST)
