import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.zones import iana_zones
from calldron.store.callee_zones import callee_zone

NOWHERE = "Antarctica/Troll"


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+74951234567", "Europe/Moscow"),
        ("+73431234567", "Asia/Yekaterinburg"),
        ("+74232123456", "Asia/Vladivostok"),
        ("+12125551234", "America/New_York"),
        ("+18085551234", "Pacific/Honolulu"),
        ("+16025551234", "America/Phoenix"),
        ("+442079460000", "Europe/London"),
        ("+4915112345678", "Europe/Berlin"),  # a mobile of a country with one zone
    ],
)
def test_a_number_of_a_place_tells_its_zone(number: str, zone: str) -> None:
    assert callee_zone(number, NOWHERE) == zone


@pytest.mark.parametrize(
    "number",
    [
        "+79161234567",  # mobiles of Russia: sixteen zones
        "+18005551234",  # toll-free
        "+7491231212",  # too short for any plan
        "+999123456789",  # no country
        "+0000000",
        "+123456789012345",
    ],
)
def test_a_number_that_tells_no_single_zone_has_the_fallback(number: str) -> None:
    assert callee_zone(number, NOWHERE) == NOWHERE


def offsets(name: str) -> list[timedelta | None]:
    """At every day of two years, at noon."""
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return [(start + timedelta(days=day)).astimezone(ZoneInfo(name)).utcoffset() for day in range(730)]


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+74012123456", "Europe/Kaliningrad"),
        ("+78452123456", "Europe/Saratov"),
        ("+78422123456", "Europe/Ulyanovsk"),
        ("+78512123456", "Europe/Astrakhan"),
        ("+78442123456", "Europe/Volgograd"),
        ("+73822123456", "Asia/Tomsk"),
        ("+73842123456", "Asia/Novokuznetsk"),
        ("+73852123456", "Asia/Barnaul"),
        ("+73022123456", "Asia/Chita"),
        ("+74242123456", "Asia/Sakhalin"),
        ("+212522123456", "Africa/Casablanca"),
        ("+21321123456", "Africa/Algiers"),
        ("+218211234567", "Africa/Tripoli"),
        ("+211912345678", "Africa/Juba"),
        ("+50522123456", "America/Managua"),
        ("+97022123456", "Asia/Hebron"),
    ],
)
def test_the_zone_keeps_the_time_of_the_place(number: str, zone: str) -> None:
    assert offsets(callee_zone(number, NOWHERE)) == offsets(zone)


@given(st.from_regex(r"\+[0-9]{7,15}", fullmatch=True))
def test_every_number_has_a_zone_that_exists(number: str) -> None:
    assert callee_zone(number, NOWHERE) in iana_zones()


def test_the_tables_are_loaded_when_they_are_first_needed() -> None:
    program = """
import sys
from calldron.store.callee_zones import callee_zone
assert not any(name.startswith("phonenumbers") for name in sys.modules)
assert callee_zone("+74951234567", "UTC") == "Europe/Moscow"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
