"""Windows of batches from their columns."""

from functools import lru_cache

from calldron.domain.schedule import Window
from calldron.domain.zones import zone


@lru_cache(maxsize=1024)
def window_of(time_zone: str, minute_from: int | None, minute_to: int | None, days: str = "{}") -> Window:
    """The window of a batch from its columns. Raises ``UnknownZone``."""
    return Window(zone(time_zone), minute_from, minute_to)
