"""What people see of a page: pictures in both themes, at a desk and on a telephone, for the eye, and what axe says.

They are in ``artifacts/``, one for each look: ``batches-en-1280-light.png``."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Page, ViewportSize

PICTURES = Path(__file__).parents[2] / "artifacts"
DESK: ViewportSize = {"width": 1280, "height": 900}

Look = tuple[int, Literal["light", "dark"]]
LOOKS: Sequence[Look] = ((1280, "light"), (1280, "dark"), (360, "dark"), (360, "light"))
BRIEFLY: Sequence[Look] = ((1280, "light"), (360, "dark"))  # each width and each theme, once

_GRAVE = ("serious", "critical")
# Without a preload, which fetches style sheets anew and writes style elements that our policy refuses aloud.
_AXE = "() => axe.run({ resultTypes: ['violations'], preload: false }).then(found => found.violations)"


def take(page: Page, name: str, looks: Sequence[Look] = LOOKS) -> None:
    """Picture the page that is open. It is wrong if it scrolls sideways, or if axe finds something grave."""
    _look(page, name, looks, _grave)


def glance(page: Page, name: str) -> None:
    """The same in brief and without axe, of a page that was taken in another language."""
    _look(page, name, BRIEFLY, lambda _page: [])


def snap(page: Page, name: str) -> None:
    """Picture what is on the screen at this moment."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


def _look(page: Page, name: str, looks: Sequence[Look], judge: Callable[[Page], list[str]]) -> None:
    PICTURES.mkdir(exist_ok=True)
    language = page.locator("html").get_attribute("lang")
    wrong: list[str] = []
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        path = PICTURES / f"{name}-{language}-{width}-{theme}.png"
        page.screenshot(path=path, full_page=True, animations="disabled")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            wrong.append(f"{wide} px wide on a screen of {width}")
        wrong += [f"{theme}, {width} px: {words}" for words in judge(page)]
    page.set_viewport_size(DESK)
    page.emulate_media(color_scheme="light")
    assert wrong == [], name


def _grave(page: Page) -> list[str]:
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    return [
        f"{found['id']}: {[node['html'][:200] for node in found['nodes'][:3]]}"
        for found in page.evaluate(_AXE)
        if found["impact"] in _GRAVE
    ]


def complaints(page: Page, but: str = "") -> list[str]:
    """What the browser says is wrong with the page, from now on; but not what this pattern is found in."""
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not (but and re.search(but, message.text)):
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said
