"""The calls of a batch as files for spreadsheets: CSV, sent as it is written, and XLSX, written to disk first because a
workbook's table of contents comes last. Neither holds more than a piece in memory."""

import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import IO, Final, NamedTuple

import xlsxwriter
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from calldron.services import csv_text
from calldron.store.models import Call

_AT_ONCE: Final = 2_000
MOST_ROWS_A_SHEET: Final = 1_000_000  # XLSX has room for 1,048,576
_NARROW, _WIDE = 12, 18

_COLUMNS: Final = (
    *("id", "number", "status", "result", "digits", "client_dials", "operator_dials"),
    *("dialed_at", "ended_at", "talk", "recording", "created_at"),
)


class _Row(NamedTuple):
    id: int
    number: str
    status: str
    result: str | None
    digits: str
    client_dials: int
    operator_dials: int
    dialed_at: datetime | None
    ended_at: datetime | None
    talk: float | None
    recording: str
    created_at: datetime


class Sheet:
    """What an export says, in the language and the time zone that are active when this is made. ``words``: how
    statuses and results are called."""

    def __init__(self, calls: QuerySet[Call], words: Mapping[str, str]) -> None:
        self._calls = calls
        self._words = words
        self._zone: tzinfo = timezone.get_current_timezone()
        self._yes = _("yes")
        self._mark = csv_text.local_mark()
        self.titles = (
            _("Number"),
            _("Status"),
            _("Result"),
            _("Keys"),
            _("Tries"),
            _("Calls to the operator"),
            _("Dialled"),
            _("Ended"),
            _("Talk, seconds"),
            _("Recorded"),
            _("When added"),
            _("Call"),
        )
        self._name = _("Calls")

    def csv(self) -> Iterator[bytes]:
        """The file, piece by piece. Numbers keep their plus: a plus and digits compute nothing."""
        yield csv_text.BOM + csv_text.written([self.titles], self._mark)
        for piece in self._pieces():
            yield csv_text.written(map(self._as_text, piece), self._mark)

    def _as_text(self, row: _Row) -> tuple[object, ...]:
        number, *texts = self._texts(row)
        times = (_text_of(self._here(row.dialed_at)), _text_of(self._here(row.ended_at)))
        talk = "" if row.talk is None else f"{row.talk:.1f}".replace(".", "," if self._mark == ";" else ".")
        recorded, added = self._recorded(row), _text_of(self._here(row.created_at))
        harmless = map(csv_text.harmless, texts)
        return (number, *harmless, row.client_dials, row.operator_dials, *times, talk, recorded, added, row.id)

    def xlsx(self) -> IO[bytes]:
        """The file, on disk without a name."""
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - whoever sends it closes it
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        book = xlsxwriter.Workbook(file, options)
        bold = book.add_format({"bold": True})
        moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet, line = None, MOST_ROWS_A_SHEET
        for piece in self._pieces():
            for row in piece:
                if sheet is None or line >= MOST_ROWS_A_SHEET:
                    sheet, line = self._new_sheet(book, bold), 0
                line += 1
                self._write(sheet, line, row, moment)
        if sheet is None:
            self._new_sheet(book, bold)
        book.close()
        file.seek(0)
        return file

    def _new_sheet(self, book: "xlsxwriter.Workbook", bold: object) -> "xlsxwriter.worksheet.Worksheet":
        many = len(book.worksheets())
        sheet = book.add_worksheet(f"{self._name} {many + 1}" if many else self._name)
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, 2, _WIDE)
        sheet.set_column(3, 5, _NARROW)
        sheet.set_column(6, 11, _WIDE)
        for column, title in enumerate(self.titles):
            sheet.write_string(0, column, title, bold)
        return sheet

    def _write(self, sheet: "xlsxwriter.worksheet.Worksheet", line: int, row: _Row, moment: object) -> None:
        """Numbers and keys are text, which a spreadsheet shows as it is."""
        for column, text in enumerate(self._texts(row)):
            sheet.write_string(line, column, text)
        sheet.write_number(line, 4, row.client_dials)
        sheet.write_number(line, 5, row.operator_dials)
        for column, at in ((6, row.dialed_at), (7, row.ended_at), (10, row.created_at)):
            here = self._here(at)
            if here is not None:
                sheet.write_datetime(line, column, here, moment)
        if row.talk is not None:
            sheet.write_number(line, 8, round(row.talk, 1))
        sheet.write_string(line, 9, self._recorded(row))
        sheet.write_number(line, 11, row.id)

    def _texts(self, row: _Row) -> tuple[str, str, str, str]:
        result = row.result or ""
        return row.number, self._words.get(row.status, row.status), self._words.get(result, result), row.digits

    def _recorded(self, row: _Row) -> str:
        return self._yes if row.recording else ""

    def _here(self, at: datetime | None) -> datetime | None:
        """The wall clock of the account, without a zone: a spreadsheet knows none."""
        return at.astimezone(self._zone).replace(tzinfo=None, microsecond=0) if at else None

    def _pieces(self) -> Iterator[list[_Row]]:
        """Each read by itself: whoever takes them slowly keeps no transaction open."""
        last = 0
        while ids := list(self._calls.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
            rows = Call.objects.filter(pk__in=ids).order_by("pk").values_list(*_COLUMNS)
            yield [_Row(*row) for row in rows]
            last = ids[-1]


def _text_of(at: datetime | None) -> str:
    return at.isoformat(" ") if at else ""
