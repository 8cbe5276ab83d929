"""Codes of an authenticator at sign-in (TOTP, RFC 6238: SHA-1, 6 digits, every 30 seconds)."""

import hmac
import time

import pyotp
from django.db import transaction
from django.utils.translation import gettext as _

from calldron.services import audit
from calldron.services.audit import Action, Actor
from calldron.services.errors import NotFound
from calldron.store.models import User

_PERIOD = 30
_DRIFT = (-1, 0, 1)  # steps that a telephone's clock may be apart, RFC 6238 section 6
_ISSUER = "Calldron"


def new_secret() -> str:
    """160 random bits in base32."""
    return pyotp.random_base32()


def address_of(secret: str, user: User) -> str:
    """What the QR code says to the authenticator."""
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=_ISSUER)


def turn_on(actor: Actor, user: User, secret: str, code: str) -> bool:
    """Ask for codes from now on, if the authenticator shows the right one."""
    step = _step(secret, code, after=0)
    if step is None:
        return False
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(totp_secret=secret, totp_counter=step)
        audit.note(actor, Action.TOTP_SET)
    return True


def turn_off(actor: Actor, user: User) -> None:
    """Ask for none."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(totp_secret="", totp_counter=0)
        audit.note(actor, Action.TOTP_REMOVED, "" if user == actor.user else user.email)


def turn_off_of(email: str) -> None:
    """The same by who keeps the installation. Raises ``NotFound``."""
    user = User.objects.filter(email=email.strip().lower()).select_related("account").first()
    if user is None:
        raise NotFound(_("There is no user %(email)s.") % {"email": email})
    turn_off(Actor(user.account, None, program="console"), user)


def spend(user: User, code: str) -> bool:
    """Whether the code is right; it is not taken twice, nor one before it, whoever comes at the same time."""
    step = _step(user.totp_secret, code, after=user.totp_counter)
    if step is None:
        return False
    return User.objects.filter(pk=user.pk, totp_counter__lt=step).update(totp_counter=step) == 1


def _step(secret: str, code: str, *, after: int) -> int | None:
    """The time step that this is the code of."""
    given = "".join(code.split())
    now = int(time.time()) // _PERIOD
    for step in (now + drift for drift in _DRIFT):
        if step > after and hmac.compare_digest(pyotp.HOTP(secret).at(step).encode(), given.encode()):
            return step
    return None
