"""The people of an account, and what its owners do about them. An account always has an owner, and whoever keeps the
installation is changed by their equals alone."""

from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import audit, one_time_codes, sessions, values
from calldron.services.audit import Action, Actor
from calldron.services.errors import Conflict, FieldError, NotFound
from calldron.store.models import Account, User

LONGEST_NAME = 200


def of(account: Account) -> list[User]:
    """Everybody in it."""
    return list(User.objects.filter(account=account).order_by("name", "email"))


def about_oneself(given: Mapping[str, object], errors: list[FieldError]) -> dict[str, object]:
    """The columns of a person that they set themselves. What cannot be used is added to ``errors``."""
    columns: dict[str, object] = {}
    for field, reader in {"name": values.text(LONGEST_NAME), "language": _language}.items():
        try:
            columns[field] = reader(given.get(field, ""))
        except InvalidInput as error:
            errors.append(FieldError(field, str(error)))
    return columns


def change_oneself(user: User, columns: Mapping[str, object]) -> None:
    """Nobody else is concerned, so the journal is not either."""
    User.objects.filter(pk=user.pk).update(**columns)


def change_access(actor: Actor, pk: int, access: Access) -> User:
    """Let somebody do more or less, from their next request on. Raises ``NotFound``, ``Conflict``."""
    with transaction.atomic():
        person = _to_change(actor, pk)
        if access is not Access.OWNER:
            _leave_an_owner(person)
        if person.access != access:
            User.objects.filter(pk=person.pk).update(access=access)
            audit.note(actor, Action.PERSON_CHANGED, person.email, {"from": person.access, "to": access.value})
        return person


def remove(actor: Actor, pk: int) -> User:
    """Take somebody out; their sessions are over, what they made stays. Raises ``NotFound``, ``Conflict``."""
    with transaction.atomic():
        person = _to_change(actor, pk)
        if person == actor.user:
            raise Conflict(_("You can't remove yourself. Ask another owner."))
        _leave_an_owner(person)
        sessions.end_every(person)
        person.delete()
        audit.note(actor, Action.PERSON_REMOVED, person.email)
        return person


def turn_codes_off(actor: Actor, pk: int) -> User:
    """For somebody who lost their authenticator. Raises ``NotFound``, ``Conflict``."""
    with transaction.atomic():
        person = _to_change(actor, pk)
        one_time_codes.turn_off(actor, person)
        return person


def may_change(changer: User, person: User) -> bool:
    """Whether this owner's word counts for that person."""
    return changer.is_superuser or not person.is_superuser


def _to_change(actor: Actor, pk: int) -> User:
    """The person, while nobody else changes people of the account: two owners may try to remove each other."""
    Account.objects.select_for_update(no_key=True).get(pk=actor.account.pk)
    person = User.objects.filter(account=actor.account, pk=pk).first()
    if person is None:
        raise NotFound(_("There is no such person."))
    if actor.user is None or not may_change(actor.user, person):
        raise Conflict(_("%(email)s keeps this installation. Only who does so too may change that.") % _named(person))
    return person


def _leave_an_owner(person: User) -> None:
    if not User.objects.filter(account=person.account, access=Access.OWNER).exclude(pk=person.pk).exists():
        raise Conflict(_("%(email)s is the only owner. Make somebody else an owner first.") % _named(person))


def _named(person: User) -> dict[str, str]:
    return {"email": person.email}


def _language(value: object) -> str:
    languages = dict(settings.LANGUAGES)
    if value not in languages:
        raise InvalidInput(_("This must be one of: %(words)s.") % {"words": ", ".join(languages)})
    return str(value)
