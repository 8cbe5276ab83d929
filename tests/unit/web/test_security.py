"""What holds for every page: nothing of others' runs in it, no other site sends its forms, no secret is in it."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from support import call_rows
from support.people import PASSWORD, Person

from calldron.services import accounts

_WORDS = {"int": "1", "str": "x", "path": "x"}
_INLINE = {
    "script": re.compile(r"<script(?![^>]*(?:\ssrc=|type=\"application/json\"))"),
    "handler or style": re.compile(r"<[^>]*\s(?:on[a-z]+|style)=|<style|javascript:"),
}


def places(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """An address of each view of the cabinet."""
    for pattern in patterns:
        place = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            if place != "v1/":
                yield from places(pattern.url_patterns, place)
        else:
            yield "/" + re.sub(r"<(\w+):\w+>", lambda found: _WORDS[found[1]], place)


PLACES = sorted(set(places(get_resolver().url_patterns)))


@pytest.fixture
def secrets(administrator: Person) -> list[str]:
    """What no page may have. There is a thing of each kind for the pages to show."""
    batch = call_rows.batch(administrator.account, id=1)
    call_rows.waiting(batch, id=1)
    trunk = call_rows.trunk(id=1, username="joe", password="the trunk's own secret")
    user = administrator.user
    user.totp_secret = "JBSWY3DPEHPK3PXP"
    user.save()
    return [trunk.password, user.totp_secret, user.password, PASSWORD, accounts.issue_key(user.account)]


def faults(answer: HttpResponse, secrets: list[str]) -> list[str]:
    policy = dict(part.split(" ", 1) for part in answer["Content-Security-Policy"].split("; "))
    closed = [policy[name] for name in ("default-src", "frame-ancestors", "base-uri")] == ["'none'"] * 3
    found = [] if closed and policy["script-src"] == "'self'" and "unsafe" not in str(policy) else ["policy"]
    found += [name for name in ("X-Content-Type-Options", "Cache-Control") if name not in answer]
    if answer.get("Content-Type", "").startswith("text/html"):
        html = unescape(answer.content.decode())
        found += [name for name, pattern in _INLINE.items() if pattern.search(html)]
        found += [secret for secret in secrets if secret in html]
    return found


def test_pages_run_nothing_of_their_own_and_have_no_secret(administrator: Person, secrets: list[str]) -> None:
    answers = {place: administrator.browser.get(place) for place in PLACES}
    assert {place: found for place, answer in answers.items() if (found := faults(answer, secrets))} == {}
    shown = {place for place, answer in answers.items() if answer.status_code == 200}
    assert shown >= {"/batches/1/", "/batches/1/edit", "/batches/1/calls/1/", "/trunks/1/", "/users/edit", "/docs/"}


def test_strangers_pages_do_neither(anonymous: Client, secrets: list[str]) -> None:
    answers = {place: anonymous.get(place) for place in PLACES}
    assert {place: found for place, answer in answers.items() if (found := faults(answer, secrets))} == {}


def test_another_site_sends_nothing(administrator: Person) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(administrator.user)
    taken = {place: browser.post(place).status_code for place in PLACES}
    assert {place: code for place, code in taken.items() if code not in (403, 405)} == {}
    assert 403 in taken.values()
