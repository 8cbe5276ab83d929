"""The calls of a batch as files for spreadsheets, CSV and XLSX, sent as they are written: memory holds but a piece."""

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from calldron.services import csv_text, workbook_stream
from calldron.services.workbook_stream import Cell
from calldron.store.models import Call

_AT_ONCE: Final = 2_000
_WIDTHS: Final = (18, 18, 18, 12, 12, 12, 18, 18, 18, 18, 18, 18)  # of columns, in characters

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
        talk = f"{row.talk:.1f}".replace(".", "," if self._mark == ";" else ".") if row.talk else ""
        recorded, added = self._recorded(row), _text_of(self._here(row.created_at))
        harmless = map(csv_text.harmless, texts)
        return (number, *harmless, row.client_dials, row.operator_dials, *times, talk, recorded, added, row.id)

    def xlsx(self) -> Iterator[bytes]:
        """The same as a workbook."""
        rows = (self._as_cells(row) for piece in self._pieces() for row in piece)
        return workbook_stream.written(self._name, self.titles, _WIDTHS, rows)

    def _as_cells(self, row: _Row) -> tuple[Cell, ...]:
        """Numbers and keys are text, which a spreadsheet shows as it is."""
        times = (self._here(row.dialed_at), self._here(row.ended_at))
        talk = round(row.talk, 1) if row.talk else None  # an unanswered one had none
        recorded, added = self._recorded(row), self._here(row.created_at)
        return (*self._texts(row), row.client_dials, row.operator_dials, *times, talk, recorded, added, row.id)

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
