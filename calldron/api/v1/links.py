"""Paths of things, and links to recordings that open without a key for a day."""

from django.core.signing import BadSignature, TimestampSigner

from calldron.store.models import Call

LINK_SECONDS = 86_400


def batch_path(batch_id: int) -> str:
    """Where a batch is."""
    return f"/v1/batches/{batch_id}"


def call_path(call: Call) -> str:
    """Where a call is."""
    return f"/v1/batches/{call.batch_id}/calls/{call.pk}"


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
