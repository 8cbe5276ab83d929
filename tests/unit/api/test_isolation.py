"""Nobody sees or touches another account's things; without a key nobody sees anything."""

from datetime import UTC, datetime

import pytest
from support.api_client import Api, batch_row, call_row, said

from calldron.api.v1.api import api as ninja
from calldron.store.models import Batch, Call

pytestmark = pytest.mark.django_db

ENDPOINTS = [
    ("GET", "{batch}"),
    ("PUT", "{batch}"),
    ("DELETE", "{batch}"),
    ("POST", "{batch}/start"),
    ("POST", "{batch}/pause"),
    ("POST", "{batch}/resume"),
    ("POST", "{batch}/stop"),
    ("GET", "{batch}/calls"),
    ("POST", "{batch}/calls"),
    ("GET", "{call}"),
    ("DELETE", "{call}"),
    ("GET", "{call}/record.mp3"),
    ("GET", "{batch}/why"),
    ("GET", "{batch}/stats"),
    ("GET", "{call}/why"),
    ("GET", "{call}/attempts"),
]
OPEN = [
    ("GET", "/"),
    ("GET", "/batches"),
    ("POST", "/batches"),
    ("GET", "/account"),
    ("PUT", "/account"),
    ("GET", "/stop-list"),
    ("POST", "/stop-list"),
    ("GET", "/stop-list.csv"),
    ("POST", "/stop-list.csv"),
    ("POST", "/stop-list/remove"),
    ("GET", "/stop-list/{number}"),
    ("DELETE", "/stop-list/{number}"),
]
BODIES = {"PUT": {"name": "stolen"}, "POST": {"phone_number": "+79991112233"}}


def test_every_endpoint_is_tested_here() -> None:
    known = {
        (method, path.replace("{id:batch_id}", "1").replace("{id:call_id}", "1").replace("number:", ""))
        for _prefix, router in ninja._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }
    tested = {
        (method, path.format(batch="/batches/1", call="/batches/1/calls/1", number="{number}"))
        for method, path in ENDPOINTS + OPEN
    }
    assert known == tested


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_an_outsider_finds_nothing_and_changes_nothing(api: Api, outsider: Api, method: str, path: str) -> None:
    batch = api.batch(name="mine")
    call = api.call(batch)
    Call.objects.update(recording="x.mp3")
    before = (list(Batch.objects.values()), list(Call.objects.values()))

    theirs = outsider(method, path.format(batch=batch, call=call, number="+79991110001"), BODIES.get(method))
    nothing = outsider(method, path.format(batch="/batches/999", call="/batches/999/calls/999"), BODIES.get(method))

    assert theirs.status_code == nothing.status_code == 404
    assert said(theirs)["type"] == said(nothing)["type"]
    assert (list(Batch.objects.values()), list(Call.objects.values())) == before


@pytest.mark.parametrize(("method", "path"), [endpoint for endpoint in ENDPOINTS if "{call}" in endpoint[1]])
def test_a_call_is_not_reached_through_a_batch_of_one_s_own(api: Api, outsider: Api, method: str, path: str) -> None:
    foreign = api.call(api.batch())
    own = f"{outsider.batch()}/calls/{call_row(foreign).pk}"
    assert outsider(method, path.format(call=own)).status_code == 404
    assert not call_row(foreign).final


@pytest.mark.parametrize(("method", "path"), ENDPOINTS + OPEN)
def test_without_a_key_there_is_nothing(api: Api, anonymous: Api, method: str, path: str) -> None:
    batch = api.batch(name="mine")
    call = api.call(batch)
    response = anonymous(method, path.format(batch=batch, call=call, number="+79991110001"), BODIES.get(method))
    assert response.status_code == 401
    assert batch_row(batch).name == "mine"


def test_lists_hold_one_s_own(api: Api, outsider: Api) -> None:
    mine, theirs = api.batch(), outsider.batch()
    assert [f"/batches/{batch['id']}" for batch in said(api.get("/batches"))] == [mine]
    assert [f"/batches/{batch['id']}" for batch in said(outsider.get("/batches"))] == [theirs]
    assert outsider.get("/batches")["X-Total-Count"] == "1"


def test_a_stop_list_is_one_s_own(api: Api, outsider: Api) -> None:
    api.post("/stop-list", [{"number": "+79991110001", "comment": "mine"}])
    assert said(outsider.get("/stop-list")) == []
    assert said(outsider.get("/stop-list?number=79991110001")) == []
    assert outsider.get("/stop-list/79991110001").status_code == 404
    assert b"".join(outsider.get("/stop-list.csv")) == b"number,comment,source,created_at\r\n"
    assert said(outsider.post("/stop-list", [{"number": "+79991110001"}])) == {"added": "1", "known": "0"}
    assert said(outsider.post("/stop-list/remove", ["+79991110001"])) == {"removed": "1", "unknown": "0"}
    assert outsider.delete("/stop-list/79991110001").status_code == 404
    assert [entry["comment"] for entry in said(api.get("/stop-list"))] == ["mine"]


def test_an_account_is_one_s_own(api: Api, outsider: Api) -> None:
    held = api.call(api.batch())
    Call.objects.update(held_by="quota", due_at=datetime(2099, 1, 1, tzinfo=UTC))
    outsider.put("/account", {"name": "theirs", "quota_day": 1})
    assert said(api.get("/account"))["name"] == "owner@example.org"
    assert said(outsider.get("/account"))["name"] == "theirs"
    assert call_row(held).held_by == "quota"
