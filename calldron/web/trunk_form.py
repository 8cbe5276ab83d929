"""The form of a trunk, as setup and the trunks page show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from calldron.domain.errors import InvalidInput
from calldron.services import trunk_fields, trunks
from calldron.services.errors import FieldError, Refused
from calldron.store.models import TrunkRow

_USUAL = {"port": str(trunk_fields.USUAL_PORT), "transport": "udp", "cps": "1", "channels": "2", "priority": "0"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its help, what is in it, and what is wrong with that."""

    name: str
    label: Promise
    hint: Promise | str = ""
    kind: str = "text"
    required: bool = False
    mode: str = ""  # of the keyboard of a telephone
    value: str = ""
    error: str = ""


_GROUPS: tuple[tuple[Promise, tuple[Field, ...]], ...] = (
    (
        _("Where it is"),
        (
            Field("name", _("Name"), _("A word to know it by: letters, digits, dots and dashes."), required=True),
            Field("host", _("Server"), _("Your provider calls it “SIP server”, “domain” or “proxy”."), required=True),
            Field("port", _("Port"), _("5060 unless the provider says otherwise."), mode="numeric"),
            Field("transport", _("Transport"), _("UDP suits nearly everybody."), kind="transport"),
        ),
    ),
    (
        _("Who you are to it"),
        (
            Field("username", _("User"), _("Often a number. Empty where the provider knows you by your address.")),
            Field("password", _("Password"), kind="password"),
            Field(
                "caller_id",
                _("Number shown"),
                _("What people see when you call, unless a batch or the account says otherwise. It has to be yours."),
                kind="tel",
            ),
        ),
    ),
    (
        _("How much it carries"),
        (
            Field(
                "cps",
                _("Calls a second"),
                _("How fast calls may begin. Providers mostly allow 1 to 10; 0 is no limit of ours."),
                mode="decimal",
            ),
            Field(
                "channels",
                _("Channels"),
                _("How many may be up at once; a call that is connected with an operator takes two. 0: no limit."),
                mode="numeric",
            ),
            Field(
                "priority",
                _("Priority"),
                _("With several trunks those of the lowest are tried first, the others take what has no room."),
                mode="numeric",
            ),
        ),
    ),
)


def blank() -> Sequence[tuple[Promise, list[Field]]]:
    """For a new trunk."""
    return _filled(_USUAL, {})


def of(trunk: TrunkRow) -> Sequence[tuple[Promise, list[Field]]]:
    """For a change; nobody is shown the password again."""
    values = {name: str(getattr(trunk, name)) for name in trunk_fields.READERS if name != "password"}
    return _filled({**values, "cps": f"{trunk.cps:g}"}, {}, kept=bool(trunk.password))


def typed(data: QueryDict, errors: Sequence[FieldError], trunk: TrunkRow | None = None) -> Any:
    """What was sent, with what is wrong in it beside its field. The password has to be typed again."""
    wrong: dict[str, str] = {}
    for error in errors:
        wrong.setdefault(error.field, error.message)
    return _filled(data.dict(), wrong, kept=bool(trunk and trunk.password))


def save(request: HttpRequest, trunk: TrunkRow | None = None) -> TrunkRow:
    """Make a trunk of what was sent, or change one. Raises ``Refused``."""
    errors: list[FieldError] = []
    given = {name: request.POST[name] for name in trunk_fields.READERS if name in request.POST}
    columns = trunk_fields.read(given, errors, trunk)
    if not errors:
        try:
            return trunks.create(columns) if trunk is None else trunks.update(trunk, columns)
        except InvalidInput as error:
            errors.append(FieldError(error.field, str(error)))
    raise Refused(errors[0].message, errors)


def _filled(
    values: Mapping[str, object], wrong: Mapping[str, str], *, kept: bool = False
) -> list[tuple[Promise, list[Field]]]:
    def fill(field: Field) -> Field:
        secret = field.name == "password"
        hint = _("Empty: the one that is known stays.") if secret and kept else field.hint
        value = "" if secret else str(values.get(field.name, ""))
        return Field(
            field.name, field.label, hint, field.kind, field.required, field.mode, value, wrong.get(field.name, "")
        )

    return [(title, [fill(field) for field in fields]) for title, fields in _GROUPS]
