"""Calls that come in: the server side of an INVITE (RFC 3261 section 13.3)."""

import asyncio
from collections.abc import Callable, Sequence

from calldron.domain.outcome import Ending
from calldron.media.sdp import Description


class InboundCall:
    """A call that somebody places to us, from its INVITE to its end. (Published ahead; being built.)

    Every method may be called at any time and does nothing where it no longer applies. Handlers are plain attributes,
    to be set within ``on_invite``; they are called on the event loop.
    """

    number: str
    """The user part of the Request-URI."""
    caller: str
    """The user part of From."""
    offer: Description | None
    """What the INVITE offers; ``None`` where it leaves the offer to us (then the answer's ``sdp`` is one)."""
    ended: asyncio.Future[Ending]
    """Done exactly once, when the call is over: cancelled, rejected, BYE either way, silence, stop of the agent."""

    on_cancel: Callable[[], None]
    """The caller gave up; 487 has been sent."""
    on_established: Callable[[Description | None], None]
    """The ACK of our answer came; with the caller's answer where the INVITE held no offer."""
    on_bye: Callable[[], None]
    """The caller hung up; 200 has been sent."""
    on_digit: Callable[[str], None]
    """A key came in an INFO request."""
    on_reinvite: Callable[[Description | None], Description | None]
    """A re-INVITE or UPDATE carries an offer: returns the answer (``None`` argument: returns a fresh offer), ``None``
    or ``SdpError`` to refuse with 488. Without this handler the last description is given again."""

    def ring(self, code: int = 180, sdp: Description | None = None) -> None:
        """Send a provisional response, with ``sdp`` for early media (usually 183)."""

    def answer(self, sdp: Description) -> None:
        """Send 200; repeated until the ACK comes (section 13.3.1.4)."""

    def reject(
        self, code: int, phrase: str = "", *, reason_q850: int | None = None, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Send a final response from 300 up, with a Reason header field (RFC 3326) where a cause is given."""

    def bye(self, *, reason_q850: int | None = None) -> None:
        """Hang up: BYE where it is answered, 603 before."""
