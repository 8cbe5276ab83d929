import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.calendar import WEEKDAYS
from calldron.domain.errors import InvalidInput
from calldron.services import days
from calldron.store.windows import window_of

EVERY_DAY_CLOSED = dict.fromkeys(WEEKDAYS, False)


@pytest.mark.parametrize(
    ("given_", "kept"),
    [
        ({}, {}),
        ({"mon": True, "tue": None, "wed": "", "holidays": []}, {}),
        ({"sun": False, "mon": "09:00-18:00"}, {"mon": "09:00-18:00", "sun": False}),
        ({"Sun": "false", "MON": "true"}, {"sun": False}),
        ({"fri": "22:00-04:00"}, {"fri": "22:00-04:00"}),
        ({"fri": " 09:00 – 18:00 "}, {"fri": "09:00-18:00"}),
        ({"fri": "10:00-24:00"}, {"fri": "10:00-00:00"}),
        ({"fri": "00:00-24:00"}, {"fri": "00:00-00:00"}),
        ({"holidays": None}, {}),
        ({"Holidays": ["ru", "RU", "us-ca"]}, {"holidays": ["RU", "US-CA"]}),
        ({"holidays": ["2026-12-31", "01-07", "02-29"]}, {"holidays": ["2026-12-31", "01-07", "02-29"]}),
        ({**EVERY_DAY_CLOSED, "wed": "10:00-11:00"}, {**EVERY_DAY_CLOSED, "wed": "10:00-11:00"}),
    ],
)
def test_days_are_kept_in_one_form(given_: dict[str, object], kept: dict[str, object]) -> None:
    assert days.read(given_) == kept
    assert list(days.read(given_)) == [key for key in (*WEEKDAYS, "holidays") if key in kept]


@pytest.mark.parametrize(
    ("value", "field", "words"),
    [
        (None, "", "an object"),
        ("mon", "", "an object"),
        (["mon"], "", "an object"),
        ({"mon": False, "Mon": False}, "", "twice"),
        ({"monday": False}, "monday", '"mon", "tue"'),
        ({"mon": "9:00-18:00"}, "mon", "09:00-18:00"),
        ({"mon": "09:00-25:00"}, "mon", "09:00-18:00"),
        ({"mon": "24:00-09:00"}, "mon", "09:00-18:00"),
        ({"mon": "09:00"}, "mon", "09:00-18:00"),
        ({"mon": "09:00-18:00\n09:00-18:00"}, "mon", "09:00-18:00"),
        ({"mon": "٠٩:٠٠-18:00"}, "mon", "09:00-18:00"),
        ({"mon": 9}, "mon", "09:00-18:00"),
        ({"mon": ["09:00-18:00"]}, "mon", "09:00-18:00"),
        ({"sat": {"from": "09:00"}}, "sat", "09:00-18:00"),
        (EVERY_DAY_CLOSED, "", "No day"),
        ({"holidays": "RU"}, "holidays", "366"),
        ({"holidays": ["2026-01-01"] * 367}, "holidays", "366"),
        ({"holidays": {"RU": True}}, "holidays", "366"),
        ({"holidays": ["RU", "ZZ"]}, "holidays[1]", '"ZZ"'),
        ({"holidays": ["us-zz"]}, "holidays[0]", '"us-zz"'),
        ({"holidays": ["2026-02-29"]}, "holidays[0]", "2026-02-29"),
        ({"holidays": ["02-30"]}, "holidays[0]", "02-30"),
        ({"holidays": ["0000-01-01"]}, "holidays[0]", "0000-01-01"),
        ({"holidays": ["31.12.2026"]}, "holidays[0]", "31.12.2026"),
        ({"holidays": ["Russia"]}, "holidays[0]", "Russia"),
        ({"holidays": [20261231]}, "holidays[0]", "20261231"),
        ({"holidays": [["RU"]]}, "holidays[0]", "RU"),
        ({"holidays": [None]}, "holidays[0]", "None"),
    ],
)
def test_what_cannot_be_used_is_named(value: object, field: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=r".") as caught:
        days.read(value)
    assert caught.value.field == field
    assert words in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_batch_names_no_more_countries_than_can_be_asked_quickly() -> None:
    parts = ["AT", "BE", "BG", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "GR", "HU", "IE", "IS", "LT", "LU", "LV"]
    parts += ["US-CA", "US-NY"]
    assert days.read({"holidays": parts}) == {"holidays": parts}
    with pytest.raises(InvalidInput, match="at most 20"):
        days.read({"holidays": [*parts, "IT"]})


def test_refusals_speak_russian() -> None:
    with translation.override("ru"), pytest.raises(InvalidInput, match="Праздники"):
        days.read({"holidays": ["ZZ"]})


texts = st.text(max_size=12) | st.sampled_from(["RU", "01-07", "2026-12-31", "us-CA", "09:00-18:00", "10:00-24:00"])
anything = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | texts, st.lists)
objects = st.dictionaries(st.sampled_from([*WEEKDAYS, "holidays", "SAT"]), anything, max_size=8)


@given(objects | anything)
def test_whatever_is_taken_gives_a_window_and_itself_again(value: object) -> None:
    try:
        kept = days.read(value)
    except InvalidInput:
        return
    assert days.read(kept) == kept
    window_of("Moscow", 540, 1260, kept)
