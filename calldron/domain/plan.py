"""What an attempt is to do, fixed when it is claimed; the machines read it and never look elsewhere."""

from dataclasses import dataclass

from calldron.domain.batch import BatchType, Confirmation
from calldron.domain.events import Digit, Event, Role


@dataclass(frozen=True, slots=True)
class Plan:
    """``operator_tries`` and ``client_tries``: dials left to either number in this call, the attempt's own included.

    ``call_delay``: seconds between two tries at the operator while the secretary is at work.
    ``secretary_after``: seconds the operator may be late (the API's ``timeout_before_intro_callback``).
    ``confirm_digits``: keys that confirm, ``""`` for any. ``opt_out_digit``: the key by which the client asks never to
    be called again, ``""`` where there is none; it confirms nothing.
    """

    kind: BatchType
    confirmation: Confirmation
    confirm_digits: str = ""
    has_intro: bool = False
    has_operator: bool = False
    operator_tries: int = 0
    client_tries: int = 1
    call_delay: float = 30.0
    secretary_after: float = 30.0
    opt_out_digit: str = ""

    def confirms(self, key: str) -> bool:
        """Whether this key is a yes."""
        if self.opts_out(key):
            return False
        return not self.confirm_digits or key in self.confirm_digits

    def opts_out(self, key: str) -> bool:
        """Whether this key asks never to be called again."""
        return bool(self.opt_out_digit) and key == self.opt_out_digit

    def is_opt_out(self, event: Event) -> bool:
        """Whether the client asks never to be called again."""
        return isinstance(event, Digit) and event.role is Role.CLIENT and self.opts_out(event.key)
