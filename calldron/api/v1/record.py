"""A recording as a file over HTTP: whole or in a range (RFC 9110 section 14), from disk in small pieces."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import http_date
from django.utils.translation import gettext as _

from calldron import byte_ranges
from calldron.api.v1.problems import RANGE, respond

PIECE = 64 * 1024


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
    if byte_ranges.is_known(request.headers, headers["ETag"]):
        file.close()
        return HttpResponse(status=304, headers=headers)
    span = byte_ranges.asked(request.headers, found.st_size, headers["ETag"], headers["Last-Modified"])
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
