"""A recording as a file over HTTP: whole or in a range (RFC 9110 section 14), from disk in small pieces."""

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import http_date
from django.utils.translation import gettext as _

from calldron.api.v1.problems import RANGE, respond

PIECE = 64 * 1024
_RANGE = re.compile(r"bytes=\s*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))\s*", re.ASCII | re.IGNORECASE)


def serve(request: HttpRequest, file: BinaryIO) -> HttpResponseBase:
    """The answer that streams this file and closes it."""
    found = os.fstat(file.fileno())
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{found.st_mtime_ns:x}-{found.st_size:x}"',
        "Last-Modified": http_date(found.st_mtime),
        "Cache-Control": "private, no-cache",
        "Content-Disposition": 'inline; filename="record.mp3"',
    }
    if _is_known(request, headers["ETag"]):
        file.close()
        return HttpResponse(status=304, headers=headers)
    span = _range(request, found.st_size, headers)
    if span is not None and not span:
        file.close()
        answer = respond(RANGE, _("The recording has %(size)d bytes.") % {"size": found.st_size})
        answer["Content-Range"] = f"bytes */{found.st_size}"
        return answer
    status = 200
    if span is not None:
        status = 206
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{found.st_size}"
    part = span if span is not None else range(found.st_size)
    headers["Content-Length"] = str(len(part))
    return StreamingHttpResponse(_Pieces(file, part), status=status, headers=headers, content_type="audio/mpeg")


def _is_known(request: HttpRequest, etag: str) -> bool:
    """Section 13.1.2: the weak comparison, of which our strong tags make an equality."""
    tags = (tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(","))
    return any(tag in (etag, "*") for tag in tags)


def _range(request: HttpRequest, size: int, headers: dict[str, str]) -> range | None:
    """The bytes asked for: empty where they lie beyond the end, ``None`` for the whole file, which is also the
    answer to several ranges, to another unit and to a changed file (section 14.2 leaves that to the server)."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    condition = request.headers.get("If-Range")
    if match is None or (condition is not None and condition not in (headers["ETag"], headers["Last-Modified"])):
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return range(max(0, size - int(suffix)), size)
    start, end = int(first), int(last) if last else size - 1
    if last and end < start:
        return None  # section 14.1.1: such a range is invalid and is to be ignored
    return range(start, min(end + 1, size))


class _Pieces:
    """Part of a file, a piece at a time. Django calls ``close`` when the answer is sent or the client is gone."""

    def __init__(self, file: BinaryIO, part: range) -> None:
        self._file = file
        self._part = part

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(self._part.start)
        left = len(self._part)
        while left and (piece := self._file.read(min(PIECE, left))):
            left -= len(piece)
            yield piece

    def close(self) -> None:
        self._file.close()
