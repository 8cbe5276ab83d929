"""Cutting a byte stream into SIP messages by Content-Length (RFC 3261 section 18.3). No I/O."""

import re
from typing import Final

from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.message import MAX_BODY_BYTES, MAX_HEADER_BYTES

_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,6})[ \t]*(?=\r\n)", re.IGNORECASE)


class Framer:
    """Holds what has come and is no whole message yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now, in order; ``b""`` stands for a keepalive ping, which wants a CRLF back
        (RFC 5626 section 3.5.1). Raises ``MessageError`` where the stream cannot be followed any more."""
        self._buffer += data
        messages: list[bytes] = []
        while (message := self._next()) is not None:
            messages.append(message)
        return messages

    def _next(self) -> bytes | None:
        buffer = self._buffer
        if buffer.startswith(b"\r\n\r\n"):
            del buffer[:4]
            return b""
        if buffer.startswith(b"\r\n") and len(buffer) > 2 and not buffer.startswith(b"\r\n\r"):
            del buffer[:2]  # section 7.5: CRLFs before a message are passed over
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(buffer)
            if self._searched > MAX_HEADER_BYTES:
                raise MessageError("a header that is too long")
            return None
        lengths = {int(match[1]) for match in _LENGTH.finditer(buffer, 0, end + 2)}
        if len(lengths) != 1 or (length := lengths.pop()) > MAX_BODY_BYTES or end > MAX_HEADER_BYTES:
            raise MessageError("not one Content-Length of a reasonable size")
        whole = end + 4 + length
        if len(buffer) < whole:
            self._searched = end
            return None
        message = bytes(buffer[:whole])
        del buffer[:whole]
        self._searched = 0
        return message
