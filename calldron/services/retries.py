"""Reading what a batch says of single outcomes: its ``retry``."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.domain.outcome import Outcome
from calldron.domain.retry import OVERRIDABLE
from calldron.services import values

ATTEMPTS = (1, 20)
DELAY = (0, 604_800)  # seconds

_LIMITS: dict[str, values.Reader] = {"attempts": values.whole(*ATTEMPTS), "delay": values.whole(*DELAY)}


def read(value: object) -> dict[str, object]:
    """The form in which ``calldron.domain.retry.RetryPolicy`` reads it. An outcome that is ``null`` goes by the usual.
    Raises ``InvalidInput``, whose field is the part that can't be used: ``busy.delay``."""
    policy = {word: _override(word, given) for word, given in values.parts(value).items()}
    return {word: override for word, override in policy.items() if override is not None}


def shown(kept: Mapping[str, object]) -> dict[str, object]:
    """The same for an answer: numbers are strings there."""
    return {
        word: {name: str(limit) for name, limit in override.items()} if isinstance(override, dict) else override
        for word, override in kept.items()
    }


def _override(word: str, given: object) -> bool | dict[str, object] | None:
    if word not in OVERRIDABLE:
        raise InvalidInput(_never(word), word)
    if given is None or given == "":
        return None
    if not isinstance(given, Mapping):
        try:
            return values.flag(given)
        except InvalidInput as error:
            raise InvalidInput(_("This must be true, false, or an object with attempts and delay."), word) from error
    limits: dict[str, object] = {}
    for name, number in values.parts(given).items():
        if name not in _LIMITS:
            raise InvalidInput(_("There is no field of this name; attempts and delay are."), f"{word}.{name}")
        if number is None or number == "":
            continue
        try:
            limits[name] = _LIMITS[name](number)
        except InvalidInput as error:
            raise InvalidInput(str(error), f"{word}.{name}") from error
    return limits or True


def _never(word: str) -> str:
    known = ", ".join(sorted(OVERRIDABLE))
    if word not in set(Outcome):
        return _("There is no outcome of this name; these are tried again: %(known)s.") % {"known": known}
    reasons = {
        Outcome.ANSWERED: _("Who was reached is not called again."),
        Outcome.REJECTED: _("Who rejected the call is not called again."),
        Outcome.INVALID_NUMBER: _("The network says there is no such number, so it is not dialled again."),
        Outcome.CANCELED: _("A call that was taken back is not dialled again."),
        Outcome.EXPIRED: _("A call without an attempt left is not dialled again."),
        Outcome.UNKNOWN: _("Nobody knows whether it was reached, so it is never dialled again."),
    }
    return reasons[Outcome(word)]
