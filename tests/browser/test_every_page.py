"""Every page as people see it, in both languages and both themes, at a desk and on a telephone, by eye and by axe.

Pages that only come after something was done are pictured where the other tests do it."""

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import web_server
from playwright.sync_api import Browser, BrowserContext, Response
from support import doors, pictures
from web_server import WebServer

HEAVIEST = 150 * 1024  # bytes of a page with all it needs, gzipped
LOCALES = {"en": "en-GB", "ru": "ru-RU"}

# As an owner sees them who also keeps the installation, and has been at work for a while.
PAGES = {
    "batches": "/batches/",
    "batch-new": "/batches/new",
    "batch": "/batches/{batch}/",
    "batch-edit": "/batches/{batch}/edit",
    "batch-import": "/batches/{batch}/import",
    "calls": "/batches/{batch}/calls/",
    "call": "/batches/{batch}/calls/{call}/",
    "sounds": "/sounds/",
    "stop-list": "/stop-list/",
    "trunks": "/trunks/",
    "people": "/people/",
    "journal": "/journal/",
    "profile": "/users/edit",
    "reference": "/docs/",
    "not-found": "/no/such/page",
}
# The same, looked at in brief.
SMALL = {
    "batch-stop-asked": "/batches/{batch}/stop",
    "batch-delete-asked": "/batches/{batch}/delete",
    "trunk-edit": "/trunks/{trunk}/",
    "trunk-remove-asked": "/trunks/{trunk}/remove",
    "stop-list-remove-asked": "/stop-list/+79160000001/remove",
    "codes-on": "/users/codes",
}
# Of an account with nothing in it, whose owner keeps no trunks.
EMPTY = {
    "empty-batches": "/batches/",
    "empty-sounds": "/sounds/",
    "empty-stop-list": "/stop-list/",
    "empty-journal": "/journal/",
    "not-allowed": "/trunks/",
}
# For who has not signed in.
OPEN = {
    "sign-in": "/sign-in",
    "password-reset": "/password/reset",
    "password-new": "/password/new/{forgotten}",
    "password-link-dead": "/password/new/x/x",
    "join": "{invited}",
    "join-dead": "/join/x",
}
PATHS = {**PAGES, **SMALL, **EMPTY, **OPEN}
REFUSED = {"not-found": "404", "not-allowed": "403", "password-link-dead": "404", "join-dead": "404"}
THOROUGH = (*PAGES, "sign-in", "password-reset")

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebServer, dict[str, Any]]]:
    """A server with an account that has been at work for a while, and what to ask for."""
    server = web_server.start(tmp_path_factory.mktemp("furnished"))
    said = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "furnish.py")],
        env=server.environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    yield server, json.loads(said.stdout)
    server.stop()


@pytest.fixture(scope="module")
def browser_of(
    furnished: tuple[WebServer, dict[str, Any]], browser: Browser
) -> Iterator[Callable[[str, str], BrowserContext]]:
    """The browser of who sees a page in this language."""
    opened: dict[str, BrowserContext] = {}

    def of(name: str, language: str) -> BrowserContext:
        who = {**dict.fromkeys(OPEN, ""), **dict.fromkeys(EMPTY, f"fresh.{language}")}.get(
            name, "owner" if language == "en" else "owner.ru"
        )
        who = f"{who}@example.org" if who else f"stranger in {language}"
        if who not in opened:
            opened[who] = browser.new_context(locale=LOCALES[language], viewport=pictures.DESK)
            if "@" in who:
                page = opened[who].new_page()
                doors.sign_in(page, furnished[0], who)
                page.close()
        return opened[who]

    yield of
    for context in opened.values():
        context.close()


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("language", LOCALES)
def test_a_page_is_whole(
    furnished: tuple[WebServer, dict[str, Any]],
    browser_of: Callable[[str, str], BrowserContext],
    language: str,
    name: str,
) -> None:
    server, ids = furnished
    page = browser_of(name, language).new_page()
    weights: list[int] = []

    def weigh(response: Response) -> None:
        if response.request.resource_type in ("document", "script", "stylesheet", "image"):
            weights.append(len(gzip.compress(response.body())))

    page.on("response", weigh)
    complaints = pictures.complaints(page, but=f"status of {REFUSED.get(name, 'none')}")
    page.goto(server.url + PATHS[name].format(**ids))
    assert page.locator("html").get_attribute("lang") == language
    page.remove_listener("response", weigh)
    if language == "en":
        pictures.take(page, name, pictures.LOOKS if name in THOROUGH else pictures.BRIEFLY)
    else:
        pictures.glance(page, name)
    page.close()
    assert complaints == []
    assert sum(weights) <= HEAVIEST
