"""The stop list of an account: numbers that it never calls. Kept and read in the order of numbers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import values
from calldron.services.errors import FieldError, NotFound
from calldron.store.changes import announce
from calldron.store.models import Account, StopNumber

LONGEST_COMMENT = 200
_ROWS_A_STATEMENT = 1_000

_NO_DIGITS = re.compile("[^0-9]+")
_LONG_RUSSIAN = 11

_comment = values.text(LONGEST_COMMENT)


@dataclass(frozen=True, slots=True)
class Entry:
    """A number in E.164, and what is to be remembered about it."""

    number: str
    comment: str = ""


class Row(NamedTuple):
    """An entry as it is kept."""

    number: str
    comment: str
    source: str
    created_at: datetime


def read(given: Mapping[str, object], errors: list[FieldError]) -> Entry | None:
    """Read the fields of a new entry. What cannot be used is added to ``errors``."""
    found = len(errors)
    errors += [
        FieldError(name, _("There is no field of this name.")) for name in given if name not in ("number", "comment")
    ]
    number = comment = ""
    try:
        number = values.phone_number(given["number"])
    except KeyError:
        errors.append(FieldError("number", _("This is missing.")))
    except InvalidInput as error:
        errors.append(FieldError("number", str(error)))
    try:
        comment = str(_comment("" if given.get("comment") is None else given["comment"]))
    except InvalidInput as error:
        errors.append(FieldError("comment", str(error)))
    return Entry(number, comment) if len(errors) == found else None


def page(account: Account, *, limit: int, offset: int, number: str | None = None) -> tuple[list[StopNumber], int]:
    """Part of the list and how long it is; ``number``: of this one alone."""
    entries = StopNumber.objects.filter(account=account)
    if number is not None:
        entries = entries.filter(number=number)
    return list(entries.order_by("number")[offset : offset + limit]), entries.count()


def search(account: Account, digits: str, *, limit: int, offset: int) -> tuple[list[StopNumber], int]:
    """Part of the list and how long it is: the numbers that have these digits in a row, "" for all."""
    entries = StopNumber.objects.filter(account=account)
    wanted = _NO_DIGITS.sub("", digits)
    if len(wanted) == _LONG_RUSSIAN and wanted.startswith("8") and "+" not in digits:
        wanted = wanted[1:]  # as Russia writes what is kept as +7
    if digits.strip():
        entries = entries.filter(number__contains=wanted) if wanted else entries.none()
    return list(entries.order_by("number")[offset : offset + limit]), entries.count()


def whole(account: Account, at_once: int = 5_000) -> Iterator[list[Row]]:
    """The whole list in pieces, each read by itself: whoever takes it slowly keeps no transaction open."""
    rows = StopNumber.objects.filter(account=account).order_by("number").values_list(*Row._fields)
    last = ""
    while piece := [Row(*row) for row in rows.filter(number__gt=last)[:at_once]]:
        yield piece
        last = piece[-1].number


def get(account: Account, number: str) -> StopNumber:
    """The entry of this number. Raises ``NotFound``."""
    entry = StopNumber.objects.filter(account=account, number=number).first()
    if entry is None:
        raise NotFound(_("The number %(number)s is not on the stop list.") % {"number": number})
    return entry


def add(account: Account, entries: Sequence[Entry], source: str) -> int:
    """Put numbers on the list, all or none; how many are new. Those that are there stay as they are. Calls to them that
    wait end when their turn comes."""
    now = connection.ops.adapt_datetimefield_value(datetime.now(UTC))
    by_number: dict[str, Entry] = {}
    for entry in entries:
        by_number.setdefault(entry.number, entry)
    # In the order of numbers, as everybody locks them who adds several: two imports never wait for each other in turn.
    rows = [(account.pk, number, source, by_number[number].comment, now) for number in sorted(by_number)]
    added = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for start in range(0, len(rows), _ROWS_A_STATEMENT):
            some = rows[start : start + _ROWS_A_STATEMENT]
            places = ", ".join(["(%s, %s, %s, %s, %s)"] * len(some))
            cursor.execute(_ADD.format(places=places), [value for row in some for value in row])
            added += cursor.rowcount
        announce(connection)
    return added


def remove(account: Account, numbers: Sequence[str]) -> int:
    """Take numbers off the list, all or none; how many were on it. They may be called again, by calls to come."""
    removed = 0
    distinct = sorted(set(numbers))
    with transaction.atomic():
        for start in range(0, len(distinct), _ROWS_A_STATEMENT):
            some = distinct[start : start + _ROWS_A_STATEMENT]
            gone, _by_model = StopNumber.objects.filter(account=account, number__in=some).delete()
            removed += gone
        announce(connection)
    return removed


_ADD = """
INSERT INTO store_stopnumber (account_id, number, source, comment, created_at) VALUES {places}
ON CONFLICT (account_id, number) DO NOTHING
"""
