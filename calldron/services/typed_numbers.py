"""Numbers as people write them at home: in Russia 8 916 123-45-67 or 916 123-45-67.

The API reads numbers as E.164, so that such a one would be of another country, or of none: what programs send is not
guessed at. What a person types into a page is.
"""

import re

from calldron.store.models import Account

_NATIONAL = re.compile(r"8?([3489][0-9]{9})", re.ASCII)
_BETWEEN = re.compile(r"[\s()\[\].\-\u2010-\u2015\u2212]+")

_EUROPE = "Astrakhan Kaliningrad Kirov Moscow Samara Saratov Simferopol Ulyanovsk Volgograd"
_ASIA = """
Anadyr Barnaul Chita Irkutsk Kamchatka Khandyga Krasnoyarsk Magadan Novokuznetsk Novosibirsk Omsk Sakhalin
Srednekolymsk Tomsk Ust-Nera Vladivostok Yakutsk Yekaterinburg
"""
RUSSIA = frozenset((*(f"Europe/{city}" for city in _EUROPE.split()), *(f"Asia/{city}" for city in _ASIA.split())))


def bare(text: str) -> str:
    """The text without what people put between digits."""
    return _BETWEEN.sub("", text)


def russian(text: str) -> str | None:
    """In E.164, where that is how Russia writes a number."""
    national = _NATIONAL.fullmatch(bare(text))
    return "+7" + national[1] if national else None


def meant(account: Account, text: str) -> str:
    """What somebody of this account means by it, as a program would say it."""
    return (account.time_zone in RUSSIA and russian(text)) or text
