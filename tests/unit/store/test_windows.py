import json
from datetime import UTC, datetime

import pytest

from calldron.domain.errors import UnknownZone
from calldron.domain.schedule import Window
from calldron.domain.zones import zone
from calldron.store.windows import window_of

DAYS = {"sat": "10:00-15:00", "sun": False, "holidays": ["RU", "2026-12-30"]}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_batch_without_days_has_a_plain_window() -> None:
    plain = Window(zone("Europe/Moscow"), 540, 1260)
    assert window_of("Moscow", 540, 1260) == plain
    assert window_of("Moscow", 540, 1260, "{}") == plain
    assert window_of("Moscow", 540, 1260, {}) == plain


def test_days_are_read_from_either_database() -> None:
    assert window_of("Moscow", 540, 1260, json.dumps(DAYS)) == window_of("Moscow", 540, 1260, DAYS)


@pytest.mark.parametrize("days", [DAYS, json.dumps(DAYS)])
def test_a_window_is_made_once(days: str | dict[str, object]) -> None:
    assert window_of("Moscow", 540, 1260, days) is window_of("Moscow", 540, 1260, days)


def test_days_and_holidays_of_a_country_hold() -> None:
    window = window_of("Moscow", 540, 1260, DAYS)
    assert window.opens_at(at("2026-11-28 12:30")) == at("2026-11-30 06:00")  # Saturday after three, then Sunday
    # The 30th is the batch's own holiday; the country is off from the 31st to the 11th, whose last days are a weekend.
    assert window.opens_at(at("2026-12-29 18:00")) == at("2027-01-09 07:00")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(UnknownZone):
        window_of("Moskva", 540, 1260, DAYS)
