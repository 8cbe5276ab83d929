"""Tables as people have them, and files that are meant to hurt."""

import io
import zipfile
from collections.abc import Callable

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.errors import InvalidInput
from calldron.services import csv_text, spreadsheets
from calldron.services.spreadsheets import Row

Sheets = Callable[[xlsxwriter.Workbook], object]


def rows(data: bytes) -> list[Row]:
    with spreadsheets.opened(data) as table:
        return list(table.rows)


def cells(data: bytes) -> list[list[str]]:
    return [row.cells for row in rows(data)]


def workbook(fill: Sheets) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    fill(book)
    book.close()
    return file.getvalue()


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        rows(data)
    return str(refused.value)


CELL = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=9)
TABLE = "Имя;Телефон\r\n«Ёлка»;+79990000001\r\n"


class TestCsv:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1251"])
    def test_encodings(self, encoding: str) -> None:
        assert cells(TABLE.encode(encoding)) == [["Имя", "Телефон"], ["«Ёлка»", "+79990000001"]]

    @pytest.mark.parametrize("mark", [",", ";", "\t"])
    def test_delimiters(self, mark: str) -> None:
        assert cells(f"a{mark}b\n1{mark}2\n".encode()) == [["a", "b"], ["1", "2"]]

    def test_commas_within_names_part_nothing_where_semicolons_do(self) -> None:
        assert cells("Иванов, Иван;+79990000001\nПетров;+79990000002\n".encode())[0] == ["Иванов, Иван", "+79990000001"]

    def test_quoted_cells_and_lines_within_them(self) -> None:
        data = b'"a ""b"", c",1\n"two\nlines",2\n\n3,4\n'
        assert rows(data) == [Row(1, ['a "b", c', "1"]), Row(2, ["two lines", "2"]), Row(5, ["3", "4"])]

    def test_one_column_and_no_delimiter_at_all(self) -> None:
        assert cells(b"+79990000001\r\n+79990000002\r\n") == [["+79990000001"], ["+79990000002"]]

    def test_what_is_no_text(self) -> None:
        assert "Windows-1251" in refusal(b"\x98\x00\xff\xfe")
        assert "empty" in refusal(b" \r\n")

    def test_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "columns" in refusal(b"1," * 200 + b"1")
        assert len(cells(b"1" * 100_000)[0][0]) == spreadsheets.LONGEST_CELL
        assert "quotation mark" in refusal(b'1,2\n"' + b"x" * 200_000)
        monkeypatch.setattr(spreadsheets, "MOST_ROWS", 3)
        assert len(rows(b"1\n" * 4)) == 4  # one of them may be a header
        assert "longer than 3 rows" in refusal(b"1\n" * 5)
        monkeypatch.setattr(spreadsheets, "MOST_TEXT", 3)
        assert "too much text" in refusal(b"1234\n")

    @given(st.binary(max_size=2_000))
    def test_any_bytes_are_rows_or_a_refusal(self, data: bytes) -> None:
        try:
            read = rows(b"x" + data)
        except InvalidInput as error:
            assert str(error)  # noqa: PT017 - either is fine, a crash is not
        else:
            assert [row.line for row in read] == sorted({row.line for row in read})
            assert all(row.cells and row.cells[-1] for row in read)

    @given(st.lists(st.tuples(CELL, CELL).map(list), min_size=1), st.sampled_from(",;\t"))
    def test_what_we_write_is_read_again(self, table: list[list[str]], mark: str) -> None:
        quoted = "".join(mark.join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) + "\r\n" for row in table)
        assert cells(quoted.encode()) == table
        marks_in_cells = any(other in cell for row in table for cell in row for other in ",;\t")
        if not marks_in_cells:
            assert cells(csv_text.written(table, mark)) == table


class TestWorkbooks:
    def test_numbers_are_digits_whatever_they_are_kept_as(self) -> None:
        def fill(book: xlsxwriter.Workbook) -> None:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["name", "phone"])
            sheet.write_number(1, 1, 79991234567)
            sheet.write_string(2, 1, "8 (999) 123-45-67")
            sheet.write_number(3, 1, 7.5)
            sheet.write_formula(4, 1, '="+7"&"9991234567"', None, "+79991234567")

        assert rows(workbook(fill)) == [
            Row(1, ["name", "phone"]),
            Row(2, ["", "79991234567"]),
            Row(3, ["", "8 (999) 123-45-67"]),
            Row(4, ["", "7.5"]),
            Row(5, ["", "+79991234567"]),
        ]

    def test_the_first_sheet_that_is_seen_and_has_something(self) -> None:
        def fill(book: xlsxwriter.Workbook) -> None:
            hidden = book.add_worksheet("hidden")
            hidden.write(0, 0, "1")
            book.add_worksheet("blank").activate()
            hidden.hide()
            book.add_worksheet("Клиенты").write(0, 0, "+79990000001")
            book.add_worksheet("more").write(0, 0, "2")

        with spreadsheets.opened(workbook(fill)) as table:
            assert list(table.rows) == [Row(1, ["+79990000001"])]
            assert (table.sheet, table.others) == ("Клиенты", ["blank", "more"])

    def test_merged_cells_and_lines_that_are_not_there(self) -> None:
        def fill(book: xlsxwriter.Workbook) -> None:
            sheet = book.add_worksheet()
            sheet.merge_range(1, 0, 3, 1, "merged")
            sheet.write(9, 1, "+79990000001")

        assert rows(workbook(fill)) == [Row(2, ["merged"]), Row(10, ["", "+79990000001"])]

    def test_nothing_to_be_seen(self) -> None:
        assert "not hidden" in refusal(workbook(lambda book: book.add_worksheet()))

    def test_cells_far_apart_cost_no_more_than_the_limit(self) -> None:
        def fill(book: xlsxwriter.Workbook) -> None:
            sheet = book.add_worksheet()
            sheet.write(0, 0, "1")
            sheet.write(1_048_575, 16_383, "2")

        assert "too much" in refusal(workbook(fill))

    def test_a_file_that_unpacks_to_gigabytes(self) -> None:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
            for number in range(50):
                bomb.writestr(f"xl/worksheets/sheet{number}.xml", b" " * 10 * 2**20)
        assert "too much" in refusal(file.getvalue())

    def test_a_name_that_is_told_a_million_times(self) -> None:
        """One long shared string, and cells that all name it."""
        sound = workbook(lambda book: book.add_worksheet().write(0, 0, "x" * 30_000))
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
            for part in old.infolist():
                data = old.read(part)
                if part.filename == "xl/worksheets/sheet1.xml":
                    row = b"".join(b'<c t="s"><v>0</v></c>' for _ in range(90))
                    lines = b"".join(b"<row>" + row + b"</row>" for _ in range(20_000))
                    data = data[: data.index(b"<sheetData>") + 11] + lines + data[data.index(b"</sheetData>") :]
                new.writestr(part.filename, data)
        assert "too much" in refusal(packed.getvalue())

    def test_entities_that_unfold(self) -> None:
        sound = workbook(lambda book: book.add_worksheet().write(0, 0, "1"))
        lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
        bomb = f'<?xml version="1.0"?><!DOCTYPE z [<!ENTITY l0 "lol">{lol}]><sst><si><t>&l9;</t></si></sst>'
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(sound)) as old, zipfile.ZipFile(packed, "w") as new:
            for part in old.infolist():
                strings = part.filename == "xl/sharedStrings.xml"
                new.writestr(part.filename, bomb if strings else old.read(part))
        try:
            assert len(str(rows(packed.getvalue()))) < 10_000
        except InvalidInput as error:
            assert str(error)  # noqa: PT017 - either is fine, a crash is not

    @pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"\0" * 999, b"\xd0\xcf\x11\xe0" + b"\xff" * 999])
    def test_what_only_begins_like_a_workbook(self, data: bytes) -> None:
        assert "XLSX or CSV" in refusal(data)

    def test_any_damage_is_refused_in_words_or_read(self) -> None:
        def fill(book: xlsxwriter.Workbook) -> None:
            book.add_worksheet().write_column(0, 0, [f"+7999000{n:04}" for n in range(50)])

        sound = workbook(fill)
        for place in range(0, len(sound), len(sound) // 40):
            damaged = sound[:place] + bytes(byte ^ 0x5A for byte in sound[place : place + 8]) + sound[place + 8 :]
            for data in (damaged, sound[: place + 4]):
                try:
                    rows(data)
                except InvalidInput as error:
                    assert str(error)  # noqa: PT017 - as above
