"""What the services refuse, beside the domain's own errors. Messages are in the language of the request."""

from collections.abc import Sequence
from dataclasses import dataclass

from calldron.domain.errors import CalldronError, InvalidInput


@dataclass(frozen=True, slots=True)
class FieldError:
    """One value that cannot be used. ``field`` names it as the caller spelled it: ``[3].call.phone_number``."""

    field: str
    message: str


class Refused(InvalidInput):
    """Some values cannot be used, so nothing was done. ``errors``: the first ones, ``count``: how many in all."""

    def __init__(self, message: str, errors: Sequence[FieldError], count: int = 0) -> None:
        super().__init__(message, errors[0].field if errors else "")
        self.errors = tuple(errors)
        self.count = count or len(self.errors)


class NotFound(CalldronError):
    """There is no such thing, or it belongs to somebody else: the two are not told apart."""


class Conflict(CalldronError):
    """The thing is in a state that does not allow this."""
