"""A real browser, Debian's Chromium, and a server to look at; ``support.doors`` signs people in there."""

from collections.abc import Iterator
from shutil import which

import pytest
import web_server
from playwright.sync_api import Browser, sync_playwright
from web_server import WebServer

_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    started = web_server.start(tmp_path_factory.mktemp("web"))
    yield started
    started.stop()


# No longer than a module: Playwright holds an event loop in this thread, and asyncio's tests want one of their own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = which("chromium")
    assert program, "Chromium is not installed: run scripts/peers"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield started
        started.close()
