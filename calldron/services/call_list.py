"""The calls of a batch as people look for them: by what became of them, by a number, a page at a time.

A page is found by ids alone, within the index that holds what is asked for, and then read: no filter goes through the
rows of a million calls. The plus before an id keeps SQLite from the primary key, which would make it do so.
"""

import re
from dataclasses import dataclass

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from calldron.domain.call import CallStatus
from calldron.domain.errors import InvalidInput
from calldron.domain.outcome import Result
from calldron.services import values
from calldron.store.models import Batch, Call

WAITING = "waiting"  # beside the statuses: to be dialled, for the first time or again
STATUSES = (WAITING, *(status.value for status in CallStatus if status is not CallStatus.QUEUED))
RESULTS = tuple(result.value for result in Result)
PAGE = 50

# Fewer digits would name too many of a million numbers to be looked through.
FEWEST_LAST = 3
FEWEST_FIRST = 7
_LONG_RUSSIAN = 11
_DIGITS = re.compile(r"\+?[0-9]{1,20}")
_BETWEEN = re.compile(r"[\s().\-\u2010-\u2015]")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls are looked for: with this status (``STATUSES``) and result, whose number is ``q`` or begins or ends
    with it. "": any."""

    status: str = ""
    result: str = ""
    q: str = ""

    def __bool__(self) -> bool:
        return bool(self.status or self.result or self.q.strip())


@dataclass(frozen=True, slots=True)
class Page:
    """Some calls, in the order in which they were added. ``after``: the id beyond which there are more, ``None`` where
    there are none."""

    calls: list[Call]
    after: int | None = None


def filtered(batch: Batch, status: str = "", result: str = "", q: str = "") -> QuerySet[Call]:
    """The batch's calls that a ``Filter`` of these words names, in no order. Raises ``InvalidInput`` where that can't
    be looked for."""
    _check("status", status, STATUSES)
    _check("result", result, RESULTS)
    calls = Call.objects.filter(batch=batch)
    if q.strip():
        of_number = calls.filter(_numbers(q))
        calls = calls.filter(pk__in=of_number.values("pk"))
    elif (status and status != WAITING) or result:
        calls = calls.filter(_TOLD)
    if status == WAITING:
        calls = calls.filter(due_at__isnull=False)
    elif status:
        calls = calls.filter(status=status)
    return calls.filter(result=result) if result else calls


def page(batch: Batch, which: Filter, *, after: int = 0, size: int = PAGE) -> Page:
    """The first calls beyond an id. Raises ``InvalidInput``."""
    place = "+store_call.id" if which else "store_call.id"
    beyond = RawSQL(f"{place} > %s", (after,), output_field=BooleanField())  # noqa: S611 - one of our two
    in_order = RawSQL(place, ())  # noqa: S611 - as above
    calls = filtered(batch, which.status, which.result, which.q).filter(beyond).order_by(in_order)
    ids = list(calls.values_list("pk", flat=True)[: size + 1])
    shown = list(Call.objects.filter(pk__in=ids[:size]).order_by("id"))
    return Page(shown, shown[-1].pk if len(ids) > size else None)


def _check(name: str, word: str, words: tuple[str, ...]) -> None:
    if word and word not in words:
        raise InvalidInput(f"{name}: " + _("This must be one of: %(words)s.") % {"words": ", ".join(words)})


def _numbers(q: str) -> Q:
    """A whole number in any form, or its last digits, or its first ones."""
    digits = _BETWEEN.sub("", q)
    if not _DIGITS.fullmatch(digits):
        raise InvalidInput(_("A number is looked for by its digits, with + before them or without."))
    plain = digits.removeprefix("+")
    if len(digits) == _LONG_RUSSIAN and digits.startswith("8"):
        plain = digits[1:]  # as Russia writes what is kept as +7
    first = Q(number__gte=f"+{plain}", number__lt=f"+{plain}:")  # ":" comes after "9"
    if digits.startswith("+"):
        if len(plain) < FEWEST_FIRST:
            words = _("Give at least the first %(most)d digits after +, or the last ones without it.")
            raise InvalidInput(words % {"most": FEWEST_FIRST})
        return first
    if len(plain) < FEWEST_LAST:
        raise InvalidInput(_("Give at least the last %(most)d digits.") % {"most": FEWEST_LAST})
    found = Q(number__endswith=plain)
    if len(plain) < FEWEST_FIRST:
        return found
    try:
        return found | first | Q(number=values.phone_number(plain))
    except InvalidInput:
        return found | first


# As the index call_told has it: SQLite knows it by its letters.
_TOLD = RawSQL("NOT (status = 'queued')", (), output_field=BooleanField())
