"""The fields of a batch: their names in the API, how each is read, and the columns they end in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.errors import InvalidInput
from calldron.domain.zones import zone
from calldron.services import days, intros, retries, values
from calldron.services.errors import FieldError
from calldron.store.models import Account, Batch
from calldron.store.turns import CALLEE

LONGEST_NAME = 200
FASTEST = 1_000  # calls a second of one batch
MOST_CHANNELS = 100_000

# API name: (column, reader, default). ``null`` and ``""`` in a request stand for the default.
_PLAIN: dict[str, tuple[str, values.Reader, object]] = {
    "name": ("name", values.text(LONGEST_NAME), ""),
    "description": ("description", values.text(10_000, lines=True), ""),
    "type": ("type", values.choice(BatchType), BatchType.BATCH),
    "confirmation": ("confirmation", values.choice(Confirmation), Confirmation.TIMEOUT),
    "confirm_digits": ("confirm_digits", values.keys, ""),
    "opt_out_digit": ("opt_out_digit", values.key, ""),
    "attempts": ("attempts", values.whole(1, 20), 1),
    "call_delay": ("call_delay", values.whole(0, 604_800), 30),
    "retry": ("retry", retries.read, {}),
    "cps": ("cps", values.rate(FASTEST), 0.0),
    "channels": ("channels", values.whole(0, MOST_CHANNELS), 0),
    "time_zone_fallback": ("time_zone_fallback", values.time_zone, ""),
    "days": ("days", days.read, {}),
    "ring_timeout": ("ring_timeout", values.whole(5, 120), 30),
    "timeout_before_intro_callback": ("timeout_before_intro_callback", values.whole(0, 3_600), 30),
    "callback": ("callback", values.operator, ""),
    "from": ("caller_id", values.caller_id, ""),
    "intro_filename": ("intro_filename", values.text(255), ""),
    "record": ("record", values.flag, True),
    "autostart": ("autostart", values.flag, True),
}
_SPECIAL = ("time_zone", "time_from", "time_to", "intro")

NAMES = frozenset((*_PLAIN, *_SPECIAL))
COLUMNS = (
    *(column for column, _reader, _default in _PLAIN.values()),
    "time_zone",
    "minute_from",
    "minute_to",
    "intro_id",
)
NOT_YET = frozenset(("intro_text", "machine"))

DEFAULT_WINDOW = (9 * 60, 21 * 60)


@dataclass(slots=True)
class Draft:
    """What a request says about a batch, read and checked, and not yet written. ``columns`` holds what it changes."""

    columns: dict[str, Any] = field(default_factory=dict)
    file: bytes | None = field(default=None, repr=False)  # the intro as it was sent
    intro: intros.Intro | None = None  # the same, decoded
    warnings: list[str] = field(default_factory=list)


def read(account: Account, given: Mapping[str, object], errors: list[FieldError], batch: Batch | None = None) -> Draft:
    """Read the fields of a new batch, or the changes to ``batch``. What cannot be used is added to ``errors``. The
    intro is left for ``decode``."""
    draft = Draft()
    for name in given:
        if name in NOT_YET:
            errors.append(FieldError(name, _("This field is not yet available in this version.")))
        elif name not in NAMES:
            errors.append(FieldError(name, _("There is no field of this name.")))
    for name, (column, reader, default) in _PLAIN.items():
        if name in given:
            draft.columns[column] = _read(name, given[name], reader, default, errors)
    _compare_keys(given, errors, batch, draft)
    _read_window(account, given, errors, batch, draft)
    if "intro" in given:
        _read_intro(given["intro"], errors, draft)
    return draft


def _read(name: str, value: object, reader: values.Reader, default: object, errors: list[FieldError]) -> object:
    if value is None or value == "":
        return default
    try:
        return reader(value)
    except InvalidInput as error:
        errors.append(FieldError(f"{name}.{error.field}" if error.field else name, str(error)))
        return default


def _compare_keys(given: Mapping[str, object], errors: list[FieldError], batch: Batch | None, draft: Draft) -> None:
    """One key can't both confirm and opt out."""
    opt_out, confirm = (
        draft.columns.get(column, getattr(batch, column, "")) for column in ("opt_out_digit", "confirm_digits")
    )
    if opt_out and opt_out in confirm:
        field = "opt_out_digit" if "opt_out_digit" in given else "confirm_digits"
        errors.append(FieldError(field, _("The key %(key)s can't both confirm and opt out.") % {"key": opt_out}))


def _read_window(
    account: Account, given: Mapping[str, object], errors: list[FieldError], batch: Batch | None, draft: Draft
) -> None:
    """The zone and the two times. A batch that is given one end only gets the usual other one."""
    name = batch.time_zone if batch else account.time_zone
    if "time_zone" in given:
        name = str(_read("time_zone", given["time_zone"], values.zone_or_callee, account.time_zone, errors))
    if batch is None or "time_zone" in given:
        draft.columns["time_zone"] = name
    ends: list[int | None] = [batch.minute_from, batch.minute_to] if batch else [None, None]
    for place, end in enumerate(("time_from", "time_to")):
        if end in given:
            read = _read(end, given[end], values.wall_clock, None, errors)
            ends[place] = None
            if isinstance(read, tuple):
                ends[place], offset = read
                _compare_offset(end, offset, name, draft)
    kind = draft.columns.get("type", batch.type if batch else BatchType.BATCH)
    touched = not {"time_from", "time_to", "type"}.isdisjoint(given)
    if (batch is None or touched) and (kind == BatchType.BATCH or ends != [None, None]):
        ends = [usual if end is None else end for end, usual in zip(ends, DEFAULT_WINDOW, strict=True)]
    if batch is None or touched:
        draft.columns["minute_from"], draft.columns["minute_to"] = ends


def _compare_offset(end: str, offset: str, name: str, draft: Draft) -> None:
    """Tell of a UTC offset that the zone does not have this year: the hour is read as wall-clock time all the same."""
    if not offset or name == CALLEE:  # the callees' zones have all of them
        return
    year = datetime.now(UTC).year
    seasons = (datetime(year, month, 1, tzinfo=UTC).astimezone(zone(name)).utcoffset() for month in (1, 7))
    if _offset(offset) not in seasons:
        draft.warnings.append(f"{end}: the offset {offset} is not that of the time zone {name} and is ignored")


def _offset(written: str) -> timedelta:
    if written == "Z":
        return timedelta(0)
    minutes = int(written[1:3]) * 60 + int(written[-2:])
    return timedelta(minutes=-minutes if written[0] == "-" else minutes)


def _read_intro(value: object, errors: list[FieldError], draft: Draft) -> None:
    if value is None or value == "":
        draft.columns["intro"] = None
        return
    try:
        draft.file = intros.from_base64(value)
    except InvalidInput as error:
        errors.append(FieldError("intro", str(error)))


def decode(account: Account, draft: Draft, errors: list[FieldError]) -> None:
    """Decode the draft's intro. Takes up to seconds, so it comes when all else is found to be good, and before the
    transaction."""
    if draft.file is None:
        return
    try:
        draft.intro = intros.decoded(account, draft.file)
    except InvalidInput as error:
        errors.append(FieldError("intro", str(error)))
