"""The first run of an installation: it is due while nobody can sign in, opened by a token, and over once.

The token is a row of the database: every web server that shares it takes the same one, wherever it was printed, and who
can read it there could as well make a user.
"""

import secrets
from collections.abc import Mapping
from enum import StrEnum

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.utils.translation import gettext as _

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import accounts, audit, values
from calldron.services.audit import Action, Actor
from calldron.services.errors import Conflict, FieldError, Refused
from calldron.store.models import FirstRun, User

_THE_ONE = 1


class Step(StrEnum):
    """Where it is. Who has come to one may leave it and come back."""

    OWNER = "owner"
    TRUNK = "trunk"
    CALL = "call"


def due() -> bool:
    """Whether nobody can sign in yet. Users whose key is their only way in don't count."""
    return not User.objects.filter(is_active=True).exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX).exists()


def address(public_url: str) -> str | None:
    """What opens it; ``None`` where it is not due."""
    if not due():
        return None
    usual = {"token": secrets.token_urlsafe(24), "step": Step.OWNER.value}
    row, _made = FirstRun.objects.get_or_create(pk=_THE_ONE, defaults=usual)
    if not row.token:  # whoever could sign in then no longer can
        row.token, row.step = usual["token"], usual["step"]
        row.save()
    return f"{public_url.rstrip('/')}/setup?token={row.token}"


def opened_by(token: object) -> bool:
    """Whether this is the token. Compared in constant time; there is none once somebody can sign in."""
    row = FirstRun.objects.filter(pk=_THE_ONE).exclude(token="").first()
    if row is None or not isinstance(token, str) or not due():
        return False
    return secrets.compare_digest(token.encode(), row.token.encode())


def make_owner(token: object, given: Mapping[str, object], language: str, from_where: str = "") -> User:
    """The first person: owner of an account and administrator of the installation. A user of this address whose only
    way in was a key becomes that person. The token is gone then. Raises ``Refused``, and ``Conflict`` for a token that
    opens nothing (any more)."""
    errors: list[FieldError] = []
    name = _name(given.get("name", ""), errors)
    with transaction.atomic():
        FirstRun.objects.select_for_update().filter(pk=_THE_ONE).first()  # whoever comes second finds it made
        if not opened_by(token):
            raise Conflict(_("The setup was done meanwhile, or its address is an old one."))
        try:
            user = _user(str(given.get("email", "")), str(given.get("password", "")), language)
        except InvalidInput as error:
            errors.append(FieldError(error.field, str(error)))
        if errors:
            raise Refused(errors[0].message, errors)
        user.name, user.access, user.is_superuser = name, Access.OWNER, True
        user.save(update_fields=["name", "access", "is_superuser"])
        FirstRun.objects.filter(pk=_THE_ONE).update(token="", step=Step.TRUNK)
        audit.note(Actor(user.account, user, from_where), Action.PERSON_JOINED, user.email)
    return user


def _name(written: object, errors: list[FieldError]) -> str:
    try:
        return str(values.text(200)(written)).strip()
    except InvalidInput as error:
        errors.append(FieldError("name", str(error)))
        return ""


def _user(email: str, password: str, language: str) -> User:
    known = User.objects.filter(email=email.strip().lower()).select_related("account").first()
    if known is None:
        return accounts.create_user(email, password, language=language)[0]
    accounts.check_password(password, known)
    known.set_password(password)
    known.language, known.is_active = language, True
    known.save(update_fields=["password", "language", "is_active"])
    return known


def step() -> Step | None:
    """Where the setup is; ``None`` where it is over, or never was begun."""
    row = FirstRun.objects.filter(pk=_THE_ONE).first()
    return None if row is None else Step(row.step)


def go_on(to: Step) -> None:
    """The steps before this one are done."""
    FirstRun.objects.filter(pk=_THE_ONE, token="").update(step=to)


def finish() -> None:
    """It is over, and comes no more."""
    FirstRun.objects.filter(pk=_THE_ONE, token="").delete()
