"""Idempotency-Key: a POST that is sent again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from support.api_client import Api, batch_row, fields, said

from calldron.store.models import Batch, Call, IdempotentAnswer

pytestmark = pytest.mark.django_db

KEPT = ("Content-Type", "Location", "Content-Language", "Warning")


def same(one: HttpResponse, other: HttpResponse) -> bool:
    return (one.status_code, one.content, [one.headers.get(name) for name in KEPT]) == (
        other.status_code,
        other.content,
        [other.headers.get(name) for name in KEPT],
    )


def test_a_repeat_gets_the_first_answer_and_does_nothing(api: Api) -> None:
    body = {"name": "x", "time_from": "2000-01-01T08:00:00+01:00"}
    first, again = (api.post("/batches", body, Idempotency_Key="k") for _ in range(2))
    assert first.status_code == 201
    assert "Warning" in first
    assert same(first, again)
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Batch.objects.count() == 1


def test_calls_are_not_queued_twice(api: Api) -> None:
    batch = api.batch()
    calls = [{"phone_number": "+79997778855"}, {"phone_number": "+79997778856"}]
    first, again = (api.post(f"{batch}/calls", calls, Idempotency_Key="k") for _ in range(2))
    assert same(first, again)
    assert (Call.objects.count(), batch_row(batch).total) == (2, 2)


def test_a_switch_is_answered_as_the_first_time_whatever_came_since(api: Api) -> None:
    batch = api.batch()
    first = api.post(f"{batch}/start", Idempotency_Key="k")
    api.post(f"{batch}/pause")
    again = api.post(f"{batch}/start", Idempotency_Key="k")
    assert same(first, again)
    assert batch_row(batch).state == "paused"


@pytest.mark.parametrize(("body", "status"), [({"attempts": 99}, 422), (b"{", 400)])
def test_a_refusal_is_repeated_too_in_its_first_language(api: Api, body: Any, status: int) -> None:
    first = api.post("/batches", body, Idempotency_Key="k", Accept_Language="ru")
    again = api.post("/batches", body, Idempotency_Key="k", Accept_Language="en")
    assert first.status_code == status
    assert same(first, again)


def test_another_body_or_path_under_the_key_is_refused(api: Api) -> None:
    batch = api.batch()
    api.post("/batches", {"name": "x"}, Idempotency_Key="k")
    for response in (
        api.post("/batches", {"name": "y"}, Idempotency_Key="k"),
        api.post(f"{batch}/start", Idempotency_Key="k"),
    ):
        assert fields(response) == ["Idempotency-Key"]
        assert said(response)["type"].endswith("/idempotency-key-reused")
    assert batch_row(batch).state == "fresh"


def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(api: Api, outsider: Api) -> None:
    mine, theirs = (one.post("/batches", {}, Idempotency_Key="k") for one in (api, outsider))
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert said(mine) != said(theirs)


@pytest.mark.parametrize("key", ["x" * 256, "ключ"])
def test_a_key_that_can_t_be_is_refused(api: Api, key: str) -> None:
    assert fields(api.post("/batches", {}, Idempotency_Key=key)) == ["Idempotency-Key"]
    assert not Batch.objects.exists()


def test_a_key_is_kept_for_a_day(api: Api) -> None:
    api.post("/batches", {}, Idempotency_Key="k")
    api.post("/batches", {}, Idempotency_Key="other")
    IdempotentAnswer.objects.update(created_at=datetime.now(UTC) - timedelta(hours=24, seconds=1))
    assert "Idempotent-Replayed" not in api.post("/batches", {}, Idempotency_Key="k")
    assert Batch.objects.count() == 3
    assert IdempotentAnswer.objects.count() == 1


def unanswered(api: Api, age: timedelta) -> None:
    """The traces of a request under the key "k" that came so long ago and has not been answered."""
    api.post("/batches", {"name": "x"}, Idempotency_Key="k")
    Batch.objects.all().delete()
    IdempotentAnswer.objects.update(status=None, body=b"", headers={}, created_at=datetime.now(UTC) - age)


def test_while_the_first_is_at_work_a_second_is_told_to_wait(api: Api) -> None:
    unanswered(api, timedelta(seconds=20))
    response = api.post("/batches", {"name": "x"}, Idempotency_Key="k")
    assert response.status_code == 409
    assert int(response["Retry-After"]) > 0
    assert not Batch.objects.exists()


def test_the_key_of_a_dead_process_is_taken_over(api: Api) -> None:
    unanswered(api, timedelta(seconds=31))
    first = api.post("/batches", {"name": "x"}, Idempotency_Key="k")
    again = api.post("/batches", {"name": "x"}, Idempotency_Key="k")
    assert first.status_code == 201
    assert same(first, again)
    assert Batch.objects.count() == 1


def test_work_whose_key_was_taken_over_meanwhile_is_undone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from calldron.services import batches

    create = batches.create

    def slow(*args: Any) -> list[Batch]:
        made = create(*args)
        IdempotentAnswer.objects.update(created_at=datetime.now(UTC) + timedelta(seconds=1))
        return made

    monkeypatch.setattr(batches, "create", slow)
    assert api.post("/batches", {}, Idempotency_Key="k").status_code == 409
    assert not Batch.objects.exists()


def test_after_a_crash_the_key_is_free_and_nothing_was_done(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from calldron.services import batches

    create = batches.create

    def crash(*args: Any) -> list[Batch]:
        create(*args)
        raise RuntimeError

    monkeypatch.setattr(batches, "create", crash)
    assert api.post("/batches", {}, Idempotency_Key="k").status_code == 500
    assert not Batch.objects.exists()
    monkeypatch.undo()
    assert api.post("/batches", {}, Idempotency_Key="k").status_code == 201
