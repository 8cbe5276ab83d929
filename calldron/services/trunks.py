"""SIP trunks: the addresses people write, and the list of them."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput, InvalidNumber
from calldron.domain.numbers import normalise
from calldron.services import limits
from calldron.services.errors import NotFound
from calldron.store.changes import announce
from calldron.store.models import TrunkRow

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+):"
    r"(?:(?P<user>[^:@]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:;@\s\[\]]+)"
    r"(?::(?P<port>[^;@]*))?"
    r"(?P<parameters>(?:;[^;@]*)*)",
    re.IGNORECASE,
)
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9\-.]{0,253}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
LAST_PLACE = 1_000

_NAME = re.compile(r"[\w.\-]{1,64}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a trunk is and how to sign in to it. The password is kept out of ``repr``."""

    host: str
    port: int = 5060
    transport: str = "udp"
    username: str = ""
    password: str = field(default="", repr=False)


def parse(uri: str) -> Address:
    """Read ``sip:USER:PASSWORD@HOST:PORT;transport=udp``; everything but the host may be left out, and special
    characters of user and password may be percent-encoded. Raises ``InvalidInput``, whose message never repeats the
    password."""
    match = _ADDRESS.fullmatch(uri.strip())
    if match is None:
        raise InvalidInput(
            _("A trunk is written sip:USER:PASSWORD@HOST:PORT;transport=udp (an @ or : in the password as %40, %3A)."),
            "uri",
        )
    if match["scheme"].lower() != "sip":
        raise InvalidInput(_("A trunk begins with sip: (TLS is not available yet)."), "uri")
    if not _HOST.fullmatch(match["host"]):
        raise InvalidInput(_("%(host)s is not a host name or address.") % {"host": match["host"]}, "uri")
    username, password = unquote(match["user"] or ""), unquote(match["password"] or "")
    if len(username) > 128 or len(password) > 128 or not (username + password).isprintable():
        raise InvalidInput(_("User and password are at most 128 printable characters each."), "uri")
    if password and not username:
        raise InvalidInput(_("There is a password but no user before it."), "uri")
    return Address(
        host=match["host"].strip("[]"),
        port=_port(match["port"]),
        transport=_transport(match["parameters"]),
        username=username,
        password=password,
    )


def _port(written: str | None) -> int:
    if written is None:
        return 5060
    if not re.fullmatch(r"[0-9]{1,5}", written) or not 1 <= int(written) <= 65535:
        raise InvalidInput(_("The port is a number from 1 to 65535, not %(port)s.") % {"port": written or '""'}, "uri")
    return int(written)


def _transport(parameters: str) -> str:
    transport = "udp"
    for parameter in filter(None, parameters.split(";")):
        name, _equals, value = parameter.partition("=")
        if name.lower() != "transport":
            raise InvalidInput(_("%(name)s is not a parameter of a trunk; transport is.") % {"name": name}, "uri")
        transport = value.lower()
        if transport not in ("udp", "tcp"):
            raise InvalidInput(_("The transport is udp or tcp, not %(value)s.") % {"value": value or '""'}, "uri")
    return transport


def add(
    name: str,
    uri: str,
    *,
    cps: float = 0,
    channels: int = 0,
    caller_id: str = "",
    priority: int = 0,
    sandbox: bool = False,
) -> TrunkRow:
    """Note a trunk. ``cps``: calls a second, ``channels``: legs at once; 0 is no limit. Those of the lowest
    ``priority`` are tried first. Raises ``InvalidInput``."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(_("A trunk's name is up to 64 letters, digits, dots, dashes and underscores."), "name")
    address = parse(uri)
    columns = _columns(cps, channels, caller_id, priority)
    try:
        with transaction.atomic():
            announce(connection)
            return TrunkRow.objects.create(
                name=name,
                host=address.host,
                port=address.port,
                transport=address.transport,
                username=address.username,
                password=address.password,
                sandbox=sandbox,
                **columns,
            )
    except IntegrityError as error:
        raise InvalidInput(_("There is a trunk %(name)s already.") % {"name": name}, "name") from error


def change(
    name: str,
    *,
    cps: float | None = None,
    channels: int | None = None,
    caller_id: str | None = None,
    priority: int | None = None,
) -> TrunkRow:
    """Change a trunk; ``None`` leaves a value as it is. The next call goes by it. Raises ``NotFound`` and
    ``InvalidInput``."""
    with transaction.atomic():
        TrunkRow.objects.filter(pk=named(name).pk).update(**_columns(cps, channels, caller_id, priority))
        announce(connection)
    return named(name)


def _columns(cps: float | None, channels: int | None, caller_id: str | None, priority: int | None) -> dict[str, Any]:
    """What is given, read."""
    columns: dict[str, Any] = {}
    if cps is not None:
        columns["cps"] = limits.cps(cps)
    if channels is not None:
        columns["channels"] = limits.channels(channels)
    if caller_id is not None:
        columns["caller_id"] = _caller_id(caller_id)
    if priority is not None:
        columns["priority"] = _priority(priority)
    return columns


def _caller_id(written: str) -> str:
    try:
        return normalise(written) if written else ""
    except InvalidNumber as error:
        raise InvalidInput(_('The caller id is a phone number: "+" and 7 to 15 digits.'), "caller_id") from error


def _priority(place: int) -> int:
    if not 0 <= place <= LAST_PLACE:
        raise InvalidInput(_("The priority is from 0 (tried first) to 1000."), "priority")
    return place


def listed() -> list[TrunkRow]:
    """All trunks, in the order in which they are tried."""
    return list(TrunkRow.objects.order_by("priority", "id"))


def named(name: str) -> TrunkRow:
    """The trunk of this name. Raises ``NotFound``."""
    trunk = TrunkRow.objects.filter(name=name).first()
    if trunk is None:
        raise NotFound(_("There is no trunk %(name)s.") % {"name": name})
    return trunk


def remove(name: str) -> None:
    """Forget a trunk; calls that are up on it go on. Raises ``NotFound``."""
    named(name).delete()
