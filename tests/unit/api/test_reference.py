"""The OpenAPI document says what the readers do."""

import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import validator_for

from calldron.api.v1.openapi import document
from calldron.api.v1.schema_parts import WHOLE
from calldron.api.v1.schemas import BATCH_GIVEN, CALL_GIVEN
from calldron.domain.calendar import WEEKDAYS
from calldron.domain.errors import InvalidInput
from calldron.services import days, retries, values
from calldron.services.batch_fields import NAMES, NOT_YET
from calldron.store import public_holidays

LIMIT = st.none() | st.just("") | st.integers(-1, 700_000) | st.from_regex(r"[0-9]{1,7}", fullmatch=True)
OVERRIDE = (
    st.none()
    | st.sampled_from(["", True, False, "true", "0", 1, []])
    | st.dictionaries(st.sampled_from(["attempts", "delay", "x"]), LIMIT, max_size=2)
)
HOLIDAY = st.sampled_from(["2026-12-31", "02-29", "02-30", "12-31", "13-01", "RU", "us-ca", "R", "RUS", "", 7, None])
HOURS = st.from_regex(r" ?[0-2][0-9]:[0-5][0-9] ?[-–][0-2][0-9]:[0-5][0-9]\n?", fullmatch=True) | st.just("09:00-24:00")
DAY = HOURS | st.sampled_from(["", None, True, False, "0", "false", 0, "yes"]) | st.lists(HOLIDAY, max_size=2)
ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.from_regex(r"[+ ()0-9\-\u2013]{0,24}")
    | st.from_regex(r"[0-9]{1,6}")
    | st.from_regex(r"(2000-01-01T)?[012][0-9]:[0-6][0-9](:[0-6][0-9])?(Z|[+-][0-9]{2}:?[0-9]{2})?", fullmatch=True)
    | st.from_regex(r"sips?:[a-z0-9@:;=.\[\]-]{0,30}")
    | st.from_regex(r"[0-9]{1,5}(\.[0-9]{1,4})?", fullmatch=True)
    | st.sampled_from([*"0123456789*#"])
    | st.floats(0, 1000)
    | st.dictionaries(st.sampled_from(["mon", "sun", "holidays", "x"]), DAY, max_size=3)
    | st.dictionaries(st.sampled_from(["busy", "machine", "failed", "rejected", "x"]), OVERRIDE, max_size=2)
)
FORMATS = {"holidays": lambda value: len(value) == 2 and public_holidays.is_known(value.upper())}
READERS = {
    "name": values.text(200),
    "description": values.text(10_000, lines=True),
    "attempts": values.whole(1, 20),
    "call_delay": values.whole(0, 604_800),
    "ring_timeout": values.whole(5, 120),
    "timeout_before_intro_callback": values.whole(0, 3_600),
    "confirm_digits": values.keys,
    "callback": values.operator,
    "from": values.caller_id,
    "time_from": values.wall_clock,
    "time_to": values.wall_clock,
    "record": values.flag,
    "cps": values.rate(1000),
    "channels": values.whole(0, 100_000),
    "opt_out_digit": values.key,
    "retry": retries.read,
    "days": days.read,
}


@pytest.mark.parametrize(("least", "most"), WHOLE)
def test_the_patterns_of_numbers_are_exact(least: int, most: int) -> None:
    pattern = re.compile(WHOLE[least, most])
    assert [n for n in range(most + 2000) if pattern.fullmatch(str(n))] == list(range(least, most + 1))


@pytest.mark.parametrize("field", READERS)
@given(value=ANYTHING)
def test_the_schema_of_a_field_takes_what_its_reader_takes(field: str, value: Any) -> None:
    if value is None or value == "":
        return  # stands for the default in both
    schema = validator_for(BATCH_GIVEN["properties"][field], validate_formats=True, formats=FORMATS)
    assert schema.is_valid(value) is reads(READERS[field], value)


@given(ANYTHING)
def test_the_schema_of_a_phone_number_takes_what_its_reader_takes(value: Any) -> None:
    schema = validator_for(CALL_GIVEN["properties"]["phone_number"])
    assert schema.is_valid(value) is reads(values.phone_number, value)


@given(st.fixed_dictionaries({day: st.sampled_from([False, "0", "false", True, ""]) for day in WEEKDAYS}))
def test_the_schema_takes_no_week_without_a_day(value: dict[str, Any]) -> None:
    assert validator_for(BATCH_GIVEN["properties"]["days"]).is_valid(value) is reads(days.read, value)


def reads(reader: values.Reader, value: object) -> bool:
    try:
        reader(value)
    except InvalidInput:
        return False
    return True


def test_every_field_is_described_and_those_to_come_are_not() -> None:
    assert set(BATCH_GIVEN["properties"]) == NAMES
    assert not NAMES & NOT_YET
    assert all(field["description"] for field in BATCH_GIVEN["properties"].values())


def test_every_operation_has_a_name_a_summary_and_its_refusals() -> None:
    operations = [one for path in document()["paths"].values() for one in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert {"401", "429", "503"} <= set(operation["responses"])


def test_the_document_is_served_whole_and_so_is_the_page_s_script() -> None:
    client = Client()
    assert client.get("/v1/openapi.json").json() == document()
    page = client.get("/v1/docs").content.decode()
    (script,) = re.findall(r'<script src="([^"]+)"', page)
    response = client.get(script)
    assert response.status_code == 200
    assert "javascript" in response["Content-Type"]
