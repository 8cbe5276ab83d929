"""The account: what holds for all of its batches."""

from datetime import UTC, datetime
from typing import Any

import pytest
from support.api_client import Api, batch_row, call_row, fields, said

from calldron.services import accounts
from calldron.store.models import Batch, Call

pytestmark = pytest.mark.django_db

LATER = datetime(2099, 1, 1, tzinfo=UTC)


def test_an_account_has_defaults(api: Api) -> None:
    body = said(api.get("/account"))
    assert body.pop("created_at")
    assert body == {
        "id": said(api.get("/"))["account"]["id"],
        "name": "owner@example.org",
        "from": "",
        "time_zone": "Europe/Moscow",
        "strict_numbers": False,
        "quota_day": "0",
        "quota_week": "0",
        "quota_month": "0",
        "cps": "0",
        "channels": "0",
    }


@pytest.mark.parametrize(
    ("field", "given", "shown"),
    [
        ("name", "Ромашка", "Ромашка"),
        ("from", "+7 (495) 123-45-67", "+7 (495) 123-45-67"),
        ("from", 74951234567, "74951234567"),
        ("from", None, ""),
        ("time_zone", "Samara", "Samara"),
        ("time_zone", "", "Europe/Moscow"),
        ("strict_numbers", True, True),
        ("strict_numbers", "1", True),
        ("strict_numbers", None, False),
        ("quota_day", 1, "1"),
        ("quota_week", "1000", "1000"),
        ("quota_month", 0, "0"),
        ("quota_month", None, "0"),
    ],
)
@pytest.mark.parametrize("shape", [lambda body: body, lambda body: {"account": body}, lambda body: [{"Account": body}]])
def test_a_field_is_changed_and_comes_back(api: Api, shape: Any, field: str, given: Any, shown: Any) -> None:
    before = said(api.get("/account"))
    response = api.put("/account", shape({field.title(): given}))
    assert (response.status_code, said(response)) == (200, {"id": before["id"]})
    assert said(api.get("/account")) == before | {field: shown}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        *(("name", value) for value in ("", None, 5, "x" * 201, "two\nlines")),
        *(("from", value) for value in ("sip:a@b.c", "12", [], True)),
        *(("time_zone", value) for value in ("callee", "Mars", 3)),
        *(("strict_numbers", value) for value in ("yes", 2)),
        *(
            (field, value)
            for field in ("quota_day", "quota_week", "quota_month")
            for value in (-1, 1001, 0.5, "x", True, {})
        ),
        *((field, 1) for field in ("cps", "channels", "id", "created_at", "x")),
    ],
)
def test_a_value_that_can_t_be_is_refused_by_name(api: Api, field: str, given: Any) -> None:
    before = said(api.get("/account"))
    response = api.put("/account", {"name": "good", field: given} if field != "name" else {field: given})
    assert fields(response) == [field]
    assert said(api.get("/account")) == before


def test_limits_of_the_installation_are_shown_and_said_to_be_just_that(api: Api) -> None:
    accounts.set_limits("owner@example.org", cps=2.5, channels=30)
    body = said(api.get("/account"))
    assert (body["cps"], body["channels"]) == ("2.5", "30")
    (error,) = said(api.put("/account", {"cps": 100}))["errors"]
    assert "operator" in error["message"]


def test_nothing_is_changed_by_nothing(api: Api) -> None:
    before = said(api.get("/account"))
    assert api.put("/account", {}).status_code == 200
    assert fields(api.put("/account", [{}, {}])) == [""]
    assert fields(api.put("/account", [])) == [""]
    assert said(api.get("/account")) == before


def test_new_batches_and_numbers_go_by_it(api: Api) -> None:
    api.put("/account", {"time_zone": "Samara", "strict_numbers": True})
    batch = api.batch()
    assert batch_row(batch).time_zone == "Samara"
    assert fields(api.post(f"{batch}/calls", {"phone_number": "+79991"})) == ["phone_number"]


@pytest.mark.parametrize(
    ("change", "let_go"),
    [
        ({"quota_day": 2}, True),
        ({"quota_week": 2}, True),
        ({"quota_month": 2}, True),
        ({"time_zone": "Samara"}, True),
        ({"name": "other", "from": "+74951234567"}, False),
    ],
)
@pytest.mark.parametrize("state", ["running", "paused"])
def test_a_change_of_quotas_lets_calls_go_that_were_put_off(
    api: Api, state: str, change: dict[str, Any], let_go: bool
) -> None:
    batch = api.batch()
    held, waits, up = api.call(batch), api.call(batch), api.call(batch)
    Call.objects.filter(pk=call_row(held).pk).update(held_by="quota", due_at=LATER)
    Call.objects.filter(pk=call_row(waits).pk).update(due_at=LATER)
    Call.objects.filter(pk=call_row(up).pk).update(held_by="quota", due_at=None)
    Batch.objects.update(wait_until=LATER, state=state)

    api.put("/account", change)

    row = call_row(held)
    assert row.due_at is not None
    assert (row.held_by, row.due_at < LATER) == (("", True) if let_go else ("quota", False))
    assert call_row(waits).due_at == LATER
    assert call_row(up).due_at is None
    assert (batch_row(batch).wait_until is None) is let_go
