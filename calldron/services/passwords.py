"""A new password: by a link in a letter for who forgot it, by the old one for who did not."""

from django.contrib.auth.hashers import make_password
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.services import accounts, audit, guesses, links, mail, sessions, sign_in
from calldron.services.audit import Action, Actor
from calldron.services.errors import FieldError, NotFound
from calldron.store.models import User


def send_link(email: str, address: str) -> None:
    """A letter to whoever this is. Neither the answer nor its time says whether it is anybody. Raises ``LockedOut``."""
    email = accounts.as_kept(email)
    guesses.count_letter(email, address)
    user = User.objects.filter(email=email, is_active=True).first()
    if user is not None:
        with translation.override(user.language):
            text = _(
                "Somebody, most likely you, wants a new password for %(email)s at Calldron.\n\n"
                "Choose it here, today:\n%(link)s\n\n"
                "If it was not you, do nothing: the old password stays."
            ) % {"email": user.email, "link": _link(user)}
            mail.send_unseen(user.email, _("A new password for Calldron"), text)


def whose(uid: str, token: str) -> User:
    """Whom a link was sent to, while it works: once, for a day. Raises ``NotFound``."""
    try:
        pk = int(urlsafe_base64_decode(uid))
    except ValueError:
        pk = 0
    user = User.objects.filter(pk=pk, is_active=True).select_related("account").first()
    if user is None or not default_token_generator.check_token(user, token):
        raise NotFound(_("This link does not work any more."))
    return user


def set_by_link(user: User, password: str, address: str) -> None:
    """Theirs from now on: whoever else was in is out. Raises ``InvalidInput``."""
    _set(user, password, address)
    guesses.forget(user.email)


def change(user: User, old: str, new: str, address: str, errors: list[FieldError]) -> None:
    """The same, by the old one. Raises ``LockedOut``. Give the browser at hand a session again."""
    if not sign_in.is_still(user, old, address):
        errors.append(FieldError("old", _("This is not your password.")))
        return
    try:
        _set(user, new, address)
    except InvalidInput as error:
        errors.append(FieldError("new", str(error)))


def _set(user: User, password: str, address: str) -> None:
    accounts.check_password(password, user)
    user.password = make_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        sessions.end_every(user)
        audit.note(Actor(user.account, user, address), Action.PASSWORD_CHANGED)


def _link(user: User) -> str:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return links.to("new-password", uid, default_token_generator.make_token(user))
