"""What the cells of a list mean: which column holds the numbers, and what is wrong with a row. Numbers are read as the
API reads them (``calls.read``)."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import calls, numbering, typed_numbers, values
from calldron.services.calls import NewCall
from calldron.services.errors import FieldError
from calldron.services.spreadsheets import Row
from calldron.store.models import Account, Batch, Call, StopNumber

_SAMPLE = 200  # rows by which a list is guessed
_HALF = 0.5

# 7.9161E+10: what Excel shows of a long number, and all that is left of it in a CSV file.
_SHORTENED = re.compile(r"[0-9][.,][0-9]*[eE]\+?[0-9]+")
_WITH_ZERO = re.compile(r"(\+?[0-9]{7,15})[.,]0+")
_HEADINGS: Final = re.compile(r"тел|моб|сот[оа]|phone|mobile|cell|msisdn|whatsapp|(?:^|\W)tel(?:\W|$)", re.IGNORECASE)
_NEARLY: Final = re.compile(r"номер|number|контакт|contact|абонент|кому", re.IGNORECASE)


class Kind(StrEnum):
    """Why a row is not taken."""

    BAD = "bad"
    DUPLICATE = "duplicate"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a list is read. ``number``: the column of the numbers, from 0. ``header``: the first row is none of them.
    ``russian``: numbers without +7 are Russian. ``duplicates``: they are called too."""

    number: int = 0
    header: bool = False
    russian: bool = False
    duplicates: bool = False

    def kept(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(slots=True)
class Outcome:
    """What becomes of a row: a call, or ``kind`` and ``reason`` why not."""

    row: Row
    call: NewCall | None
    kind: Kind | None = None
    reason: str = ""


def guess(rows: Sequence[Row]) -> Reading:
    """The reading that fits a list's beginning best."""
    sample, first = rows[:_SAMPLE], rows[0].cells
    columns = range(max(len(row.cells) for row in sample))
    number = max(columns, key=lambda column: _likeness(sample, column))
    header = not _could_be_number(_cell(first, number)) and any(character.isalpha() for character in "".join(first))
    found = [_cell(row.cells, number) for row in sample[header:]]
    bare = [typed_numbers.bare(_plain(cell)) for cell in found]
    # No country has the code 89, and a list of ten-digit numbers is one of a country's own.
    national = [digits for digits in bare if typed_numbers.russian(digits)]
    russian = any(digits.startswith("89") for digits in national) or len(national) > _HALF * len(bare)
    return Reading(number, header, russian)


def has_national(rows: Sequence[Row]) -> bool:
    """Whether a list's beginning has numbers, in whatever column, that could be Russian ones without +7."""
    return any(typed_numbers.russian(_plain(cell)) for row in rows[:_SAMPLE] for cell in row.cells)


def _likeness(rows: Sequence[Row], column: int) -> float:
    cells = [_cell(row.cells, column) for row in rows]
    heading = cells[0]
    alike = sum(map(_could_be_number, cells)) / len(cells)
    named = 0.6 if _HEADINGS.search(heading) else 0.3 if _NEARLY.search(heading) else 0.0
    return alike + named


def _could_be_number(cell: str) -> bool:
    if _SHORTENED.fullmatch(cell):
        return True
    try:
        number = values.phone_number(_meant(cell, russian=True))
    except InvalidInput:
        return False
    return len(number) > 10 and not numbering.suspect(number)


def read(account: Account, reading: Reading, rows: Iterable[Row]) -> list[Outcome]:
    """Each row's number, or what is wrong with it."""
    return [_read(account, reading, row) for row in rows]


def _read(account: Account, reading: Reading, row: Row) -> Outcome:
    cell = _cell(row.cells, reading.number)
    if not cell:
        return Outcome(row, None, Kind.BAD, _("There is no number in this row."))
    errors: list[FieldError] = []
    try:
        call = calls.read(account, {"phone_number": _meant(cell, russian=reading.russian)}, errors)
    except InvalidInput as error:
        return Outcome(row, None, Kind.BAD, str(error))
    if errors:
        return Outcome(row, None, Kind.BAD, errors[0].message)
    return Outcome(row, call)


def _meant(cell: str, *, russian: bool) -> str:
    """The number that a cell stands for, as a person would send it. Raises ``InvalidInput`` where it is lost."""
    text = _plain(cell)
    if _SHORTENED.fullmatch(text):
        raise InvalidInput(
            _(
                "Excel has shortened this number and its last digits are lost. In the original give the column the "
                "format “Number” without decimals, and save it anew; or send the XLSX file."
            )
        )
    if whole := _WITH_ZERO.fullmatch(text):
        text = whole[1]
    return (russian and typed_numbers.russian(text)) or text


def _plain(cell: str) -> str:
    """Without the mark by which spreadsheets tell text."""
    return cell.lstrip("'`’ ").rstrip()


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


def tell_apart(batch: Batch, reading: Reading, outcomes: Sequence[Outcome]) -> None:
    """Mark what is on the stop list, and what is there already: further up in these rows, or in the batch."""
    numbers = {outcome.call.number for outcome in outcomes if outcome.call}
    stopped = _numbers_of(StopNumber.objects.filter(account=batch.account_id, number__in=numbers))
    known: dict[str, int] = {}
    if not reading.duplicates:
        known = dict.fromkeys(_numbers_of(Call.objects.filter(batch=batch, number__in=numbers)), 0)
    for outcome in outcomes:
        if outcome.call is None:
            continue
        number = outcome.call.number
        if number in stopped:
            _refuse(outcome, Kind.STOPPED, _("On the stop list."))
        elif number in known:
            line = known[number]
            in_batch = _("The batch has this number already.")
            above = _("The same number is in line %(line)d.") % {"line": line}
            _refuse(outcome, Kind.DUPLICATE, above if line else in_batch)
        elif not reading.duplicates:
            known[number] = outcome.row.line


def _numbers_of(rows: Any) -> set[str]:
    return set(rows.values_list("number", flat=True))


def _refuse(outcome: Outcome, kind: Kind, reason: str) -> None:
    outcome.call, outcome.kind, outcome.reason = None, kind, reason


def heading(rows: Sequence[Row], reading: Reading) -> list[str]:
    """The names of the columns; those without one are called by their place."""
    width = max(len(row.cells) for row in rows)
    first = rows[0].cells if reading.header else []
    return [_cell(first, place) or _("Column %(place)d") % {"place": place + 1} for place in range(width)]


def changed(reading: Reading, given: dict[str, str], width: int) -> Reading:
    """A reading as a form gives it: what it does not name is off."""
    number = given.get("number", "")
    column = int(number) if number.isdecimal() and len(number) < 4 else reading.number
    return replace(
        reading,
        number=min(column, width - 1),
        header="header" in given,
        russian="russian" in given,
        duplicates="duplicates" in given,
    )
