"""Calls as files, as everybody asks for them."""

import csv
import io
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook
from support.people import Person

from calldron.services import batches, exports, workbook_stream
from calldron.services.batch_fields import Draft
from calldron.store.models import AuditEntry, Batch, Call

AT = datetime(2026, 3, 1, 21, 30, 5, 999, tzinfo=UTC)  # half past midnight in Moscow
TITLES = ["Number", "Status", "Result", "Keys", "Tries", "Calls to the operator"]


@pytest.fixture
def batch(owner: Person) -> Batch:
    made = batches.create(owner.account, [Draft(columns={"name": "Весна/1", "confirmation": "timeout"})])[0]
    common: dict[str, Any] = {"batch": made, "account": owner.account, "created_at": AT}
    Call.objects.create(
        number="+79990000001",
        status="answered",
        result="confirmed",
        final=True,
        digits="*1",
        client_dials=2,
        dialed_at=AT,
        ended_at=AT,
        talk=12.34,
        recording="1/2.mp3",
        **common,
    )
    Call.objects.create(number="+79990000002", status="busy", client_dials=1, due_at=AT, dialed_at=AT, **common)
    Call.objects.create(number="+79990000003", due_at=AT, **common)
    return made


def csv_of(browser: Client, batch: Batch, query: str = "") -> list[list[str]]:
    answer = browser.get(f"/batches/{batch.pk}/calls.csv{query}")
    data = b"".join(answer)  # type: ignore[arg-type] # streamed
    assert data.startswith(b"\xef\xbb\xbf")
    mark = ";" if b"\xd0" in data else ","
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=mark))


def xlsx_of(browser: Client, batch: Batch, query: str = "") -> bytes:
    return b"".join(browser.get(f"/batches/{batch.pk}/calls.xlsx{query}"))  # type: ignore[arg-type] # streamed


def test_csv(viewer: Person, batch: Batch) -> None:
    titles, first, second, third = csv_of(viewer.browser, batch)
    assert titles[:6] == TITLES
    here = "2026-03-02 00:30:05"
    ids = [str(call.pk) for call in Call.objects.order_by("id")]
    assert first == ["+79990000001", "answered", "confirmed", "*1", "2", "0", here, here, "12.3", "yes", here, ids[0]]
    assert second[:3] == ["+79990000002", "busy", ""]
    assert third[6:10] == ["", "", "", ""]


def test_xlsx_has_numbers_as_text_and_moments_as_moments(viewer: Person, batch: Batch) -> None:
    data = xlsx_of(viewer.browser, batch)
    rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert rows[0][:6] == TITLES
    assert rows[1][:6] == ["+79990000001", "answered", "confirmed", "*1", 2.0, 0.0]
    assert rows[1][6] == datetime(2026, 3, 2, 0, 30, 5)  # noqa: DTZ001 - a spreadsheet knows no zones
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_what_a_spreadsheet_would_compute_is_text(viewer: Person, batch: Batch) -> None:
    Call.objects.filter(number="+79990000001").update(digits="=1+1")
    assert csv_of(viewer.browser, batch)[1][3] == "'=1+1"
    with zipfile.ZipFile(io.BytesIO(xlsx_of(viewer.browser, batch))) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")


def test_in_the_reader_s_language(viewer: Person, batch: Batch) -> None:
    viewer.user.language = "ru"
    viewer.user.save()
    titles, first, *_ = csv_of(viewer.browser, batch)
    assert titles[0] == "Номер"
    assert (first[1], first[8]) == ("отвечен", "12,3")


def test_the_filter_of_the_page(viewer: Person, batch: Batch) -> None:
    assert [row[0] for row in csv_of(viewer.browser, batch, "?status=busy")[1:]] == ["+79990000002"]
    assert [row[0] for row in csv_of(viewer.browser, batch, "?q=0003&status=")[1:]] == ["+79990000003"]
    data = xlsx_of(viewer.browser, batch, "?result=confirmed")
    assert len(CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()) == 2
    answer = viewer.browser.get(f"/batches/{batch.pk}/calls.xlsx?status=nonsense")
    assert answer["Location"] == f"/batches/{batch.pk}/calls/"


def test_pieces_and_sheets(viewer: Person, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_AT_ONCE", 2)
    monkeypatch.setattr(workbook_stream, "MOST_ROWS_A_SHEET", 2)
    assert len(csv_of(viewer.browser, batch)) == 4
    book = CalamineWorkbook.from_filelike(io.BytesIO(xlsx_of(viewer.browser, batch)))
    assert book.sheet_names == ["Calls", "Calls 2"]
    assert [len(book.get_sheet_by_name(name).to_python()) for name in book.sheet_names] == [3, 2]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_it_is_sent_while_it_is_read(viewer: Person, batch: Batch, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, rows in ((exports, "_AT_ONCE"), (workbook_stream, "_ROWS_AT_ONCE")):
        monkeypatch.setattr(module, rows, 1)
    answer = viewer.browser.get(f"/batches/{batch.pk}/calls.{kind}")
    pieces = iter(answer)
    with CaptureQueriesContext(connection) as early:
        assert next(pieces)
    with CaptureQueriesContext(connection) as late:
        assert b"".join(pieces)  # type: ignore[arg-type] # streamed
    assert len(early) < len(late)


def test_an_empty_batch_has_titles(viewer: Person, owner: Person) -> None:
    empty = batches.create(owner.account, [Draft(columns={"confirmation": "timeout"})])[0]
    assert len(csv_of(viewer.browser, empty)) == 1
    book = CalamineWorkbook.from_filelike(io.BytesIO(xlsx_of(viewer.browser, empty)))
    assert len(book.get_sheet_by_index(0).to_python()) == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_who_may(
    owner: Person, operator: Person, viewer: Person, outsider: Person, anonymous: Client, batch: Batch, kind: str
) -> None:
    address = f"/batches/{batch.pk}/calls.{kind}"
    for person in (owner, operator, viewer):
        answer = person.browser.get(address)
        assert answer.status_code == 200
        name = f"%D0%B2%D0%B5%D1%81%D0%BD%D0%B01-{batch.pk}.{kind}"
        assert answer["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"
        assert b"".join(answer)  # type: ignore[arg-type] # streamed
    assert outsider.browser.get(address).status_code == 404
    assert anonymous.get(address)["Location"].startswith("/sign-in")
    assert viewer.browser.post(address).status_code == 405
    entries = AuditEntry.objects.filter(account=owner.account, action="calls_exported")
    assert [entry.details for entry in entries] == [{"format": kind}] * 3
