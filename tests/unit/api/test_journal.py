"""What programs change, in the journal of the account."""

import pytest
from support.api_client import Api

from calldron.store.models import AuditEntry

pytestmark = pytest.mark.django_db


def noted() -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("who", "action", "subject"))


def test_what_becomes_of_a_batch_is_noted(api: Api) -> None:
    batch = api.batch(name="Spring", confirmation="timeout")
    api.put(batch, {"name": "Summer"})
    for way in ("start", "start", "pause", "resume", "stop"):
        assert api.post(f"{batch}/{way}").status_code == 200
    api.delete(batch)
    assert noted() == [
        ("api", "batch_created", "Spring"),
        ("api", "batch_changed", "Summer"),
        ("api", "batch_started", "Summer"),
        ("api", "batch_paused", "Summer"),
        ("api", "batch_resumed", "Summer"),
        ("api", "batch_stopped", "Summer"),
        ("api", "batch_deleted", "Summer"),
    ]
    assert {entry.address for entry in AuditEntry.objects.all()} == {"127.0.0.1"}


def test_a_request_is_one_note_however_much_it_brings(api: Api) -> None:
    api.post("/batches", [{"name": name, "confirmation": "timeout"} for name in ("One", "Two")])
    batch = api.batch(name="Many", confirmation="timeout")
    api.post(f"{batch}/calls", [{"phone_number": f"+7999111{number:04}"} for number in range(50)])
    assert noted()[0] == ("api", "batch_created", "One, Two")
    assert noted()[2:] == [("api", "calls_added", "Many")]
    assert AuditEntry.objects.latest("id").details == {"added": 50}


def test_single_calls_that_programs_ask_for_all_day_are_not_noted(api: Api) -> None:
    batch = api.batch(type="instant", name="At once", confirmation="timeout")
    api.delete(api.call(batch))
    assert noted() == [("api", "batch_created", "At once")]


def test_the_stop_list_and_the_account(api: Api) -> None:
    api.post("/stop-list", {"number": "+79991110001"})
    api.post("/stop-list", {"number": "+79991110001"})  # it is there
    api.post("/stop-list", [{"number": "+79991110002"}, {"number": "+79991110003"}])
    api.delete("/stop-list/79991110001")
    api.post("/stop-list/remove", [{"number": "+79991110002"}, {"number": "+79991110003"}])
    api.put("/account", {"quota_day": 3})
    assert noted() == [
        ("api", "stop_list_added", "+79991110001"),
        ("api", "stop_list_added", "2 numbers"),
        ("api", "stop_list_removed", "+79991110001"),
        ("api", "stop_list_removed", "2 numbers"),
        ("api", "account_changed", ""),
    ]


def test_what_is_refused_or_answered_again_is_not_noted(api: Api) -> None:
    for _ in range(2):
        api.post("/batches", {"name": "Once", "confirmation": "timeout"}, Idempotency_Key="k")
    assert api.post("/batches/999999/start").status_code == 404
    batch = api.batch(name="Stopped", confirmation="timeout")
    api.post(f"{batch}/stop")
    assert api.post(f"{batch}/start").status_code == 409
    assert [entry[1:] for entry in noted()] == [
        ("batch_created", "Once"),
        ("batch_created", "Stopped"),
        ("batch_stopped", "Stopped"),
    ]
