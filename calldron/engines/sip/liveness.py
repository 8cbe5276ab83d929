"""Whether the far side of a call still lives: where it is dead no BYE comes, and a session timer takes half an hour."""

from collections.abc import Callable

from calldron.engines.sip.core import Core
from calldron.engines.sip.deadline import Deadline
from calldron.engines.sip.dialog import GONE, Dialog
from calldron.engines.sip.digest import Credentials
from calldron.engines.sip.exchange import Exchange
from calldron.engines.sip.message import Response
from calldron.engines.sip.renegotiation import Renegotiation
from calldron.engines.sip.transaction import Failure
from calldron.media.sdp import MEDIA_TYPE


class Liveness:
    """Asks a far side that was quiet for an interval, by OPTIONS within the dialog (RFC 3261 section 11.2).

    What it answers does not matter, a refusal shows life as well. Some pass it over in silence, Asterisk without
    ``res_pjsip_dlg_options`` is one: they are asked to refresh the session, which nobody may pass over (section 14.2),
    and where that fails the session ends the call. ``end`` is called where nobody listens at the address, or the call
    is not known there (408 and 481, section 12.2.1.2).
    """

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        credentials: Credentials | None,
        session: Renegotiation,
        end: Callable[[], None],
    ) -> None:
        self._core = core
        self._dialog = dialog
        self._credentials = credentials
        self._session = session
        self._end = end
        self._interval = core.profile.liveness_interval
        self._timing = core.profile.timing
        self._next: Deadline | None = None
        self._misses = 0  # how often the question could not be delivered
        self._passes_over = False  # it did not answer OPTIONS, but a refresh
        self._insisting = False  # a refresh is under way, which decides
        self._stopped = not self._interval
        self._watch()

    def stop(self) -> None:
        """The call is over, or a BYE of ours is on its way: what is under way decides nothing any more."""
        self._stopped = True
        if self._next is not None:
            self._next.cancel()

    def _watch(self) -> None:
        if self._stopped:
            return
        due = self._dialog.heard_at + self._interval
        now = self._core.loop.time()
        if now < due:
            self._later(due - now, self._watch)
        elif self._session.asking:
            # Overtaken by a later one its request would be refused (section 12.2.2), and a refresh be in vain.
            self._later(self._timing.patience, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._misses = 0
        self._insisting = self._passes_over and self._session.refresh()
        if self._insisting:
            self._later(self._interval, self._watch)
        else:
            self._send()

    def _send(self) -> None:
        asked_at = self._core.loop.time()
        # OPTIONS has gone out five times by then.
        self._later(self._timing.patience / 4, lambda: self._insist(asked_at))
        exchange = Exchange(
            self._core,
            self._dialog,
            self._credentials,
            self._answered,
            lambda failure: self._failed(asked_at, failure),
        )
        exchange.send("OPTIONS", {"accept": [MEDIA_TYPE]})

    def _insist(self, asked_at: float) -> None:
        if self._dialog.heard_at > asked_at:
            self._watch()
        else:
            self._insisting = self._passes_over = self._session.refresh()
            self._later(self._interval, self._watch)

    def _answered(self, response: Response) -> None:
        if self._stopped or response.code < 200:
            return
        self._passes_over = False
        if response.code in GONE:
            self._end()
        else:
            self._watch()

    def _failed(self, asked_at: float, failure: Failure) -> None:
        if self._stopped or self._dialog.heard_at > asked_at:
            return
        if failure is Failure.TIMEOUT:
            if not self._insisting:  # a re-INVITE of ours that comes to no end left no room for a refresh
                self._end()
            return
        self._misses += 1
        if self._misses * self._timing.t2 >= self._timing.patience:
            self._end()
        else:
            # Nobody listens there now, but a proxy that is started again loses no call: silence is 64*T1 here too.
            self._later(self._timing.t2, self._send)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next = Deadline(self._core.loop, seconds, act)
