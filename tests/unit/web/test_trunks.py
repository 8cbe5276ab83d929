"""The trunks' pages: for administrators alone, without a password in them, and every change noted."""

import json

import pytest
from django.http import HttpResponse
from django.test import Client
from support.people import Person

from calldron.services import trial_calls, trunks
from calldron.store.models import AuditEntry, Batch, Call, TrunkRow

FORM = {
    "name": "mine",
    "host": "sip.example.org",
    "port": "5060",
    "transport": "udp",
    "username": "joe",
    "password": "opensesame",
    "caller_id": "+74951234567",
    "cps": "1,5",
    "channels": "10",
    "priority": "2",
}
NUMBER = {"number": "+79991234567"}


@pytest.fixture
def trunk(db: None) -> TrunkRow:
    return trunks.add("first", "sip:joe:opensesame@sip.example.org", cps=2, channels=5)


@pytest.fixture
def call(trunk: TrunkRow, administrator: Person) -> Call:
    return trial_calls.place(administrator.account, trunk, NUMBER["number"])


def text(response: HttpResponse) -> str:
    shown = response.content.decode()
    assert "opensesame" not in shown
    return shown


def places(trunk: TrunkRow, call: Call) -> list[str]:
    return [
        "/trunks/",
        "/trunks/new",
        f"/trunks/{trunk.pk}/",
        f"/trunks/{trunk.pk}/remove",
        f"/trunks/{trunk.pk}/test",
        f"/trunks/{trunk.pk}/test/{call.batch_id}/{call.pk}/",
        f"/test-calls/{call.batch_id}/{call.pk}/",
    ]


@pytest.mark.parametrize("who", ["owner", "operator", "viewer", "outsider"])
def test_nobody_but_administrators_gets_in(
    request: pytest.FixtureRequest, trunk: TrunkRow, call: Call, who: str
) -> None:
    person: Person = request.getfixturevalue(who)
    for place in places(trunk, call):
        assert person.browser.get(place).status_code == 403, place
        assert person.browser.post(place, FORM | NUMBER).status_code == 403, place
    assert list(TrunkRow.objects.values_list("name", flat=True)) == ["first"]
    assert Call.objects.count() == 1
    assert "/trunks/" not in text(person.browser.get("/batches/"))


def test_strangers_are_asked_to_sign_in(anonymous: Client, trunk: TrunkRow, call: Call) -> None:
    for place in places(trunk, call):
        assert anonymous.get(place).headers["Location"].startswith("/sign-in")
        assert anonymous.post(place, FORM).headers["Location"].startswith("/sign-in")
    assert TrunkRow.objects.count() == 1


def test_an_administrator_sees_every_page(administrator: Person, trunk: TrunkRow, call: Call) -> None:
    for place in places(trunk, call):
        assert administrator.browser.get(place).status_code == 200, place
    assert 'href="/trunks/"' in text(administrator.browser.get("/batches/"))


def test_another_account_s_test_call_is_not_there(administrator: Person, outsider: Person, trunk: TrunkRow) -> None:
    theirs = trial_calls.place(outsider.account, trunk, NUMBER["number"])
    assert administrator.browser.get(f"/test-calls/{theirs.batch_id}/{theirs.pk}/").status_code == 404
    assert administrator.browser.get(f"/trunks/{trunk.pk}/test/{theirs.batch_id}/{theirs.pk}/").status_code == 404


def test_without_a_trunk_it_says_where_calls_go(administrator: Person) -> None:
    trunks.add("sandbox", "sip:127.0.0.1:5099", sandbox=True, priority=1000)
    shown = text(administrator.browser.get("/trunks/"))
    assert "Calls go to the sandbox" in shown
    assert "Test call in the sandbox" in shown
    assert "127.0.0.1" not in shown


def test_the_sandbox_is_neither_changed_nor_removed(administrator: Person) -> None:
    sandbox = trunks.add("sandbox", "sip:127.0.0.1:5099", sandbox=True)
    assert administrator.browser.get(f"/trunks/{sandbox.pk}/").status_code == 404
    assert administrator.browser.post(f"/trunks/{sandbox.pk}/remove").status_code == 404
    assert administrator.browser.get(f"/trunks/{sandbox.pk}/test").status_code == 200
    trunks.add("mine", "sip:sip.example.org")
    assert administrator.browser.get(f"/trunks/{sandbox.pk}/test").status_code == 404


def test_one_is_added_and_leads_to_its_test(administrator: Person) -> None:
    response = administrator.browser.post("/trunks/new", FORM)
    row = TrunkRow.objects.get()
    assert response.headers["Location"] == f"/trunks/{row.pk}/test"
    assert (row.name, row.host, row.username, row.password, row.cps, row.channels, row.priority) == (
        *("mine", "sip.example.org", "joe", "opensesame"),
        *(1.5, 10, 2),
    )
    noted = AuditEntry.objects.get()
    assert (noted.action, noted.subject) == ("trunk_added", "mine")
    assert "opensesame" not in json.dumps(noted.details)
    assert "Test it before" in text(administrator.browser.get(response.headers["Location"]))


def test_a_mistake_is_told_beside_its_field_and_what_was_typed_stays(administrator: Person) -> None:
    response = administrator.browser.post("/trunks/new", FORM | {"port": "x", "host": "sip.elsewhere.org"})
    assert response.status_code == 422
    shown = text(response)
    assert 'id="trunk-port-error">The port is a number' in shown
    assert 'value="sip.elsewhere.org"' in shown
    assert not TrunkRow.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_name_is_there_once(administrator: Person, trunk: TrunkRow) -> None:
    response = administrator.browser.post("/trunks/new", FORM | {"name": "first"})
    assert 'id="trunk-name-error">There is a trunk first already' in text(response)


def test_one_is_changed_without_its_password(administrator: Person, trunk: TrunkRow) -> None:
    text(administrator.browser.get(f"/trunks/{trunk.pk}/"))
    response = administrator.browser.post(f"/trunks/{trunk.pk}/", FORM | {"password": "", "channels": "7"})
    assert response.headers["Location"] == "/trunks/"
    trunk.refresh_from_db()
    assert (trunk.name, trunk.channels, trunk.password) == ("mine", 7, "opensesame")
    noted = AuditEntry.objects.get()
    assert (noted.action, noted.subject) == ("trunk_changed", "mine")
    assert sorted(noted.details["fields"]) == ["caller_id", "channels", "cps", "name", "priority"]


def test_removing_asks_and_says_what_becomes_of_calls(administrator: Person, trunk: TrunkRow) -> None:
    place = f"/trunks/{trunk.pk}/remove"
    assert "It is the only one" in text(administrator.browser.get(place))
    trunks.add("second", "sip:sip.example.org")
    assert "go over the other trunks" in text(administrator.browser.get(place))
    assert administrator.browser.post(place).headers["Location"] == "/trunks/"
    assert list(TrunkRow.objects.values_list("name", flat=True)) == ["second"]
    assert AuditEntry.objects.get().action == "trunk_removed"
    assert administrator.browser.get(place).status_code == 404


def test_one_is_tested(administrator: Person, trunk: TrunkRow) -> None:
    response = administrator.browser.post(f"/trunks/{trunk.pk}/test", NUMBER)
    call = Call.objects.get()
    assert response.headers["Location"] == f"/trunks/{trunk.pk}/test/{call.batch_id}/{call.pk}/"
    assert Batch.objects.get().only_trunk == trunk.pk
    noted = AuditEntry.objects.get()
    assert (noted.action, noted.subject, noted.details) == ("trunk_tested", "first", {"number": "+79991234567"})
    shown = text(administrator.browser.get(response.headers["Location"]))
    assert "No dialer is running" in shown
    assert f'hx-get="/test-calls/{call.batch_id}/{call.pk}/?seen=' in shown


def test_a_test_of_no_number_says_so(administrator: Person, trunk: TrunkRow) -> None:
    response = administrator.browser.post(f"/trunks/{trunk.pk}/test", {"number": "me"})
    assert response.status_code == 422
    assert "A phone number is" in text(response)
    assert not Call.objects.exists()


def test_what_has_not_changed_is_not_sent_again(administrator: Person, trunk: TrunkRow, call: Call) -> None:
    place = f"/test-calls/{call.batch_id}/{call.pk}/"
    seen = text(administrator.browser.get(place)).partition("?seen=")[2].partition('"')[0]
    assert administrator.browser.get(place, {"seen": seen}).status_code == 204
    trunks.remove("first")
    assert administrator.browser.get(place, {"seen": seen}).status_code == 200


def test_the_page_asks_no_more_once_the_call_is_over(administrator: Person, trunk: TrunkRow, call: Call) -> None:
    trunks.remove("first")
    shown = text(administrator.browser.get(f"/test-calls/{call.batch_id}/{call.pk}/"))
    assert "hx-get" not in shown


def test_a_slowed_one_says_so(administrator: Person, trunk: TrunkRow) -> None:
    TrunkRow.objects.update(strain=3)
    assert "tried slowly" in text(administrator.browser.get("/trunks/"))
