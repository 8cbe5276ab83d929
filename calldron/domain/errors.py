"""One tree of what can go wrong in the caller's terms. The docstring of a leaf is its message's default."""


class CalldronError(Exception):
    """Something could not be done; the message says what and why, in words for the person who asked."""


class InvalidInput(CalldronError):
    """A value cannot be used. ``field`` names it in the caller's terms (``time_zone``, ``calls[3].phone_number``)."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class UnknownZone(InvalidInput):
    """Neither a Rails nor an IANA time zone."""


class InvalidNumber(InvalidInput):
    """Not a phone number: "+" and 7 to 15 digits."""


class IllegalTransition(CalldronError):
    """The batch is in a state that does not allow this."""


class EngineUnavailable(CalldronError):
    """The engine cannot place calls: a port is taken, a process does not start."""


class StoreUnavailable(CalldronError):
    """The database does not answer now; the same call may succeed later."""
