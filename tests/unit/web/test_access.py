"""No page is open by mistake."""

from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver


def views(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        place = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if place != "v1/":
                yield from views(pattern.url_patterns, place)
        else:
            yield place, pattern


CABINET = dict(views(get_resolver().url_patterns))


@pytest.mark.parametrize("place", CABINET)
def test_every_view_says_who_may_see_it(place: str) -> None:
    assert getattr(CABINET[place].callback, "guarded", False), "mark it with allowed, administrators or everybody"
