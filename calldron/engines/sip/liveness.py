"""Whether the far side of a call still lives: where it is dead no BYE comes, and a session timer takes half an hour."""

import asyncio
from collections.abc import Callable

from calldron.engines.sip.core import Core
from calldron.engines.sip.dialog import GONE, Dialog
from calldron.engines.sip.digest import Credentials
from calldron.engines.sip.exchange import Exchange
from calldron.engines.sip.message import Response
from calldron.engines.sip.transaction import Failure
from calldron.media.sdp import MEDIA_TYPE


class Liveness:
    """Asks a far side that was quiet for an interval, by OPTIONS within the dialog (RFC 3261 section 11.2).

    What it answers does not matter, a refusal shows life as well. ``end`` is called where nobody answers, or the dialog
    is not known there (section 12.2.1.2; RFC 5057 section 5.1: 481 ends the dialog for every use of it). ``asking``
    says whether another request of ours is under way whose answer tells as much.
    """

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        credentials: Credentials | None,
        *,
        asking: Callable[[], bool],
        end: Callable[[], None],
    ) -> None:
        self._core = core
        self._dialog = dialog
        self._credentials = credentials
        self._asking = asking
        self._end = end
        self._interval = core.profile.liveness_interval
        self._handle: asyncio.TimerHandle | None = None
        self._asked_at = 0.0
        self._misses = 0  # how often the question could not be delivered
        self._stopped = not self._interval
        self._watch()

    def stop(self) -> None:
        """The call is over, or a BYE of ours is on its way: what is under way decides nothing any more."""
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()

    def _watch(self) -> None:
        if self._stopped:
            return
        due = self._dialog.heard_at + self._interval
        now = self._core.loop.time()
        if now < due:
            self._at(due, self._watch)
        elif self._asking():
            # Overtaken by a later one the other request would be refused (section 12.2.2), and a refresh be in vain.
            self._at(now + self._core.profile.timing.patience, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        self._asked_at = self._core.loop.time()
        self._misses = 0
        self._send()

    def _send(self) -> None:
        exchange = Exchange(self._core, self._dialog, self._credentials, self._answered, self._failed)
        exchange.send("OPTIONS", {"accept": [MEDIA_TYPE]})

    def _answered(self, response: Response) -> None:
        if self._stopped or response.code < 200:
            return
        if response.code in GONE:
            self._end()
        else:
            self._watch()

    def _failed(self, failure: Failure) -> None:
        if self._stopped:
            return
        timing = self._core.profile.timing
        self._misses += 1
        if self._dialog.heard_at > self._asked_at:
            self._watch()  # it asked something of us meanwhile
        elif failure is Failure.TIMEOUT or self._misses * timing.t2 >= timing.patience:
            self._end()
        else:
            # Nobody listens there now, but a proxy that is started again loses no call: silence is 64*T1 here too.
            self._at(self._core.loop.time() + timing.t2, self._send)

    def _at(self, when: float, act: Callable[[], None]) -> None:
        self._handle = self._core.loop.call_at(when, act)
