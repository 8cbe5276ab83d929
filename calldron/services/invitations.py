"""Leave to sign up, by a link that works once and for a week. Of its token only the SHA-256 is kept: it is 192 random
bits, so there is nothing to guess."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import accounts, audit, links, mail
from calldron.services.audit import Action, Actor
from calldron.services.errors import NotFound
from calldron.store.models import Account, Invitation, User

_LIFETIME = timedelta(days=7)


def invite(actor: Actor, email: str, access: Access) -> tuple[Invitation, str]:
    """Ask a colleague into the account; the link, which is not shown again. An earlier one to the same address stops
    working. Raises ``InvalidInput``."""
    email = _of_nobody_yet(email)
    with transaction.atomic():
        Invitation.objects.filter(account=actor.account, email=email).delete()
        invitation, link = _make(email, actor.account, access, actor.user)
        audit.note(actor, Action.PERSON_INVITED, email, {"access": access.value})
    return invitation, link


def send(invitation: Invitation, link: str) -> bool:
    """Mail the link; whether it left."""
    inviter, account = invitation.invited_by, invitation.account
    text = _(
        "%(inviter)s invites you to Calldron, into the account “%(account)s”.\n\n"
        "Choose your name and password here, within a week:\n%(link)s"
    ) % {"inviter": inviter.email if inviter else "", "account": account.name if account else "", "link": link}
    return mail.send(invitation.email, _("You are invited to Calldron"), text)


def invite_owner(email: str) -> str:
    """Ask somebody to make an account of their own; the link. Raises ``InvalidInput``."""
    email = _of_nobody_yet(email)
    with transaction.atomic():
        Invitation.objects.filter(account=None, email=email).delete()
        return _make(email, None, Access.OWNER, None)[1]


def pending(account: Account) -> list[Invitation]:
    """Those that may still be accepted."""
    return list(_open().filter(account=account).order_by("email"))


def take_back(actor: Actor, pk: int) -> None:
    """Make a link stop working. Raises ``NotFound``."""
    with transaction.atomic():
        invitation = Invitation.objects.filter(account=actor.account, pk=pk, accepted_at=None).first()
        if invitation is None:
            raise NotFound(_("There is no such invitation."))
        invitation.delete()
        audit.note(actor, Action.INVITATION_REMOVED, invitation.email)


def of_token(token: str) -> Invitation:
    """The invitation of a link, while it works. Raises ``NotFound``."""
    found = _open().filter(digest=_digest(token)).select_related("account", "invited_by").first()
    if found is None:
        raise NotFound(_("This invitation was used, taken back, or is older than a week. Ask for another."))
    return found


def accept(token: str, name: str, password: str, language: str, address: str) -> User:
    """Join the account, or make a new one. Raises ``NotFound``, ``InvalidInput``."""
    invitation = of_token(token)
    accounts.check_password(password, User(email=invitation.email, name=name))
    try:
        with transaction.atomic():
            taken = _open().filter(pk=invitation.pk).update(accepted_at=datetime.now(UTC))
            if not taken:  # by the same link, at the same time
                raise NotFound(_("This invitation was used, taken back, or is older than a week. Ask for another."))
            account = invitation.account or Account.objects.create(name=invitation.email)
            user = User.objects.create_user(
                invitation.email, password, account, name=name, language=language, access=invitation.access
            )
            audit.note(Actor(account, user, address), Action.PERSON_JOINED)
            return user
    except IntegrityError as error:
        raise InvalidInput(_("There is a user %(email)s already.") % {"email": invitation.email}, "email") from error


def _open() -> "QuerySet[Invitation]":
    return Invitation.objects.filter(accepted_at=None, expires_at__gt=datetime.now(UTC))


def _make(email: str, account: Account | None, access: Access, by: User | None) -> tuple[Invitation, str]:
    token = secrets.token_urlsafe(24)
    now = datetime.now(UTC)
    invitation = Invitation.objects.create(
        account=account,
        email=email,
        access=access,
        digest=_digest(token),
        invited_by=by,
        created_at=now,
        expires_at=now + _LIFETIME,
    )
    return invitation, links.to("join", token)


def _of_nobody_yet(given: str) -> str:
    email = accounts.email_address(given)
    if User.objects.filter(email=email).exists():
        raise InvalidInput(_("There is a user %(email)s already.") % {"email": email}, "email")
    return email


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
