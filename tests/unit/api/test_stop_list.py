"""The stop list: one number and many, JSON and CSV."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from hypothesis import given
from hypothesis import strategies as st
from support.api_client import Api, call_row, fields, said

from calldron.config import config
from calldron.domain.errors import InvalidInput
from calldron.services import stop_list, stop_list_csv
from calldron.services.errors import FieldError
from calldron.services.stop_list import Entry, Row
from calldron.store.models import StopNumber

pytestmark = pytest.mark.django_db

CSV = {"Content-Type": "text/csv"}


def numbers(api: Api) -> list[str]:
    return [entry["number"] for entry in said(api.get("/stop-list"))]


def file_of(response: HttpResponse) -> str:
    assert isinstance(response, StreamingHttpResponse)
    return b"".join(response).decode()  # type: ignore[arg-type]  # the stubs allow for an asynchronous one


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ([{"stop": {"number": "+79991110001", "comment": "asked"}}], [("+79991110001", "asked")]),
        ({"Stop": {"Number": "8 (999) 111-00-01"}}, [("+89991110001", "")]),
        ({"number": 79991110001, "comment": None}, [("+79991110001", "")]),
        (
            [{"number": "+79991110002"}, {"stop": {"number": "+79991110001"}}],
            [("+79991110001", ""), ("+79991110002", "")],
        ),
        (["+79991110002", 79991110001], [("+79991110001", ""), ("+79991110002", "")]),
        (["+79991110001", {"number": "79991110001", "comment": "again"}], [("+79991110001", "")]),
    ],
)
def test_numbers_are_added_in_every_shape(api: Api, body: Any, kept: list[tuple[str, str]]) -> None:
    response = api.post("/stop-list", body)
    assert (response.status_code, said(response)) == (201, {"added": str(len(kept)), "known": "0"})
    assert [(entry["number"], entry["comment"]) for entry in said(api.get("/stop-list"))] == kept
    shown = said(api.get(response["Location"].removeprefix(f"{config().public_url}/v1")))
    assert shown["number"] in dict(kept)


def test_an_entry_says_who_put_it_there_and_when(api: Api) -> None:
    api.post("/stop-list", {"number": "+79991110001", "comment": "asked"})
    api.post("/stop-list", b"+79991110002\n", **CSV)
    one, two = said(api.get("/stop-list"))
    assert one | {"created_at": ""} == {
        "number": "+79991110001",
        "comment": "asked",
        "source": "api",
        "created_at": "",
    }
    assert two["source"] == "csv"
    assert one["created_at"] <= two["created_at"]


def test_known_numbers_stay_as_they_are(api: Api) -> None:
    api.post("/stop-list", {"number": "+79991110001", "comment": "first"})
    response = api.post("/stop-list", [{"number": "+79991110001", "comment": "second"}, {"number": "+79991110002"}])
    assert said(response) == {"added": "1", "known": "1"}
    assert said(api.get("/stop-list/79991110001"))["comment"] == "first"
    assert said(api.post("/stop-list", {"number": "+79991110001"})) == {"added": "0", "known": "1"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["number"]),
        ({"number": "112"}, ["number"]),
        ({"number": None}, ["number"]),
        ({"number": True}, ["number"]),
        ({"number": "+79991110001", "source": "api"}, ["source"]),
        ({"number": "+79991110001", "comment": "x" * 201}, ["comment"]),
        ({"number": "+79991110001", "comment": "two\nlines"}, ["comment"]),
        ({"number": "+79991110001", "comment": 0}, ["comment"]),
        ({"number": "+79991110001", "comment": []}, ["comment"]),
        ({"stop": {"Number": "1", "Comment": 5}}, ["stop.Number", "stop.Comment"]),
        (["+79991110001", "12"], ["[1].number"]),
        (["+79991110001", None], ["[1]"]),
        (["+79991110001", ["+79991110002"]], ["[1]"]),
        ([], [""]),
        ("+79991110001", [""]),
        (["+79991110001"] * 250_001, [""]),
    ],
)
def test_what_can_t_be_is_refused_and_nothing_is_added(api: Api, body: Any, named: list[str]) -> None:
    for path in ("/stop-list", "/stop-list/remove"):
        assert fields(api.post(path, body)) == named
    assert not StopNumber.objects.exists()


def test_the_list_comes_in_pages_in_the_order_of_numbers(api: Api) -> None:
    api.post("/stop-list", [f"+7999111000{n}" for n in (3, 1, 5, 2, 4)])
    page = api.get("/stop-list?limit=2&offset=2&envelope=1")
    body = said(page)
    assert (body["count"], body["total"]) == (2, 5)
    assert [entry["number"][-1] for entry in body["items"]] == ["3", "4"]
    assert (page["X-Count"], page["X-Total-Count"]) == ("2", "5")
    assert 'offset=4&envelope=1>; rel="next"' in page["Link"]
    assert fields(api.get("/stop-list?limit=0")) == ["limit"]
    assert fields(api.get("/stop-list?source=csv")) == ["source"]


def test_one_number_is_looked_for_in_any_spelling(api: Api) -> None:
    api.post("/stop-list", ["+79991110001", "+79991110002"])
    page = api.get("/stop-list?number=7%20999%20111-00-02")
    assert [entry["number"] for entry in said(page)] == ["+79991110002"]
    assert page["X-Total-Count"] == "1"
    assert "number=7+999+111-00-02" in page["Link"]
    assert said(api.get("/stop-list?number=%2B79990000000")) == []
    for none in ("", "12", "x"):
        assert fields(api.get(f"/stop-list?number={none}")) == ["number"]


@pytest.mark.parametrize("spelled", ["%2B79991110001", "+79991110001", "79991110001"])
def test_a_number_is_taken_off(api: Api, spelled: str) -> None:
    api.post("/stop-list", ["+79991110001", "+79991110002"])
    response = api.delete(f"/stop-list/{spelled}")
    assert (response.status_code, said(response)) == (200, {"number": "+79991110001"})
    assert numbers(api) == ["+79991110002"]
    assert api.delete(f"/stop-list/{spelled}").status_code == 404
    assert api.get(f"/stop-list/{spelled}").status_code == 404


def test_what_is_no_number_is_no_path(api: Api) -> None:
    for path in ("x", "123", "+", "7999 111 00 01", "1" * 16, "++79991110001"):
        assert api.get(f"/stop-list/{path}").status_code == 404


def test_many_are_taken_off_at_once(api: Api) -> None:
    api.post("/stop-list", [f"+7999111000{n}" for n in range(5)])
    response = api.post("/stop-list/remove", ["+79991110001", "+79991110001", "+79991110009", "+79991110003"])
    assert (response.status_code, said(response)) == (200, {"removed": "2", "unknown": "1"})
    assert [number[-1] for number in numbers(api)] == ["0", "2", "4"]
    assert said(api.post("/stop-list/remove", b"number\n+79991110000\n", **CSV)) == {"removed": "1", "unknown": "0"}


def test_a_repeat_adds_nothing_and_is_answered_as_the_first(api: Api) -> None:
    first = api.post("/stop-list", ["+79991110001"], Idempotency_Key="k")
    api.delete("/stop-list/79991110001")
    again = api.post("/stop-list", ["+79991110001"], Idempotency_Key="k")
    assert (again.status_code, again.content, again["Location"]) == (201, first.content, first["Location"])
    assert again["Idempotent-Replayed"] == "true"
    assert numbers(api) == []
    for path, body in (("/stop-list.csv", b"79991110001"), ("/stop-list/remove", b"79991110001")):
        answers = [api.post(path, body, Idempotency_Key=path, **CSV) for _ in range(2)]
        assert answers[0].content == answers[1].content


def test_calls_that_wait_are_left_to_the_dialer(api: Api) -> None:
    call = api.call(api.batch(), "+79991110001")
    api.post("/stop-list", ["+79991110001"])
    assert not call_row(call).final


def test_twenty_thousand_go_in_and_out_in_few_statements(api: Api, django_assert_max_num_queries: Any) -> None:
    many = [f"+7999{n:07}" for n in range(20_000)]
    with django_assert_max_num_queries(30):
        assert said(api.post("/stop-list", many)) == {"added": "20000", "known": "0"}
    with django_assert_max_num_queries(10):
        rows = file_of(api.get("/stop-list.csv")).splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == many
    with django_assert_max_num_queries(30):
        assert said(api.post("/stop-list/remove", many)) == {"removed": "20000", "unknown": "0"}


class TestCsv:
    @pytest.mark.parametrize(
        "file",
        [
            b"+79991110001,asked,x,y\r\n+79991110002\r\n",
            b"\xef\xbb\xbfNumber;Comment\r\n+7 (999) 111-00-01;asked\r\n\r\n;\r\n79991110002;\r\n",
            b"phone\tnote\n79991110001\tasked\n79991110002\t\n",
            b'"phone, mobile";"note"\n"+79991110001";"asked"\n+79991110002;\n',
            b'number,comment\r+79991110001,"asked"\r+79991110002',
            "Телефон;Примечание\r\n+79991110001;asked\r\n+79991110002;\r\n".encode("windows-1251"),
            "number\tcomment\r\n+79991110001\tasked\r\n+79991110002\t\r\n".encode("utf-16"),
        ],
    )
    @pytest.mark.parametrize("path", ["/stop-list", "/stop-list.csv"])
    def test_is_read_as_spreadsheets_write_it(self, api: Api, path: str, file: bytes) -> None:
        response = api.post(path, file, Content_Type="text/csv; charset=utf-8")
        assert (response.status_code, said(response)) == (201, {"added": "2", "known": "0"}), response.content
        entries = said(api.get("/stop-list"))
        assert [(entry["number"], entry["comment"]) for entry in entries] == [
            ("+79991110001", "asked"),
            ("+79991110002", ""),
        ]

    def test_in_windows_1251_keeps_its_letters(self, api: Api) -> None:
        api.post("/stop-list.csv", "+79991110001;просил не звонить".encode("windows-1251"), **CSV)
        assert said(api.get("/stop-list/79991110001"))["comment"] == "просил не звонить"

    def test_of_bad_lines_names_each_and_adds_nothing(self, api: Api) -> None:
        file = 'number,comment\n+79991110001,\n12,\n"+79991110002","two\nlines"\n,who\n7,99E+10,\n'
        response = api.post("/stop-list.csv", file.encode(), **CSV)
        assert fields(response) == ["line 3", "line 4", "line 6", "line 7"]
        assert not StopNumber.objects.exists()

    def test_of_many_bad_lines_lists_a_hundred_and_counts_all(self, api: Api) -> None:
        response = api.post("/stop-list.csv", b"+79991110001\n" + b"12\n" * 150, **CSV)
        assert fields(response) == [f"line {n}" for n in range(2, 102)]
        assert "150" in said(response)["detail"]

    @pytest.mark.parametrize(
        "file",
        [
            b"",
            b"\r\n\r\n",
            b"number,comment\r\n",
            b"PK\x03\x04\x00\x00",
            b"\x98\xff",
            "+79991110001".encode("utf-16-le")[:-1],
            b"\xff\xfe\x00",
        ],
    )
    def test_that_is_none_is_refused(self, api: Api, file: bytes) -> None:
        assert fields(api.post("/stop-list.csv", file or b" ", **CSV)) == [""]

    @pytest.mark.parametrize(
        "file", [b'+79991110001,"no end\n', b'+79991110001,"a"b\n', b"+79991110001," + b"x" * 200_000]
    )
    def test_that_breaks_off_is_refused_by_line(self, api: Api, file: bytes) -> None:
        assert fields(api.post("/stop-list.csv", b"+79991110009\n" + file, **CSV)) == ["line 2"]
        assert not StopNumber.objects.exists()

    def test_of_too_many_lines_is_refused(self, api: Api) -> None:
        file = "".join(f"7999{n:07}\n" for n in range(250_001)).encode()
        assert fields(api.post("/stop-list.csv", file, **CSV)) == [""]
        assert not StopNumber.objects.exists()

    def test_is_asked_for_by_name_or_by_accept(self, api: Api) -> None:
        api.post("/stop-list", [{"number": "+79991110001", "comment": 'Иван, "Ромашка"'}])
        by_name, by_accept = api.get("/stop-list.csv"), api.get("/stop-list", Accept="text/csv")
        for response in (by_name, by_accept):
            assert response["Content-Type"].startswith("text/csv")
            assert response["Content-Disposition"] == 'attachment; filename="stop-list.csv"'
        text = file_of(by_name)
        assert text == file_of(by_accept)
        header, row = csv.reader(io.StringIO(text))
        assert header == ["number", "comment", "source", "created_at"]
        assert row[:3] == ["+79991110001", 'Иван, "Ромашка"', "api"]
        assert text.endswith("\r\n")
        assert fields(api.get("/stop-list.csv?limit=5")) == ["limit"]

    @pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, */*;q=0.8", "text/csv;q=0.1, */*", ""])
    def test_is_given_to_nobody_else(self, api: Api, accept: str) -> None:
        assert api.get("/stop-list", Accept=accept)["Content-Type"] == "application/json"

    def test_must_be_declared(self, api: Api) -> None:
        assert api.post("/stop-list.csv", ["+79991110001"]).status_code == 415
        assert api.post("/stop-list", b"+79991110001", Content_Type="application/vnd.ms-excel").status_code == 415

    @pytest.mark.parametrize("comment", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "'=1", "'"])
    def test_a_comment_that_looks_like_a_formula_is_made_text_and_comes_back(self, api: Api, comment: str) -> None:
        api.post("/stop-list", {"number": "+79991110001", "comment": comment})
        text = file_of(api.get("/stop-list.csv"))
        assert list(csv.reader(io.StringIO(text)))[1][:2] == ["+79991110001", f"'{comment}"]
        api.delete("/stop-list/79991110001")
        api.post("/stop-list.csv", text.encode(), **CSV)
        assert said(api.get("/stop-list/79991110001"))["comment"] == comment


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.from_regex(r"\+[0-9]{7,15}", fullmatch=True),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
        | st.text("=+-@'\",;x ", max_size=5),
    ),
    min_size=1,
    max_size=5,
)


@given(ENTRIES)
def test_what_is_written_is_what_is_read(entries: list[Entry]) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [Row(one.number, one.comment, "api", at) for one in entries]
    errors: list[FieldError] = []
    read = stop_list_csv.read(b"".join(stop_list_csv.write([rows])), errors)
    assert (read, errors) == (entries, [])


@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))
    | st.text("+7990123456 ;,\t\r\n\"'=x\0", max_size=100).map(str.encode)
)
def test_any_file_is_read_or_refused(file: bytes) -> None:
    errors: list[FieldError] = []
    try:
        entries = stop_list_csv.read(file, errors)
    except InvalidInput:
        return
    assert entries or errors
    assert all(error.field.startswith("line ") and error.message for error in errors)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["number", "comment", "x"]), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["number", "comment", "x"]), JSON))
def test_any_object_is_an_entry_or_refused(given: dict[str, Any]) -> None:
    errors: list[FieldError] = []
    entry = stop_list.read(given, errors)
    assert (entry is None) is bool(errors)
