"""Paths of things, and links to recordings that open without a key for a day."""

from urllib.parse import quote

from django.core.signing import BadSignature, TimestampSigner
from django.urls import register_converter

from calldron.store.models import Call

LINK_SECONDS = 86_400


class IdInPath:
    """An id as it stands in a path. One that no database has is a path that does not exist: 404."""

    regex = "[1-9][0-9]{0,18}"

    def to_python(self, written: str) -> int:
        if int(written) >= 2**63:
            raise ValueError(written)
        return int(written)

    def to_url(self, value: int) -> str:
        return str(value)


class NumberInPath:
    """A phone number as it stands in a path, with or without "+". What is none is a path that does not exist: 404."""

    regex = r"\+?[0-9]{7,15}"

    def to_python(self, written: str) -> str:
        return "+" + written.removeprefix("+")

    def to_url(self, value: str) -> str:
        return value


register_converter(IdInPath, "id")
register_converter(NumberInPath, "number")


def batch_path(batch_id: int) -> str:
    """Where a batch is."""
    return f"/v1/batches/{batch_id}"


def call_path(call: Call) -> str:
    """Where a call is."""
    return f"/v1/batches/{call.batch_id}/calls/{call.pk}"


def stop_path(number: str) -> str:
    """Where a number of the stop list is."""
    return f"/v1/stop-list/{quote(number)}"


def record_link(call: Call) -> str:
    """The path of a call's recording with a signature that lets in whoever has it, for a day."""
    _path, _colon, signature = _signer().sign(call_path(call)).partition(":")
    return f"{call_path(call)}/record.mp3?sig={signature}"


def is_signed(batch_id: int, call_id: int, signature: str) -> bool:
    """Whether this signature opens this call's recording now."""
    try:
        _signer().unsign(f"/v1/batches/{batch_id}/calls/{call_id}:{signature}", max_age=LINK_SECONDS)
    except BadSignature:
        return False
    return True


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="calldron.record")
