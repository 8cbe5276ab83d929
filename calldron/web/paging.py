"""A long list a page at a time, by ``?page=2``."""

import re
from dataclasses import dataclass

from django.http import HttpRequest

_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)


@dataclass(slots=True)
class Pages:
    """The page that is asked for, of ``size`` each. ``total``: how many there are, told once it is known."""

    number: int
    size: int
    query: str  # the rest of the address's query
    total: int = 0

    @classmethod
    def asked(cls, request: HttpRequest, size: int) -> "Pages":
        """As the address says; the first where it says nothing sensible."""
        query = request.GET.copy()
        given = query.pop("page", [""])[-1]
        number = int(given) if isinstance(given, str) and _NUMBER.fullmatch(given) else 1
        return cls(number, size, query.urlencode())

    @property
    def offset(self) -> int:
        """How many come before it."""
        return (self.number - 1) * self.size

    @property
    def last(self) -> int:
        """The number of the last page; 1 where there is nothing."""
        return max(1, -(-self.total // self.size))

    @property
    def previous(self) -> str:
        """The address of the page before, "" at the first; from beyond the end it leads to the last."""
        return self._address(min(self.number - 1, self.last))

    @property
    def following(self) -> str:
        """The address of the page after, "" at the last."""
        return self._address(self.number + 1) if self.number < self.last else ""

    def _address(self, number: int) -> str:
        return f"?{self.query}{'&' if self.query else ''}page={number}" if number else ""
