"""The reference page, read as a person without the Internet reads it."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request
from web_server import WebServer

PICTURES = Path(__file__).parents[2] / "artifacts"


@pytest.mark.parametrize("width", [1280, 360])
def test_the_reference_is_whole_without_the_internet(server: WebServer, browser: Browser, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{server.url}/v1/docs")
    page.get_by_role("heading", name="Calldron API").wait_for()
    page.get_by_text("Who am I").first.wait_for(state="attached")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"reference-{width}.png")
    elsewhere = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    assert elsewhere == []
    assert complaints == []
    page.close()
