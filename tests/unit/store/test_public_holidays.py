import subprocess
import sys
from datetime import date

import pytest
from structlog.testing import capture_logs

from calldron.store.public_holidays import PublicHolidays, is_known


@pytest.mark.parametrize(
    ("code", "day", "free"),
    [
        ("RU", date(2026, 6, 12), True),
        ("RU", date(2026, 7, 4), False),
        ("RU", date(2026, 5, 11), True),  # Victory Day was a Saturday, so that Monday was off
        ("US", date(2026, 11, 26), True),
        ("US", date(2030, 7, 4), True),
        ("DE", date(2026, 8, 15), False),
        ("DE-SL", date(2026, 8, 15), True),
    ],
)
def test_countries_and_their_parts_have_their_own(code: str, day: date, free: bool) -> None:
    assert is_known(code)
    assert (day in PublicHolidays(code)) is free


@pytest.mark.parametrize("code", ["ZZ", "XX", "US-ZZ", "RU-MOW"])
def test_what_the_library_does_not_know_is_unknown(code: str) -> None:
    with capture_logs() as logs:
        assert not is_known(code)
    assert logs == []


def test_nobody_is_called_by_a_list_that_is_no_longer_known() -> None:
    with capture_logs() as logs:
        assert all(date(2026, 6, day) in PublicHolidays("QQ") for day in range(1, 31))
    assert logs == [{"event": "holidays.unknown", "code": "QQ", "year": 2026, "log_level": "warning"}]


def test_who_names_no_country_never_loads_the_library() -> None:
    program = """
import sys
from calldron.services import days
from calldron.store.windows import window_of
window_of("Moscow", 540, 1260, {"sat": "10:00-15:00", "sun": False, "holidays": ["2026-12-30", "01-07"]})
window_of("Moscow", 540, 1260, {"holidays": ["RU"]})
assert "holidays" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
