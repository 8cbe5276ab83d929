"""Dates that nobody takes for another day."""

from datetime import datetime

import pytest
from django.utils import translation
from django.utils.formats import date_format

AT = datetime(2026, 3, 4, 15, 4)  # noqa: DTZ001 # only written


@pytest.mark.parametrize(
    ("language", "short", "full", "clock"),
    [
        ("en", "4 Mar 2026, 15:04", "4 Mar 2026, 15:04", "15:04"),
        ("ru", "04.03.2026, 15:04", "4 марта 2026, 15:04", "15:04"),
    ],
)
def test_a_moment_is_written_without_a_doubt(language: str, short: str, full: str, clock: str) -> None:
    with translation.override(language):
        assert date_format(AT, "SHORT_DATETIME_FORMAT") == short
        assert short.startswith(date_format(AT, "SHORT_DATE_FORMAT"))
        assert date_format(AT, "DATETIME_FORMAT") == full
        assert full.startswith(date_format(AT, "DATE_FORMAT"))
        assert date_format(AT, "TIME_FORMAT") == clock
