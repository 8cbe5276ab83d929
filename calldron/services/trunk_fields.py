"""The fields of a trunk: how each is read, whether it comes from a form, from a command or as part of an address."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput, InvalidNumber
from calldron.domain.numbers import normalise
from calldron.services import limits
from calldron.services.errors import FieldError
from calldron.services.values import Reader
from calldron.store.models import TrunkRow

USUAL_PORT = 5060
TRANSPORTS = ("udp", "tcp")
LAST_PLACE = 1_000

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9\-.]{0,253}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
_NAME = re.compile(r"[\w.\-]{1,64}")


def read(given: Mapping[str, object], errors: list[FieldError], trunk: TrunkRow | None = None) -> dict[str, Any]:
    """The columns of a new trunk, or what is changed of ``trunk``; what cannot be used is added to ``errors``.

    Nobody is shown a password, so an empty one changes nothing; it goes with the user name that it belongs to."""
    columns: dict[str, Any] = {}
    for name, reader in READERS.items():
        if name in given or (trunk is None and name in ("name", "host")):
            try:
                columns[name] = reader(given.get(name, ""))
            except InvalidInput as error:
                errors.append(FieldError(name, str(error)))
    if trunk is not None and not columns.get("password"):
        columns.pop("password", None)
    if not columns.get("username", trunk.username if trunk else ""):
        if columns.get("password"):
            errors.append(FieldError("username", _("There is a password but no user before it.")))
        columns["password"] = ""
    return columns


def name(value: object) -> str:
    """What it is called. Raises ``InvalidInput``, as all of these do."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidInput(_("A trunk's name is up to 64 letters, digits, dots, dashes and underscores."), "name")
    return value


def host(value: object) -> str:
    """A host name or an address, an IPv6 one with or without its brackets."""
    written = str(value).strip()
    if ":" in written and not written.startswith("["):
        written = f"[{written}]"
    if not _HOST.fullmatch(written):
        raise InvalidInput(_("%(host)s is not a host name or address.") % {"host": written or '""'}, "host")
    return written.strip("[]")


def port(value: object) -> int:
    """A port, as a number or in digits."""
    written = str(value).strip()
    if not re.fullmatch(r"[0-9]{1,5}", written) or not 1 <= int(written) <= 65535:
        raise InvalidInput(_("The port is a number from 1 to 65535, not %(port)s.") % {"port": written or '""'}, "port")
    return int(written)


def transport(value: object) -> str:
    """UDP or TCP."""
    written = str(value).lower()
    if written not in TRANSPORTS:
        words = _("The transport is udp or tcp, not %(value)s.") % {"value": written or '""'}
        raise InvalidInput(words, "transport")
    return written


def username(value: object) -> str:
    """Of whom the trunk knows the password."""
    return _printable(value, "username")


def password(value: object) -> str:
    """Never repeated by what is said of it."""
    return _printable(value, "password")


def _printable(value: object, field: str) -> str:
    if not isinstance(value, str) or len(value) > 128 or not value.isprintable():
        raise InvalidInput(_("User and password are at most 128 printable characters each."), field)
    return value


def caller_id(value: object) -> str:
    """The number shown where a batch names none; "": none."""
    try:
        return normalise(str(value)) if value else ""
    except InvalidNumber as error:
        raise InvalidInput(_('The caller id is a phone number: "+" and 7 to 15 digits.'), "caller_id") from error


def priority(value: object) -> int:
    """Its place among the trunks."""
    place = _number(value)
    if not 0 <= place <= LAST_PLACE or place != int(place):
        raise InvalidInput(_("The priority is from 0 (tried first) to 1000."), "priority")
    return int(place)


def cps(value: object) -> float:
    """Calls a second."""
    return limits.cps(_number(value))


def channels(value: object) -> int:
    """Legs at once."""
    at_once = _number(value)
    return limits.channels(int(at_once) if at_once == int(at_once) else -1)


def _number(value: object) -> float:
    """As a number, or as people write it, with a point or a comma; nothing is 0, what is none -1, which is in no
    range."""
    if isinstance(value, str):
        written = value.strip().replace(",", ".")
        return float(written or 0) if re.fullmatch(r"[0-9]{0,6}(\.[0-9]{1,3})?", written, re.ASCII) else -1.0
    number = float(value) if isinstance(value, (int, float)) else -1.0
    return number if abs(number) < 1e9 else -1.0  # nor is there a "not a number"


READERS: Mapping[str, Reader] = {
    "name": name,
    "host": host,
    "port": port,
    "transport": transport,
    "username": username,
    "password": password,
    "caller_id": caller_id,
    "cps": cps,
    "channels": channels,
    "priority": priority,
}
