"""Every page as people see it: both themes, a desk and a telephone, by eye (the screenshots) and by axe."""

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import web_server
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Response
from support import doors
from web_server import WebServer

PICTURES = Path(__file__).parents[2] / "artifacts"
HEAVIEST = 150 * 1024  # bytes of a page with all it needs, gzipped

OPEN = {"sign-in": "/sign-in", "password-reset": "/password/reset"}
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
def owner(furnished: tuple[WebServer, dict[str, Any]], browser: Browser) -> Iterator[BrowserContext]:
    """A browser in which the owner is signed in."""
    context = browser.new_context(locale="en")
    page = context.new_page()
    doors.sign_in(page, furnished[0], "owner@example.org")
    page.close()
    yield context
    context.close()


@pytest.fixture(scope="module")
def stranger(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en")
    yield context
    context.close()


@pytest.mark.parametrize("name", [*PAGES, *OPEN])
def test_a_page_is_whole(
    furnished: tuple[WebServer, dict[str, Any]], owner: BrowserContext, stranger: BrowserContext, name: str
) -> None:
    server, ids = furnished
    page = (stranger if name in OPEN else owner).new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    complaints: list[str] = []
    weights: list[int] = []

    def weigh(response: Response) -> None:
        if response.request.resource_type in ("document", "script", "stylesheet", "image"):
            weights.append(len(gzip.compress(response.body())))

    page.on("response", weigh)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(server.url + {**PAGES, **OPEN}[name].format(**ids))
    page.remove_listener("response", weigh)
    said = [words for words in complaints if name != "not-found" or "404" not in words]
    PICTURES.mkdir(exist_ok=True)
    wide, serious = [], []
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wide.append(width)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type] # its words
            page.screenshot(path=PICTURES / f"{name}-{width}-{theme}.png", full_page=True, animations="disabled")
            serious += [
                f"{theme} {width} {found['id']}: {[node['html'][:120] for node in found['nodes'][:3]]}"
                for found in Axe().run(page).response["violations"]
                if found["impact"] in ("serious", "critical")
            ]
    page.close()
    assert said == []
    assert wide == [], "it scrolls sideways"
    assert serious == []
    assert sum(weights) <= HEAVIEST
