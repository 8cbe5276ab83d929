"""How fast and how wide calls may go out, as an operator says it of a trunk or an account; 0 is no limit."""

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services.values import SLOWEST_RATE

FASTEST = 10_000
MOST_CHANNELS = 100_000


def cps(a_second: float) -> float:
    """Calls a second. Raises ``InvalidInput``."""
    if a_second and not SLOWEST_RATE <= a_second <= FASTEST:
        raise InvalidInput(_("Calls a second are from 0.001 to 10000, or 0 (no limit)."), "cps")
    return a_second


def channels(at_once: int) -> int:
    """Legs at once. Raises ``InvalidInput``."""
    if not 0 <= at_once <= MOST_CHANNELS:
        raise InvalidInput(_("Channels are from 0 (no limit) to 100000."), "channels")
    return at_once
