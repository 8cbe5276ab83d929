"""SIP trunks: the addresses people write, and the list of them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from calldron.domain.batch import BatchState
from calldron.domain.errors import InvalidInput
from calldron.services import removal, trunk_fields
from calldron.services.errors import NotFound
from calldron.store.changes import announce
from calldron.store.models import Batch, TrunkRow

_ADDRESS = re.compile(
    r"(?P<scheme>[a-z]+):"
    r"(?:(?P<user>[^:@]*)(?::(?P<password>[^@]*))?@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:;@\s\[\]]+)"
    r"(?::(?P<port>[^;@]*))?"
    r"(?P<parameters>(?:;[^;@]*)*)",
    re.IGNORECASE,
)
# Where it is and who it takes us for: with another of these it is another trunk.
_IDENTITY = frozenset({"host", "port", "transport", "username", "password"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a trunk is and how to sign in to it. The password is kept out of ``repr``."""

    host: str
    port: int = trunk_fields.USUAL_PORT
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
    try:
        address = Address(
            host=trunk_fields.host(match["host"]),
            port=trunk_fields.USUAL_PORT if match["port"] is None else trunk_fields.port(match["port"]),
            transport=_transport(match["parameters"]),
            username=trunk_fields.username(unquote(match["user"] or "")),
            password=trunk_fields.password(unquote(match["password"] or "")),
        )
    except InvalidInput as error:
        raise InvalidInput(str(error), "uri") from error
    if address.password and not address.username:
        raise InvalidInput(_("There is a password but no user before it."), "uri")
    return address


def _transport(parameters: str) -> str:
    transport = "udp"
    for parameter in filter(None, parameters.split(";")):
        name, _equals, value = parameter.partition("=")
        if name.lower() != "transport":
            raise InvalidInput(_("%(name)s is not a parameter of a trunk; transport is.") % {"name": name}, "uri")
        transport = trunk_fields.transport(value)
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
    columns = {
        "name": trunk_fields.name(name),
        **asdict(parse(uri)),
        **_limits(cps, channels, caller_id, priority),
    }
    return create(columns, sandbox=sandbox)


def create(columns: Mapping[str, Any], *, sandbox: bool = False) -> TrunkRow:
    """The same, of columns that ``trunk_fields`` has read."""
    try:
        with transaction.atomic():
            announce(connection)
            return TrunkRow.objects.create(**columns, sandbox=sandbox)
    except IntegrityError as error:
        raise _known(columns["name"]) from error


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
    return update(named(name), _limits(cps, channels, caller_id, priority))


def update(trunk: TrunkRow, columns: Mapping[str, Any]) -> TrunkRow:
    """The same, of columns that ``trunk_fields`` has read. What is known of the health of one that is somewhere else
    now says nothing of it. Raises ``InvalidInput``."""
    changed = dict(columns)
    if any(getattr(trunk, column) != changed.get(column, getattr(trunk, column)) for column in _IDENTITY):
        changed |= {"strain": 0, "strain_changed_at": None, "strain_until": None, "carried_at": None, "tat": 0}
    try:
        with transaction.atomic():
            TrunkRow.objects.filter(pk=trunk.pk).update(**changed)
            announce(connection)
    except IntegrityError as error:
        raise _known(changed["name"]) from error
    return TrunkRow.objects.get(pk=trunk.pk)


def _known(name: str) -> InvalidInput:
    return InvalidInput(_("There is a trunk %(name)s already.") % {"name": name}, "name")


def _limits(cps: float | None, channels: int | None, caller_id: str | None, priority: int | None) -> dict[str, Any]:
    """What is given, read."""
    given = {"cps": cps, "channels": channels, "caller_id": caller_id, "priority": priority}
    return {name: trunk_fields.READERS[name](value) for name, value in given.items() if value is not None}


def listed() -> list[TrunkRow]:
    """All trunks, in the order in which they are tried."""
    return list(TrunkRow.objects.order_by("priority", "id"))


def named(name: str) -> TrunkRow:
    """The trunk of this name. Raises ``NotFound``."""
    trunk = TrunkRow.objects.filter(name=name).first()
    if trunk is None:
        raise NotFound(_("There is no trunk %(name)s.") % {"name": name})
    return trunk


def get(trunk_id: int) -> TrunkRow:
    """A real trunk. Raises ``NotFound``."""
    trunk = TrunkRow.objects.filter(pk=trunk_id, sandbox=False).first()
    if trunk is None:
        raise NotFound(_("There is no such trunk."))
    return trunk


def remove(name: str) -> None:
    """Forget a trunk; calls that are up on it go on, those that were to test it end. Raises ``NotFound``."""
    with transaction.atomic():
        trunk = named(name)
        tests = Batch.objects.filter(only_trunk=trunk.pk).exclude(state=BatchState.STOPPED)
        trunk.delete()
        for batch in tests.order_by("id").select_for_update(no_key=True):
            batch.state, batch.finished_at = BatchState.STOPPED, datetime.now(UTC)
            batch.save(update_fields=["state", "finished_at"])
            removal.take_back_waiting(batch.pk)
        announce(connection)
