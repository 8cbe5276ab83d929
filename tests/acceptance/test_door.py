"""The door under attack, and behind a proxy."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import web_server
from peers.postgres import Postgres
from support.doors import PASSWORD, new_person
from web_server import WebServer

Knock = Callable[..., httpx.Response]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def door(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    settings = {}
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres_server")
        settings["database_url"] = server.create_database("door")
    started = web_server.start(Path(tmp_path_factory.mktemp("door")), **settings)
    yield started
    started.stop()


@pytest.fixture
def knock(door: WebServer) -> Iterator[Knock]:
    """Send the form, filled in."""
    with httpx.Client(base_url=door.url, headers={"accept-language": "en"}, timeout=60) as browser:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get("/password/reset").text)
        assert token

        def send(email: str, password: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
            given = {"csrfmiddlewaretoken": token[1], "email": email, "password": password}
            return browser.post("/sign-in", data=given, headers=headers)

        yield send


def test_guesses_at_once_are_counted_one_by_one(door: WebServer, knock: Knock) -> None:
    new_person(door, "many@example.org")
    with ThreadPoolExecutor(24) as attackers:
        answers = list(attackers.map(lambda number: knock("many@example.org", f"wrong {number}"), range(24)))
    looked_at = [answer for answer in answers if answer.status_code == 422]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(looked_at), len(refused)) == (5, 19)
    assert knock("many@example.org", PASSWORD).status_code == 429


@pytest.mark.parametrize("email", ["a\0b@example.org", "x" * 10_000 + "@example.org", "", "😀@пример.рф"])
def test_nonsense_is_nobody(knock: Knock, email: str) -> None:
    assert knock(email, "no").status_code == 422


def test_behind_a_proxy_each_client_is_themselves(door: WebServer, knock: Knock) -> None:
    new_person(door, "proxied@example.org")
    secure = {"x-forwarded-proto": "https", "origin": door.url.replace("http:", "https:")}

    def from_behind(forwarded: str, email: str, password: str) -> int:
        return knock(email, password, {**secure, "x-forwarded-for": forwarded}).status_code

    guesses = [from_behind("6.6.6.6, 203.0.113.9", f"{number}@example.org", "no") for number in range(20)]
    assert guesses == [422] * 20
    assert from_behind("203.0.113.9", "proxied@example.org", PASSWORD) == 429
    assert from_behind("7.7.7.7, 203.0.113.9", "proxied@example.org", PASSWORD) == 429, "a client may say anything"
    assert from_behind("203.0.113.10", "proxied@example.org", PASSWORD) == 302
