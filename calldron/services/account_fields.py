"""The fields of an account that its owner may change: their names in the API, how each is read, and their columns."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import values
from calldron.services.errors import FieldError

LONGEST_NAME = 200
HIGHEST_QUOTA = 1_000

# API name: (column, reader, default). ``null`` and ``""`` in a request stand for the default; a name has none.
_FIELDS: dict[str, tuple[str, values.Reader, object]] = {
    "name": ("name", values.text(LONGEST_NAME), None),
    "from": ("caller_id", values.caller_id, ""),
    "time_zone": ("time_zone", values.time_zone, "Europe/Moscow"),
    "strict_numbers": ("strict_numbers", values.flag, False),
    "quota_day": ("quota_day", values.whole(0, HIGHEST_QUOTA), 0),
    "quota_week": ("quota_week", values.whole(0, HIGHEST_QUOTA), 0),
    "quota_month": ("quota_month", values.whole(0, HIGHEST_QUOTA), 0),
}
OF_THE_INSTALLATION = frozenset({"cps", "channels"})

NAMES = frozenset(_FIELDS)


def read(given: Mapping[str, object], errors: list[FieldError]) -> dict[str, object]:
    """The columns that a request changes. What cannot be used is added to ``errors``."""
    columns: dict[str, object] = {}
    for name, value in given.items():
        if name in OF_THE_INSTALLATION:
            errors.append(FieldError(name, _("This limit is the installation's; its operator sets it.")))
        elif name not in _FIELDS:
            errors.append(FieldError(name, _("There is no field of this name.")))
        else:
            column, reader, default = _FIELDS[name]
            try:
                columns[column] = _value(value, reader, default)
            except InvalidInput as error:
                errors.append(FieldError(name, str(error)))
    return columns


def _value(value: object, reader: values.Reader, default: object) -> object:
    if value is not None and value != "":
        return reader(value)
    if default is None:
        raise InvalidInput(_("This can't be empty."))
    return default
