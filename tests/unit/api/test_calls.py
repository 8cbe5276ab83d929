"""Calls: adding, reading, taking back; lists in pages."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from support.api_client import Api, batch_row, call_row, fields, said

from calldron.config import config
from calldron.store.models import Account, Attempt, Batch, Call

pytestmark = pytest.mark.django_db


def test_a_call_is_queued_due_at_once(api: Api) -> None:
    batch = api.batch()
    response = api.post(f"{batch}/calls", [{"call": {"phone_number": "+79997778855"}}])
    assert response.status_code == 201
    made = said(response)
    assert response["Location"] == f"{config().public_url}/v1{batch}/calls/{made['id']}"

    shown = said(api.get(f"{batch}/calls/{made['id']}"))
    assert shown.pop("created_at")
    assert shown == {
        "id": made["id"],
        "phone_number": "+79997778855",
        "duration": "0.0",
        "status": "queued",
        "result": None,
        "final": False,
        "dialed_at": None,
        "ended_at": None,
        "record_url": None,
        "record_link": None,
        "digits": "",
        "suspect": False,
        "tries": [],
    }
    row = Call.objects.get()
    assert row.due_at == row.created_at
    assert row.account == api.account
    assert (batch_row(batch).total, batch_row(batch).unfinished) == (1, 1)


def test_many_are_answered_in_their_order_and_counted(api: Api) -> None:
    batch = api.batch()
    api.call(batch)
    numbers = [f"+7999{n:07}" for n in range(500)]
    made = said(api.post(f"{batch}/calls", [{"call": {"phone_number": number}} for number in numbers]))
    rows = dict(Call.objects.values_list("id", "number"))
    assert [rows[int(one["id"])] for one in made] == numbers
    assert [int(one["id"]) for one in made] == sorted(int(one["id"]) for one in made)
    assert (batch_row(batch).total, batch_row(batch).unfinished) == (501, 501)


def test_ids_are_never_given_twice(api: Api) -> None:
    batch = api.batch()
    last = call_row(api.call(batch)).pk
    Call.objects.all().delete()
    assert call_row(api.call(batch)).pk > last


def test_adding_wakes_the_dialer(api: Api) -> None:
    batch = api.batch()
    Batch.objects.update(wait_until="2099-01-01T00:00:00Z")
    api.call(batch)
    assert batch_row(batch).wait_until is None


def test_a_callback_needs_somebody_to_connect(api: Api) -> None:
    batch = api.batch(type="callback")
    assert api.post(f"{batch}/calls", {"phone_number": "+79997778855"}).status_code == 409
    api.put(batch, {"callback": "+74950008000"})
    assert api.post(f"{batch}/calls", {"phone_number": "+79997778855"}).status_code == 201


def test_one_bad_number_and_none_is_taken(api: Api) -> None:
    batch = api.batch()
    numbers = ["+79997778855", "12345", "8 (999) 777", "+7999abc", None, 79997778855, True, 1.5, []]
    response = api.post(f"{batch}/calls", [{"Call": {"Phone_Number": number}} for number in numbers])
    assert fields(response) == [f"[{place}].Call.Phone_Number" for place in (1, 3, 4, 6, 7, 8)]
    assert not Call.objects.exists()
    assert batch_row(batch).total == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "phone_number"),
        ({"call": {}}, "call.phone_number"),
        ({"phone_number": "+79997778855", "priority": 1}, "priority"),
        ({"phone_number": "+79997778855", "variables": {}}, "variables"),
    ],
)
def test_what_a_call_can_t_have_is_refused_by_name(api: Api, body: Any, field: str) -> None:
    assert fields(api.post(f"{api.batch()}/calls", body)) == [field]


def test_an_impossible_number_is_taken_and_marked_unless_the_account_is_strict(api: Api) -> None:
    batch = api.batch()
    assert said(api.get(api.call(batch, "+7491231212")))["suspect"] is True
    assert said(api.get(api.call(batch, "+79997778855")))["suspect"] is False
    Account.objects.update(strict_numbers=True)
    assert fields(api.post(f"{batch}/calls", [{"phone_number": "+7491231212"}])) == ["[0].phone_number"]
    api.call(batch, "+79997778855")


def test_a_call_under_another_batch_is_not_there(api: Api) -> None:
    one, other = api.batch(), api.batch()
    call = api.call(one).rsplit("/", 1)[1]
    assert api.get(f"{one}/calls/{call}").status_code == 200
    for response in (
        api.get(f"{other}/calls/{call}"),
        api.delete(f"{other}/calls/{call}"),
        api.get(f"{other}/calls/{call}/record.mp3"),
    ):
        assert response.status_code == 404


def test_a_call_shows_what_became_of_it(api: Api) -> None:
    path = api.call(api.batch())
    Call.objects.update(
        status="answered",
        result="confirmed",
        final=True,
        due_at=None,
        digits="1",
        talk=60.04,
        dialed_at="2016-11-22T15:36:39.900Z",
        ended_at="2016-11-22T18:37:39+03:00",
        recording="7/1.mp3",
    )
    Attempt.objects.create(
        call=call_row(path),
        number_of_try=1,
        node="n",
        lease=1,
        lease_until="2026-01-01T00:00:00Z",
        started_at="2016-11-22T15:36:39Z",
        ended_at="2016-11-22T15:37:39Z",
        outcome="answered",
        fault="none",
        sip_code=200,
        talk=60.04,
    )
    shown = said(api.get(path))
    assert shown["duration"] == "60.0"
    assert (shown["dialed_at"], shown["ended_at"]) == ("2016-11-22 15:36:39", "2016-11-22 15:37:39")
    assert (shown["status"], shown["result"], shown["final"], shown["digits"]) == ("answered", "confirmed", True, "1")
    assert shown["record_url"] == f"{config().public_url}/v1{path}/record.mp3"
    assert shown["tries"] == [
        {
            "number": "1",
            "started_at": "2016-11-22 15:36:39",
            "ended_at": "2016-11-22 15:37:39",
            "outcome": "answered",
            "result": None,
            "fault": "none",
            "sip_code": "200",
            "duration": "60.0",
        }
    ]


class TestTakingBack:
    def test_one_that_waits_is_final_at_once(self, api: Api) -> None:
        batch = api.batch(autostart=True)
        one, two = api.call(batch), api.call(batch)
        response = api.delete(one)
        assert (response.status_code, said(response)) == (200, {"id": one.rsplit("/", 1)[1]})
        assert (call_row(one).status, call_row(one).final, call_row(one).due_at) == ("canceled", True, None)
        assert (batch_row(batch).state, batch_row(batch).unfinished) == ("running", 1)
        assert api.delete(one).status_code == 200
        assert batch_row(batch).unfinished == 1

        api.delete(two)
        assert (batch_row(batch).state, batch_row(batch).unfinished) == ("finished", 0)
        assert batch_row(batch).finished_at is not None

    def test_one_that_waits_for_its_next_try_is_canceled_too(self, api: Api) -> None:
        call = api.call(api.batch())
        Call.objects.update(status="busy", client_dials=1)
        api.delete(call)
        assert (call_row(call).status, call_row(call).final) == ("canceled", True)

    def test_one_that_is_up_is_left_to_the_dialer(self, api: Api) -> None:
        batch = api.batch()
        call = api.call(batch)
        Call.objects.update(status="answered", due_at=None)
        assert api.delete(call).status_code == 200
        assert api.delete(call).status_code == 200
        row = call_row(call)
        assert (row.cancelled, row.final, row.status) == (True, False, "answered")
        assert batch_row(batch).unfinished == 1

    def test_one_that_is_over_stays_as_it_is(self, api: Api) -> None:
        call = api.call(api.batch())
        Call.objects.update(status="answered", final=True, due_at=None)
        assert api.delete(call).status_code == 409
        assert call_row(call).status == "answered"


def links(response: Any) -> dict[str, dict[str, list[str]]]:
    """The Link header field: relation to query."""
    found = {}
    for link in response["Link"].split(", "):
        address, relation = link.split("; ")
        found[relation[5:-1]] = parse_qs(urlsplit(address.strip("<>")).query)
    return found


class TestPages:
    def test_come_twenty_at_a_time_oldest_first(self, api: Api) -> None:
        batch = api.batch()
        made = said(api.post(f"{batch}/calls", [{"phone_number": f"+7999000{n:04}"} for n in range(45)]))
        ids = [one["id"] for one in made]

        first = api.get(f"{batch}/calls")
        assert [call["id"] for call in said(first)] == ids[:20]
        assert (first["X-Count"], first["X-Total-Count"]) == ("20", "45")
        assert {name: query["offset"] for name, query in links(first).items()} == {
            "first": ["0"],
            "next": ["20"],
            "last": ["40"],
        }
        last = api.get(f"{batch}/calls?offset=40")
        assert [call["id"] for call in said(last)] == ids[40:]
        assert links(last)["prev"]["offset"] == ["20"]
        assert "next" not in links(last)
        beyond = api.get(f"{batch}/calls?offset=1000&limit=7")
        assert said(beyond) == []
        assert links(beyond)["prev"] == {"limit": ["7"], "offset": ["42"]}

    def test_can_be_walked_along_their_links(self, api: Api) -> None:
        for _ in range(7):
            api.batch()
        seen, query = [], "limit=3&envelope=1"
        while query:
            response = api.get(f"/batches?{query}")
            body = said(response)
            assert (body["count"], body["total"]) == (len(body["items"]), 7)
            seen += [int(batch["id"]) for batch in body["items"]]
            following = links(response).get("next", {})
            query = "&".join(f"{name}={value[0]}" for name, value in following.items())
        assert seen == sorted(Batch.objects.values_list("id", flat=True))

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            *((f"limit={value}", "limit") for value in ("0", "101", "-1", "", "x", "1.0", "%201", "٣", "1e1")),
            *((f"offset={value}", "offset") for value in ("-1", "", "x", "9" * 30)),
            *((f"envelope={value}", "envelope") for value in ("2", "yes", "")),
            ("page=2", "page"),
        ],
    )
    @pytest.mark.parametrize("path", ["/batches", "/batches/{}/calls"])
    def test_that_can_t_be_are_refused(self, api: Api, path: str, query: str, field: str) -> None:
        batch = api.batch().removeprefix("/batches/")
        assert fields(api.get(f"{path.format(batch)}?{query}")) == [field]

    def test_of_a_long_list_cost_as_little_as_of_a_short_one(self, api: Api) -> None:
        batch = api.batch()
        api.post(f"{batch}/calls", [{"phone_number": "+79997778855"}] * 300)
        with connection.execute_wrapper(only_few := Statements()):
            api.get(f"{batch}/calls?limit=100")
        assert only_few.count <= 4


class Statements:
    """Counts what is sent to the database."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, *args: Any) -> Any:
        self.count += 1
        return execute(*args)
