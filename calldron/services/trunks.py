"""SIP trunks: the addresses people write, and the list of them."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput, InvalidNumber
from calldron.domain.numbers import normalise
from calldron.services.errors import NotFound
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
    """Note a trunk. ``cps``: calls a second, ``channels``: legs at once; 0 is no limit. Raises ``InvalidInput``."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(_("A trunk's name is up to 64 letters, digits, dots, dashes and underscores."), "name")
    if not 0 <= cps <= 10_000:
        raise InvalidInput(_("Calls a second are from 0 (no limit) to 10000."), "cps")
    if not 0 <= channels <= 100_000:
        raise InvalidInput(_("Channels are from 0 (no limit) to 100000."), "channels")
    address = parse(uri)
    try:
        shown = normalise(caller_id) if caller_id else ""
    except InvalidNumber as error:
        raise InvalidInput(_('The caller id is a phone number: "+" and 7 to 15 digits.'), "caller_id") from error
    try:
        with transaction.atomic():
            return TrunkRow.objects.create(
                name=name,
                host=address.host,
                port=address.port,
                transport=address.transport,
                username=address.username,
                password=address.password,
                caller_id=shown,
                cps=cps,
                channels=channels,
                priority=priority,
                sandbox=sandbox,
            )
    except IntegrityError as error:
        raise InvalidInput(_("There is a trunk %(name)s already.") % {"name": name}, "name") from error


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
