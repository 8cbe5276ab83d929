"""Somebody at work in the cabinet with a real browser."""

from playwright.sync_api import BrowserContext, Page, expect
from web_server import WebServer

from support import pictures
from support.doors import new_person, sign_in


class Desk:
    """Somebody who signed in, in English, and what the browser complained of."""

    def __init__(self, context: BrowserContext, server: WebServer, email: str) -> None:
        self.key = new_person(server, email)
        self.server = server
        self.page: Page = context.new_page()
        self.complaints = pictures.complaints(self.page)
        sign_in(self.page, server, email)
        self.page.locator("button[name=language][value=en]").click()
        expect(self.page.locator("html")).to_have_attribute("lang", "en")

    def open(self, place: str) -> Page:
        self.page.goto(f"{self.server.url}{place}")
        return self.page

    def batches(self) -> list[dict[str, str]]:
        with self.server.client(self.key) as client:
            return list(client.get("/v1/batches").json())


def drawn(page: Page, wave: str) -> None:
    """Wait until there is something on the canvas of this waveform."""
    page.wait_for_function(
        """wave => {
          const host = document.querySelector(wave)?.firstElementChild;
          const canvas = host?.shadowRoot?.querySelector("canvas");
          if (!canvas?.width) return false;
          return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(part => part > 0);
        }""",
        arg=wave,
    )
