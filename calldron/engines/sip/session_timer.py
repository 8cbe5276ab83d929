"""Session timers (RFC 4028): who has to refresh a call, how often, and what is said about it."""

from dataclasses import dataclass
from typing import Final

from calldron.engines.sip.message import Headers, Request, Response

MIN_SE: Final = 90
"""Seconds; section 4 allows nothing shorter."""
DEFAULT_INTERVAL: Final = 1800


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """A session that ends ``interval`` seconds after its last refresh; ``ours``: we have to refresh it."""

    interval: int
    ours: bool

    @property
    def refresh_after(self) -> float:
        """Section 10: the refresher does it at half of the interval."""
        return self.interval / 2

    @property
    def expires_after(self) -> float:
        """Section 10: BYE goes a little before the session expires, by 32 s or a third of it."""
        return self.interval - min(32.0, self.interval / 3)


class IntervalTooSmall(ValueError):
    """The other side wants a shorter interval than we do: 422 is due."""


def asked(interval: int, min_se: int, *, refresher: str = "") -> Headers:
    """What a request of ours says about the session timer."""
    suffix = f";refresher={refresher}" if refresher else ""
    return {"session-expires": [f"{interval}{suffix}"], "min-se": [str(min_se)]}


def from_response(response: Response) -> SessionTimer | None:
    """What a 2xx to our request settles (section 7.2); ``None``: the session does not expire."""
    interval = response.number("session-expires")
    if not interval:
        return None
    return SessionTimer(interval, ours=(response.param("session-expires", "refresher") or "uac").lower() != "uas")


def accept(request: Request, min_se: int) -> tuple[SessionTimer | None, Headers]:
    """Decide about a request that sets a session timer (section 9): the timer, and header fields for the 2xx.

    Raises ``IntervalTooSmall``.
    """
    interval = request.number("session-expires")
    if interval is None:
        return None, {}
    supported = "timer" in request.options("supported") | request.options("require")
    if interval < min_se:
        if supported:
            raise IntervalTooSmall(f"{interval} s is less than {min_se} s")
        interval = min_se  # table 2: a side that does not know 422 gets the longer interval
    refresher = (request.param("session-expires", "refresher") or "").lower()
    ours = not supported or refresher == "uas"
    headers: Headers = {"session-expires": [f"{interval};refresher={'uas' if ours else 'uac'}"]}
    if not ours:
        headers["require"] = ["timer"]
    return SessionTimer(interval, ours), headers
