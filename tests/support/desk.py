"""Somebody at work in the cabinet with a real browser."""

from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect
from web_server import WebServer

from support.doors import new_person, sign_in

PICTURES = Path(__file__).parents[2] / "artifacts"
LOOKS = [(width, theme) for width in (1280, 360) for theme in ("light", "dark")]


class Desk:
    """Somebody who signed in, in English, and what the browser complained of."""

    def __init__(self, context: BrowserContext, server: WebServer, email: str) -> None:
        self.key = new_person(server, email)
        self.server = server
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        sign_in(self.page, server, email)
        self.page.locator("button[name=language][value=en]").click()
        expect(self.page.locator("html")).to_have_attribute("lang", "en")

    def open(self, place: str) -> Page:
        self.page.goto(f"{self.server.url}{place}")
        return self.page

    def batches(self) -> list[dict[str, str]]:
        with self.server.client(self.key) as client:
            return list(client.get("/v1/batches").json())

    def picture(self, name: str) -> None:
        """Look at the page in both themes, on a desk and on a telephone."""
        PICTURES.mkdir(exist_ok=True)
        for width, theme in LOOKS:
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.emulate_media(color_scheme=theme)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide on a screen of {width}"
            self.page.screenshot(path=PICTURES / f"{name}-{width}-{theme}.png", full_page=True)
        self.page.set_viewport_size({"width": 1280, "height": 900})


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
