"""Early dialogs of an INVITE of ours (RFC 3261 section 12.1), with their reliable provisional responses (RFC 3262)."""

from typing import Final

from calldron.engines.sip.core import Core, DialogUser
from calldron.engines.sip.dialog import Dialog, Hop
from calldron.engines.sip.digest import Credentials
from calldron.engines.sip.exchange import Exchange
from calldron.engines.sip.message import Request, Response

MAX_FORKS: Final = 16
"""Branches of one INVITE that are followed; a dialler's trunk seldom forks at all."""


class EarlyDialogs:
    """One dialog for each To tag that answered an INVITE; they share the INVITE's CSeq space no further."""

    def __init__(self, core: Core, user: DialogUser, credentials: Credentials, hop: Hop) -> None:
        self._core = core
        self._user = user
        self._credentials = credentials
        self._hop = hop
        self._dialogs: dict[str, Dialog] = {}
        self._rseq: dict[str, int] = {}
        self.bodies: dict[str, bytes] = {}
        """The last session description each branch sent ahead of its 2xx, by To tag."""

    def take(self, invite: Request, response: Response) -> bool:
        """Take a provisional response above 100 in, with PRACK where it is reliable; whether it is news."""
        tag = response.to.tag
        if not tag:
            return True
        dialog = self._dialog(tag, invite, response)
        if dialog is None or "100rel" not in response.options("require"):
            return dialog is not None
        rseq = response.number("rseq")
        last = self._rseq.get(tag)
        # RFC 3262 section 4: only the next in line counts, what comes again or ahead is not for us.
        if rseq is None or (last is not None and rseq != last + 1):
            return False
        self._rseq[tag] = rseq
        prack = Exchange(self._core, dialog, self._credentials, lambda _: None, lambda _: None)
        prack.send("PRACK", {"rack": [f"{rseq} {invite.cseq}"]})
        return True

    def _dialog(self, tag: str, invite: Request, response: Response) -> Dialog | None:
        if tag not in self._dialogs:
            if len(self._dialogs) >= MAX_FORKS:
                return None
            self._dialogs[tag] = Dialog.as_client(invite, response, self._hop)
            self._core.register(self._dialogs[tag], self._user)
        return self._dialogs[tag]

    def confirm(self, invite: Request, response: Response) -> Dialog:
        """The dialog of a 2xx: the early one of its tag, brought up to date, or a new one. It is the caller's now."""
        dialog = self._dialogs.pop(response.to.tag, None)
        if dialog is None:
            return Dialog.as_client(invite, response, self._hop)
        dialog.confirm(response)  # section 13.2.2.4: route set and target are those of the 2xx
        return dialog

    def drop(self) -> None:
        """Forget the rest: the INVITE is decided."""
        for dialog in self._dialogs.values():
            self._core.unregister(dialog)
        self._dialogs.clear()
