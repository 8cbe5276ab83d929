"""A request within a dialog, repeated with credentials where it is challenged (RFC 3261 section 22)."""

from collections.abc import Callable

from calldron.engines.sip.core import Core
from calldron.engines.sip.dialog import Dialog
from calldron.engines.sip.digest import Authenticator, Credentials
from calldron.engines.sip.errors import DigestError
from calldron.engines.sip.message import Headers, Request, Response
from calldron.engines.sip.transaction import Failure


class Exchange:
    """``on_response`` gets what is no challenge that can be answered: provisional responses, the final one, and for an
    INVITE its 2xx each time it comes. ``on_failure`` is called instead where none comes. ``request`` is the last sent.
    """

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        credentials: Credentials | None,
        on_response: Callable[[Response], None],
        on_failure: Callable[[Failure], None],
    ) -> None:
        self.request: Request | None = None
        self._core = core
        self._dialog = dialog
        self._authenticator = Authenticator(credentials or Credentials("", ""))
        self._on_response = on_response
        self._on_failure = on_failure

    def send(self, method: str, headers: Headers | None = None, body: bytes = b"") -> None:
        """Send it."""

        def receive(response: Response) -> None:
            if response.code in (401, 407) and self._challenged(response):
                self.send(method, headers, body)
            else:
                self._on_response(response)

        self.request = self._dialog.request(method, headers, body)
        self.request.headers |= self._authenticator.headers(method, self.request.uri)
        self._core.transmit(self._dialog, self.request, receive, self._on_failure)

    def _challenged(self, response: Response) -> bool:
        try:
            self._authenticator.take(response)
        except DigestError:
            return False
        return True
