"""The journal of an account: who did what, and to what. Written in the transaction that does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from calldron.store.models import Account, AuditEntry, User


class Action(StrEnum):
    """What is written down."""

    BATCH_CREATED = "batch_created"
    BATCH_CHANGED = "batch_changed"
    BATCH_STARTED = "batch_started"
    BATCH_PAUSED = "batch_paused"
    BATCH_RESUMED = "batch_resumed"
    BATCH_STOPPED = "batch_stopped"
    BATCH_DELETED = "batch_deleted"
    CALLS_ADDED = "calls_added"
    CALL_CANCELED = "call_canceled"
    CALLS_EXPORTED = "calls_exported"
    SOUND_ADDED = "sound_added"
    SOUND_RENAMED = "sound_renamed"
    SOUND_REMOVED = "sound_removed"
    STOP_LIST_ADDED = "stop_list_added"
    STOP_LIST_REMOVED = "stop_list_removed"
    TRUNK_ADDED = "trunk_added"
    TRUNK_CHANGED = "trunk_changed"
    TRUNK_REMOVED = "trunk_removed"
    TRUNK_TESTED = "trunk_tested"
    ACCOUNT_CHANGED = "account_changed"
    KEY_RESET = "key_reset"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_LOCKED = "sign_in_locked"
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a word, not a password
    TOTP_SET = "totp_set"
    TOTP_REMOVED = "totp_removed"
    PERSON_INVITED = "person_invited"
    INVITATION_REMOVED = "invitation_removed"
    PERSON_JOINED = "person_joined"
    PERSON_CHANGED = "person_changed"
    PERSON_REMOVED = "person_removed"


WORDS: dict[Action, Promise] = {
    Action.BATCH_CREATED: _("made the batch"),
    Action.BATCH_CHANGED: _("changed the batch"),
    Action.BATCH_STARTED: _("started the batch"),
    Action.BATCH_PAUSED: _("paused the batch"),
    Action.BATCH_RESUMED: _("resumed the batch"),
    Action.BATCH_STOPPED: _("stopped the batch"),
    Action.BATCH_DELETED: _("deleted the batch"),
    Action.CALLS_ADDED: _("added calls to"),
    Action.CALL_CANCELED: _("cancelled the call"),
    Action.CALLS_EXPORTED: _("exported the calls of"),
    Action.SOUND_ADDED: _("added the sound"),
    Action.SOUND_RENAMED: _("renamed the sound"),
    Action.SOUND_REMOVED: _("removed the sound"),
    Action.STOP_LIST_ADDED: _("added to the stop list"),
    Action.STOP_LIST_REMOVED: _("removed from the stop list"),
    Action.TRUNK_ADDED: _("added the trunk"),
    Action.TRUNK_CHANGED: _("changed the trunk"),
    Action.TRUNK_REMOVED: _("removed the trunk"),
    Action.TRUNK_TESTED: _("made a test call over"),
    Action.ACCOUNT_CHANGED: _("changed the account"),
    Action.KEY_RESET: _("reset the API key"),
    Action.SIGNED_IN: _("signed in"),
    Action.SIGNED_OUT: _("signed out"),
    Action.SIGN_IN_LOCKED: _("was locked out after wrong passwords"),
    Action.SESSION_ENDED: _("ended a session of"),
    Action.PASSWORD_CHANGED: _("changed the password"),
    Action.TOTP_SET: _("turned on codes at sign-in"),
    Action.TOTP_REMOVED: _("turned off codes at sign-in"),
    Action.PERSON_INVITED: _("invited"),
    Action.INVITATION_REMOVED: _("took back the invitation of"),
    Action.PERSON_JOINED: _("joined the account"),
    Action.PERSON_CHANGED: _("changed the access of"),
    Action.PERSON_REMOVED: _("removed the person"),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where. ``user``: ``None`` for a ``program``, mostly one with the API key."""

    account: Account
    user: User | None
    address: str = ""
    program: str = "api"

    @property
    def name(self) -> str:
        """As the journal has it."""
        return self.user.email if self.user else self.program


def note(actor: Actor, action: Action, subject: str = "", details: Mapping[str, object] | None = None) -> None:
    """Write it down. ``details`` never holds a secret."""
    AuditEntry.objects.create(
        account=actor.account,
        user=actor.user,
        who=actor.name,
        action=action.value,
        subject=subject[:300],
        details=dict(details or {}),
        address=actor.address,
        at=datetime.now(UTC),
    )


def page(account: Account, *, limit: int, offset: int, who: str = "") -> tuple[list[AuditEntry], int]:
    """Part of the journal, the newest first, and how many entries there are. ``who``: of them alone."""
    entries = AuditEntry.objects.filter(account=account)
    if who:
        entries = entries.filter(who=who)
    return list(entries.order_by("-id")[offset : offset + limit]), entries.count()


def everybody(account: Account) -> list[str]:
    """Who is in the journal, those who left too."""
    return list(AuditEntry.objects.filter(account=account).order_by("who").values_list("who", flat=True).distinct())
