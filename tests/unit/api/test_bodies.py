"""The three shapes of a body, and everything a body can be instead."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.api_client import Api, batch_row, fields, said

from calldron.store.models import Batch

pytestmark = pytest.mark.django_db

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "shape", [[{"batch": {"name": "x"}}], {"batch": {"name": "x"}}, {"name": "x"}, [{"BATCH": {"NAME": "x"}}]]
)
def test_every_shape_makes_the_same_batch(api: Api, shape: Any) -> None:
    response = api.post("/batches", shape)
    assert response.status_code == 201
    made = said(response)
    assert list(made) == ["id"]
    assert said(api.get(f"/batches/{made['id']}"))["name"] == "x"


def test_several_are_answered_in_their_order(api: Api) -> None:
    made = said(api.post("/batches", [{"batch": {"name": name}} for name in "abc"]))
    assert [said(api.get(f"/batches/{one['id']}"))["name"] for one in made] == ["a", "b", "c"]


def test_a_list_makes_all_or_none_and_names_every_mistake_where_it_was_made(api: Api) -> None:
    response = api.post(
        "/batches",
        [
            {"batch": {"Name": "good"}},
            {"batch": {"Attempts": 21, "colour": "red"}},
            {"name": "good", "Time_zone": "Mars"},
            {"BATCH": 7},
            [],
            {"batch": {"name": "x", "NAME": "y"}},
        ],
    )
    assert sorted(fields(response)) == [
        "[1].batch.Attempts",
        "[1].batch.colour",
        "[2].Time_zone",
        "[3].BATCH",
        "[4]",
        "[5].batch.NAME",
    ]
    assert not Batch.objects.exists()


def test_no_more_than_a_hundred_mistakes_are_listed_and_all_are_counted(api: Api) -> None:
    batch = api.batch()
    response = api.post(f"{batch}/calls", [{"phone_number": "no"}] * 250)
    assert len(fields(response)) == 100
    assert "250" in said(response)["detail"]


@pytest.mark.parametrize("body", [b'{"name": "a", "name": "b"}', b'{"batch": {"name": "a", "Name": "b"}}'])
def test_a_field_given_twice_is_refused(api: Api, body: bytes) -> None:
    assert fields(api.post("/batches", body))[0].lower().endswith("name")


@pytest.mark.parametrize("body", [[], [[]], [1], "x", 7, None, [{"batch": {}}] * 1001])
def test_what_is_no_batch_is_refused(api: Api, body: Any) -> None:
    assert fields(api.post("/batches", json.dumps(body).encode()))
    assert not Batch.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}{}",
        b"\xff\xfe{\x00}\x00",
        b'{"name": "\xff"}',
        b'{"attempts": NaN}',
        b'{"attempts": -Infinity}',
        b'{"attempts": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{'name': 'x'}",
    ],
)
def test_what_is_no_json_is_malformed(api: Api, body: bytes) -> None:
    response = api.post("/batches", body, Content_Type="application/json")
    assert response.status_code == 400
    assert said(response)["type"].endswith("/malformed-json")


def test_a_mark_of_byte_order_is_no_harm(api: Api) -> None:
    assert api.post("/batches", b"\xef\xbb\xbf{}").status_code == 201


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_another_media_type_is_refused(api: Api, kind: str) -> None:
    response = api.post("/batches", b"{}", Content_Type=kind)
    assert response.status_code == 415
    assert "application/json" in said(response)["detail"]


def test_the_media_type_may_carry_a_charset(api: Api) -> None:
    assert api.post("/batches", b"{}", Content_Type="Application/JSON; charset=utf-8").status_code == 201


@pytest.mark.parametrize("text", ["\ud800", "a\u0000b", "a\u0007"])
@pytest.mark.parametrize("field", ["name", "description", "intro_filename", "callback", "from", "time_zone", "type"])
def test_characters_no_text_has_are_refused(api: Api, field: str, text: str) -> None:
    assert fields(api.post("/batches", {field: text})) == [field]


def test_a_name_that_utf8_cannot_spell_is_named_all_the_same(api: Api) -> None:
    assert fields(api.post("/batches", b'{"\\ud800": 1}')) == ["\ud800"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(["name", "attempts", "time_from", "callback", "intro", "record", "x"]), JSON) | JSON
)
def test_any_json_gets_an_answer_and_never_a_crash(api: Api, body: Any) -> None:
    response = api.post("/batches", json.dumps(body).encode())
    assert response.status_code in (201, 400, 422)


def test_the_body_of_an_update_is_one_batch(api: Api) -> None:
    batch = api.batch()
    assert api.put(batch, [{"batch": {"name": "y"}}]).status_code == 200
    assert batch_row(batch).name == "y"
    assert fields(api.put(batch, [{"name": "a"}, {"name": "b"}])) == [""]


def test_parts_of_fields_and_names_with_dots_are_told_as_they_were_sent(api: Api) -> None:
    body = {"Retry": {"BUSY": {"delay": -1}}, "Re.Try": 1, "İ.Name": 2}
    assert fields(api.post("/batches", [{"batch": body}])) == [
        "[0].batch.Re.Try",
        "[0].batch.İ.Name",
        "[0].batch.Retry.busy.delay",
    ]
