"""A spreadsheet into a batch, page by page, as everybody asks for it."""

import csv
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from support.people import Person

from calldron.services import batches, list_import, stop_list
from calldron.services.batch_fields import Draft
from calldron.services.stop_list import Entry
from calldron.store.models import AuditEntry, Batch, Call, ListImport

LIST = "Имя;Телефон\nАнна;+79990000001\nПётр;12\nОлег;+79990000001\nНет;+79990000009\n"


@pytest.fixture
def batch(owner: Person) -> Batch:
    draft = Draft(columns={"name": "Весна", "confirmation": "timeout", "autostart": False})
    return batches.create(owner.account, [draft])[0]


def upload(browser: Client, batch: Batch, text: str = LIST) -> str:
    """The address of the import."""
    file = SimpleUploadedFile("Клиенты.csv", text.encode("windows-1251"))
    answer = browser.post(reverse("batch-import", args=[batch.pk]), {"list": file})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def page(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def figures(browser: Client, address: str) -> dict[str, str]:
    html = browser.get(address).content.decode()
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", html))


def test_from_the_file_to_the_result(operator: Person, batch: Batch) -> None:
    stop_list.add(operator.account, [Entry("+79990000009")], "api")
    browser = operator.browser
    assert "Drop it here" in page(browser, reverse("batch-import", args=[batch.pk]))
    address = upload(browser, batch)
    preview = page(browser, address)
    assert "Клиенты.csv · 4 rows" in preview
    assert "In the list: 1 number will be called, 1 is bad, 1 duplicate, 1 is on the stop list." in preview
    assert "Nobody is called before you press start." in preview
    answer = browser.post(f"{address}/begin", {"number": "1", "header": "1"})
    assert answer["Location"] == address
    told = {"Numbers added": "1", "Bad rows": "1", "Duplicates": "1", "On the stop list": "1", "Rows in all": "4"}
    assert figures(browser, address) == told
    file = browser.get(f"{address}/not-added.csv")
    rows = list(csv.reader(io.StringIO(b"".join(file).decode("utf-8-sig"))))  # type: ignore[arg-type] # streamed
    assert [row[:2] + row[3:] for row in rows[1:]] == [
        ["3", "bad number", "Пётр", "12"],
        ["4", "duplicate", "Олег", "'+79990000001"],
        ["5", "on the stop list", "Нет", "'+79990000009"],
    ]
    entry = AuditEntry.objects.get(account=operator.account, action="calls_added")
    assert (entry.who, entry.subject, entry.details["taken"]) == ("operator@example.org", "Весна", 1)


def test_numbers_that_are_pasted(operator: Person, batch: Batch) -> None:
    answer = operator.browser.post(reverse("batch-import", args=[batch.pk]), {"numbers": "8 999 000-00-01\r\n"})
    address = answer["Location"]
    assert "+7 999 000-00-01" in page(operator.browser, address)  # no country has the code 89
    operator.browser.post(f"{address}/look", {"number": "0"})
    assert "+89990000001 unusual" in page(operator.browser, address)
    operator.browser.post(f"{address}/begin", {"number": "0", "russian": "1"})
    assert Call.objects.get(batch=batch).number == "+79990000001"


def test_another_column_and_how_it_is_read_are_shown_anew(operator: Person, batch: Batch) -> None:
    address = upload(operator.browser, batch)
    operator.browser.post(f"{address}/look", {"number": "0", "duplicates": "1"})
    shown = page(operator.browser, address)
    assert "None of these rows has a number" in shown
    assert "Клиенты.csv · 5 rows" in shown
    operator.browser.post(f"{address}/look", {"number": "99999"})
    assert ListImport.objects.get().reading["number"] in (0, 1)


def test_a_long_list_goes_step_by_step_with_a_button_or_a_script(
    operator: Person, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_import, "ROWS_A_PIECE", 2)
    monkeypatch.setattr("calldron.web.pages.list_import.ROWS_A_PIECE", 2)
    address = upload(operator.browser, batch, "".join(f"+7999000000{n}\n" for n in range(5)))
    operator.browser.post(f"{address}/begin", {"number": "0"})
    assert "0 rows of 5, 0 taken" in page(operator.browser, address)
    assert "is in only in part" in page(operator.browser, reverse("batch-import", args=[batch.pk]))
    assert operator.browser.post(f"{address}/step")["Location"] == address
    assert "2 rows of 5, 2 taken" in page(operator.browser, address)
    told = operator.browser.post(f"{address}/step", headers={"accept": "application/json"}).json()
    assert told == {"percent": 80, "words": "4 rows of 5, 4 taken", "done": False}
    told = operator.browser.post(f"{address}/step", headers={"accept": "application/json"}).json()
    assert told["done"]
    assert figures(operator.browser, address)["Numbers added"] == "5"
    operator.browser.post(f"{address}/step")
    operator.browser.post(f"{address}/begin", {"number": "0"})
    assert figures(operator.browser, address)["Numbers added"] == "5"


def test_a_batch_that_was_stopped_meanwhile(operator: Person, batch: Batch) -> None:
    address = upload(operator.browser, batch)
    Batch.objects.update(state="stopped")
    operator.browser.post(f"{address}/begin", {"number": "1"})
    assert "takes no more calls" in page(operator.browser, address)
    ListImport.objects.update(state="running")
    answer = operator.browser.post(f"{address}/step", headers={"accept": "application/json"})
    assert (answer.status_code, "no more calls" in answer.json()["error"]) == (409, True)
    answer = operator.browser.post(reverse("batch-import", args=[batch.pk]), {"numbers": "+79990000001"})
    assert (answer.status_code, "takes no more calls" in answer.content.decode()) == (422, True)


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Choose a file, or paste numbers."),
        ({"numbers": " \r\n "}, "Choose a file, or paste numbers."),
        ({"list": SimpleUploadedFile("a.xlsx", b"PK\x03\x04 and no more")}, "XLSX or CSV"),
        ({"list": SimpleUploadedFile("a.csv", b";;;\n;;\n")}, "The table has no rows."),
    ],
)
def test_what_can_t_be_read_is_said_where_it_was_sent(
    operator: Person, batch: Batch, sent: dict[str, object], words: str
) -> None:
    answer = operator.browser.post(reverse("batch-import", args=[batch.pk]), sent)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ListImport.objects.exists()


def test_a_file_that_is_too_large_is_not_kept(operator: Person, batch: Batch, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    file = SimpleUploadedFile("a.csv", b"+79990000001\n" * 100_000)
    answer = operator.browser.post(reverse("batch-import", args=[batch.pk]), {"list": file})
    assert answer.status_code == 422
    assert "larger than 1 MB" in answer.content.decode()


def test_what_was_uploaded_can_be_thrown_away(operator: Person, batch: Batch) -> None:
    address = upload(operator.browser, batch)
    assert "was uploaded, and not added yet" in page(operator.browser, reverse("batch-import", args=[batch.pk]))
    answer = operator.browser.post(f"{address}/discard")
    assert answer["Location"] == reverse("batch-import", args=[batch.pk])
    assert operator.browser.get(address).status_code == 404


def test_cells_are_shown_as_text(operator: Person, batch: Batch) -> None:
    address = upload(operator.browser, batch, "<script>alert(1)</script>;+79990000001\n<b>x</b>;12\n")
    shown = operator.browser.get(address).content.decode()
    assert "<script>alert" not in shown
    operator.browser.post(f"{address}/begin", {"number": "1"})
    assert "<b>x</b>" not in operator.browser.get(address).content.decode()


WAYS = [
    ("get", ""),
    ("get", "/not-added.csv"),
    ("post", "/look"),
    ("post", "/begin"),
    ("post", "/step"),
    ("post", "/discard"),
]


@pytest.mark.parametrize(("method", "part"), WAYS)
def test_who_may(
    owner: Person,
    operator: Person,
    viewer: Person,
    outsider: Person,
    anonymous: Client,
    batch: Batch,
    method: str,
    part: str,
) -> None:
    address = upload(owner.browser, batch) + part
    assert getattr(anonymous, method)(address)["Location"].startswith("/sign-in")
    assert getattr(viewer.browser, method)(address).status_code == 403
    assert getattr(outsider.browser, method)(address).status_code == 404
    assert getattr(operator.browser, method)(address).status_code in (200, 302)
    if method == "post":
        assert owner.browser.get(address).status_code == 405


def test_who_may_bring_a_file(
    owner: Person, operator: Person, viewer: Person, outsider: Person, anonymous: Client, batch: Batch
) -> None:
    address = reverse("batch-import", args=[batch.pk])
    assert anonymous.get(address)["Location"].startswith("/sign-in")
    for browser, status in (
        (viewer.browser, 403),
        (outsider.browser, 404),
        (operator.browser, 200),
        (owner.browser, 200),
    ):
        assert browser.get(address).status_code == status
    for browser, status in ((viewer.browser, 403), (outsider.browser, 404), (operator.browser, 302)):
        assert browser.post(address, {"numbers": "+79990000001"}).status_code == status


def test_another_batch_s_import_is_not_this_one_s(owner: Person, batch: Batch) -> None:
    other = batches.create(owner.account, [Draft(columns={"confirmation": "timeout"})])[0]
    address = upload(owner.browser, batch)
    elsewhere = address.replace(f"/batches/{batch.pk}/", f"/batches/{other.pk}/")
    assert owner.browser.get(elsewhere).status_code == 404
