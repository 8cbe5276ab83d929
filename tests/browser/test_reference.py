"""The reference page, read as a person without the Internet reads it."""

import pytest
from playwright.sync_api import Browser, Request
from support import pictures
from web_server import WebServer


@pytest.mark.parametrize("width", [1280, 360])
def test_the_reference_is_whole_without_the_internet(server: WebServer, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    complaints = pictures.complaints(page)

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.goto(f"{server.url}/v1/docs")
    page.get_by_role("heading", name="Calldron API").wait_for()
    page.get_by_text("Who am I").first.wait_for(state="attached")
    pictures.snap(page, f"reference-{width}")
    elsewhere = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert elsewhere == []
    assert complaints == []
    page.close()
