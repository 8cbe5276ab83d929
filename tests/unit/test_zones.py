from zoneinfo import available_timezones

import pytest

from calldron.domain.errors import UnknownZone
from calldron.domain.zones import RAILS_ZONES, zone


def test_there_are_as_many_names_as_rails_has() -> None:
    assert len(RAILS_ZONES) == 151


@pytest.mark.parametrize(
    ("rails", "iana"),
    [
        ("Moscow", "Europe/Moscow"),
        ("St. Petersburg", "Europe/Moscow"),
        ("Ekaterinburg", "Asia/Yekaterinburg"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("Nuku'alofa", "Pacific/Tongatapu"),
        ("UTC", "Etc/UTC"),
    ],
)
def test_a_rails_name_gives_its_zone(rails: str, iana: str) -> None:
    assert zone(rails).key == iana


@pytest.mark.parametrize("name", sorted(RAILS_ZONES))
def test_every_rails_name_can_be_used(name: str) -> None:
    assert zone(name).key in available_timezones()


@pytest.mark.parametrize("name", ["Europe/Moscow", "America/Argentina/Buenos_Aires", "Etc/GMT+3", "Asia/Kathmandu"])
def test_an_iana_name_gives_itself(name: str) -> None:
    assert zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Moskva",
        "moscow",
        "Europe",
        "Europe/",
        "../etc/passwd",
        "Europe/../Europe/Moscow",
        "/usr/share/zoneinfo/Europe/Moscow",
        "Europe\\Moscow",
        "Europe/Moscow\x00",
        "posixrules",
        "posix/Europe/Moscow",
        "right/Europe/Moscow",
        "zone.tab",
        "localtime",
        "Factory",
        "x" * 100_000,
    ],
)
def test_what_is_no_zone_is_refused_by_its_field(name: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        zone(name)
    assert caught.value.field == "time_zone"
    assert len(str(caught.value)) < 250
