"""Which bytes of a file a client asks for (RFC 9110): of a recording by the API, of a sound by a page."""

import re
from collections.abc import Mapping

_RANGE = re.compile(r"bytes=\s*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))\s*", re.ASCII | re.IGNORECASE)


def is_known(request: Mapping[str, str], etag: str) -> bool:
    """Whether the client has the file already. Section 13.1.2: the weak comparison, of which our strong tags make an
    equality. ``request``: its header fields."""
    tags = (tag.strip().removeprefix("W/") for tag in request.get("If-None-Match", "").split(","))
    return any(tag in (etag, "*") for tag in tags)


def asked(request: Mapping[str, str], size: int, *validators: str) -> range | None:
    """The bytes asked for: empty where they lie beyond the end, ``None`` for the whole file, which is also the
    answer to several ranges, to another unit and to a changed file (section 14.2 leaves that to the server), one whose
    ETag and date (``validators``) are not those of ``If-Range``."""
    match = _RANGE.fullmatch(request.get("Range", ""))
    condition = request.get("If-Range")
    if match is None or (condition is not None and condition not in validators):
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return range(max(0, size - int(suffix)), size)
    start, end = int(first), int(last) if last else size - 1
    if last and end < start:
        return None  # section 14.1.1: such a range is invalid and is to be ignored
    return range(start, min(end + 1, size))
