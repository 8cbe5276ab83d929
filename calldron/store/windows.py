"""The windows of batches from their columns. Thousands are asked for in a second, so each is made once."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from calldron.domain.calendar import Calendar
from calldron.domain.schedule import Window
from calldron.domain.zones import zone
from calldron.store.public_holidays import PublicHolidays


def window_of(
    time_zone: str, minute_from: int | None, minute_to: int | None, days: str | Mapping[str, Any] = "{}"
) -> Window:
    """The window of a batch; ``days`` as JSON, which is how SQLite gives it, or as what it says, which is how
    PostgreSQL does. Raises ``UnknownZone``."""
    text = days if isinstance(days, str) else json.dumps(days) if days else "{}"
    return _window(time_zone, minute_from, minute_to, text)


@lru_cache(maxsize=4096)
def _window(time_zone: str, minute_from: int | None, minute_to: int | None, days: str) -> Window:
    return Window(zone(time_zone), minute_from, minute_to, _calendar(days))


@lru_cache(maxsize=1024)
def _calendar(days: str) -> Calendar:
    return Calendar.read(json.loads(days), PublicHolidays)
