"""Telephone numbers by form. Whether a number can exist is a question for a numbering plan, not asked here."""

import re

from calldron.domain.errors import InvalidNumber

# Blanks (a tab and the no-break spaces of spreadsheets among them), brackets and the dashes people type or paste.
_DROPPED = dict.fromkeys(map(ord, " \t\u00a0\u2009\u202f()[]-\u2010\u2011\u2012\u2013\u2014\u2212"))
_PLAIN = re.compile(r"\+?[0-9]{7,15}", re.ASCII)

# RFC 3261 section 25.1, narrowed to what an operator's address is: sip:user@host, sip:host, port and parameters. There
# is no TLS yet, so that sips: could never be reached.
SIP_URI = re.compile(
    r"[sS][iI][pP]:(?:[A-Za-z0-9\-_.!~*'()&=+$,;?/%]{1,64}@)?"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9\-.]{0,98}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])"
    r"(?::[0-9]{1,5})?(?:;[A-Za-z0-9\-_.!~*'+%=;]{1,32})?",
    re.ASCII,
)


def normalise(raw: str) -> str:
    """A number as E.164 writes it, "+" and 7 to 15 digits, from what a person typed. Raises ``InvalidNumber``."""
    plain = raw if _PLAIN.fullmatch(raw) else raw.translate(_DROPPED)
    if not _PLAIN.fullmatch(plain):
        raise InvalidNumber('A phone number is "+" and 7 to 15 digits.')
    return plain if plain[0] == "+" else "+" + plain


def as_dialled(checked: str) -> str:
    """The form in which a number or SIP URI goes out that was checked when it came in, and is kept as it was written.
    "" stays "": nobody."""
    if not checked or checked[:3].lower() == "sip":
        return checked
    return "+" + checked.translate(_DROPPED).lstrip("+")
