"""The stop list, page by page, as everybody asks for it."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from support.people import Person

from calldron.services import stop_list
from calldron.services.stop_list import Entry
from calldron.store.models import AuditEntry, StopNumber


def page(browser: Client, query: str = "") -> str:
    answer = browser.get(f"/stop-list/{query}")
    assert answer.status_code == 200
    return words(answer.content)


def words(html: bytes) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.decode()).replace("\xa0", " ").split())


@pytest.fixture
def listed(owner: Person) -> None:
    stop_list.add(owner.account, [Entry("+79990000001", "просил не звонить")], "api")
    stop_list.add(owner.account, [Entry("+79990000002")], "opt_out")


def numbers() -> set[str]:
    return set(StopNumber.objects.values_list("number", flat=True))


def test_what_is_shown(viewer: Person, listed: None) -> None:
    shown = page(viewer.browser)
    assert "2 numbers are on the list." in shown
    assert "by a program просил не звонить" in shown
    assert "asked by a key" in shown
    assert "Take it off" not in shown
    assert "Never call" not in shown


@pytest.mark.parametrize(
    ("q", "found"),
    [("0001", "1 number"), ("8 (999) 000-00-01", "1 number"), ("+7999", "2 numbers"), ("00 0", "2 numbers")],
)
def test_search_by_digits(viewer: Person, listed: None, q: str, found: str) -> None:
    assert f"{found} found." in words(viewer.browser.get("/stop-list/", {"q": q}).content)


@pytest.mark.parametrize("q", ["5555", "abc"])
def test_nothing_found(viewer: Person, listed: None, q: str) -> None:
    assert "No such number on the stop list" in words(viewer.browser.get("/stop-list/", {"q": q}).content)


def test_an_empty_list_says_what_to_do(operator: Person, viewer: Person) -> None:
    assert "give a batch an opt-out key" in page(operator.browser)
    assert "Operators and owners" in page(viewer.browser)


def test_pages(viewer: Person, owner: Person) -> None:
    stop_list.add(owner.account, [Entry(f"+7999000{n:04}") for n in range(120)], "csv")
    assert "Page 1 of 3" in page(viewer.browser)
    assert "+7 999 000-01-19" in page(viewer.browser, "?page=3")


def test_one_number(operator: Person) -> None:
    sent = {"number": "+7 (999) 000-00-01", "comment": "asked by e-mail"}
    assert operator.browser.post("/stop-list/add", sent)["Location"] == "/stop-list/"
    shown = page(operator.browser)
    assert "+79990000001 will not be called any more." in shown
    assert "by a colleague asked by e-mail" in shown
    operator.browser.post("/stop-list/add", sent)
    assert "is on the stop list already" in page(operator.browser)
    entries = AuditEntry.objects.filter(account=operator.account)
    assert [(entry.action, entry.subject) for entry in entries] == [("stop_list_added", "+79990000001")]


def test_a_number_is_read_as_it_is_written_at_home(operator: Person) -> None:
    operator.browser.post("/stop-list/add", {"number": "8 (916) 123-45-67"})
    operator.browser.post("/stop-list/add-many", {"numbers": "8 495 000-11-22, asked\n916 123 45 68"})
    assert numbers() == {"+74950001122", "+79161234567", "+79161234568"}


def test_what_can_t_be_used_is_kept_and_said_beside_it(operator: Person) -> None:
    answer = operator.browser.post("/stop-list/add", {"number": "12", "comment": "x" * 201})
    html = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="12"' in html
    assert "7 to 15 digits" in html
    assert "longer than 200 characters" in html


def test_many(operator: Person) -> None:
    pasted = "+79990000001,first\r\n12\r\n8-999-000-00-02\r\n+79990000001\r\n"
    operator.browser.post("/stop-list/add-many", {"numbers": pasted})
    shown = page(operator.browser)
    assert "Added: 2. On the list already: 0." in shown
    assert "Line 2: A phone number is" in shown
    file = SimpleUploadedFile("stop.csv", "Номер;Почему\n+79990000001;x\n+79990000003;просил\n".encode("windows-1251"))
    operator.browser.post("/stop-list/add-many", {"file": file})
    assert "Added: 1. On the list already: 1." in page(operator.browser)
    assert StopNumber.objects.get(number="+79990000003").comment == "просил"
    assert AuditEntry.objects.filter(action="stop_list_added").count() == 2


@pytest.mark.parametrize(("pasted", "told"), [("", "Choose a file"), ("a\nb\n", "7 to 15 digits")])
def test_many_that_are_none(operator: Person, pasted: str, told: str) -> None:
    answer = operator.browser.post("/stop-list/add-many", {"numbers": pasted}, follow=True)
    assert told in words(answer.content)
    assert not numbers()
    assert not AuditEntry.objects.filter(action="stop_list_added").exists()


def test_removing_asks_first(operator: Person, listed: None) -> None:
    address = "/stop-list/+79990000002/remove"
    assert "asked by a key never to be called again" in words(operator.browser.get(address).content)
    assert len(numbers()) == 2
    assert operator.browser.post(address)["Location"] == "/stop-list/"
    assert numbers() == {"+79990000001"}
    assert operator.browser.post(address).status_code == 404
    assert AuditEntry.objects.get(action="stop_list_removed").subject == "+79990000002"


def test_the_file(viewer: Person, listed: None) -> None:
    answer = viewer.browser.get("/stop-list/stop-list.csv")
    assert answer["Content-Disposition"] == 'attachment; filename="stop-list.csv"'
    assert b"+79990000001," in b"".join(answer)  # type: ignore[arg-type] # streamed


READS = ["", "stop-list.csv"]
CHANGES = [("add", {"number": "+79990000005"}), ("add-many", {"numbers": "+79990000005"}), ("+79990000001/remove", {})]


@pytest.mark.parametrize("part", READS)
def test_who_may_look(
    owner: Person, operator: Person, viewer: Person, outsider: Person, anonymous: Client, listed: None, part: str
) -> None:
    for person in (owner, operator, viewer):
        assert person.browser.get(f"/stop-list/{part}").status_code == 200
    theirs = outsider.browser.get(f"/stop-list/{part}")
    assert b"0000001" not in (b"".join(theirs) if theirs.streaming else theirs.content)  # type: ignore[arg-type] # streamed
    assert anonymous.get(f"/stop-list/{part}")["Location"].startswith("/sign-in")


@pytest.mark.parametrize(("part", "sent"), CHANGES)
def test_who_may_change(
    owner: Person,
    operator: Person,
    viewer: Person,
    outsider: Person,
    anonymous: Client,
    listed: None,
    part: str,
    sent: dict[str, str],
) -> None:
    before = numbers()
    assert anonymous.post(f"/stop-list/{part}", sent)["Location"].startswith("/sign-in")
    assert viewer.browser.post(f"/stop-list/{part}", sent).status_code == 403
    status = outsider.browser.post(f"/stop-list/{part}", sent).status_code
    assert status == (404 if "remove" in part else 302)
    assert set(StopNumber.objects.filter(account=owner.account).values_list("number", flat=True)) == before
    assert operator.browser.post(f"/stop-list/{part}", sent).status_code == 302
    assert set(StopNumber.objects.filter(account=owner.account).values_list("number", flat=True)) != before
