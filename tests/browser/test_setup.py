"""The first run of a real installation: from the address that ``calldron serve`` prints to a test call in words."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import web_server
from axe_playwright_python.sync_playwright import Axe
from peers.ports import HOST, free_port, wait_until
from playwright.sync_api import Browser, Page, expect

PICTURES = Path(__file__).parents[2] / "artifacts"
_GRAVE = ("serious", "critical")
CALL = 40_000  # milliseconds that a test call may take

pytestmark = pytest.mark.timeout(300)


@dataclass
class Served:
    """A running ``calldron serve``, fresh."""

    home: Path
    url: str
    process: "subprocess.Popen[bytes]"

    def log(self) -> str:
        return (self.home / "serve.log").read_text()

    def opening(self) -> str:
        """The address that it printed, once: "" until it has."""
        found = re.findall(r"^.*To set up, open (\S+)$", self.log(), re.MULTILINE)
        assert len(found) < 2
        return found[0] if found else ""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home, port = tmp_path_factory.mktemp("setup"), free_port()
    environment = web_server.environment(home, port, sandbox_port=str(free_port()))
    with (home / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*web_server.CALLDRON, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    running = Served(home, f"http://{HOST}:{port}", process)
    wait_until(lambda: "dialer ready" in running.log() and bool(running.opening()), "the server", 90)
    wait_until(lambda: web_server._answers(running.url), "the web server", 60)
    yield running
    process.terminate()
    process.terminate()
    process.wait(90)


@pytest.fixture(scope="module")
def complaints() -> list[str]:
    """What the browser complains of, but for answers that say that something is wrong with a form."""
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, complaints: list[str]) -> Iterator[Page]:
    """A browser that complains of nothing."""
    context = browser.new_context(locale="en", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert [words for words in complaints if not re.search(r"status of 4(03|22)", words)] == []
    context.close()


@pytest.fixture(scope="module")
def shoot(page: Page, complaints: list[str]) -> Callable[[str], None]:
    """Picture the page in both themes, at a desk and on a telephone, and let axe look at it."""

    def look(name: str) -> None:
        PICTURES.mkdir(exist_ok=True)
        for width in (1280, 360):
            page.set_viewport_size({"width": width, "height": 900})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} is {wide} pixels wide on {width}"
                page.screenshot(path=PICTURES / f"{name}-{width}-{theme}.png", full_page=True, animations="disabled")
                before = len(complaints)  # axe's own looks at shadow trees are refused by the policy
                found = [one for one in Axe().run(page).response["violations"] if one["impact"] in _GRAVE]
                del complaints[before:]
                assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == [], name
        page.set_viewport_size({"width": 1280, "height": 900})

    return look


def test_a_first_run_from_the_printed_address_to_a_call_in_words(
    served: Served, page: Page, shoot: Callable[[str], None]
) -> None:
    page.goto(served.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("This Calldron is not set up yet")
    shoot("setup-closed")

    opening = served.opening()
    assert opening.startswith(f"{served.url}/setup?token=")
    page.goto(opening)
    assert "token" not in page.url
    shoot("setup-language")
    page.get_by_role("button", name="English").first.click()

    page.get_by_label("E-mail").fill("anna@example.org")
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Password").fill("password123")
    page.keyboard.press("Enter")
    expect(page.locator("#password-error")).to_contain_text("too common")
    shoot("setup-owner")
    page.get_by_label("Password").fill("a long enough password")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("What carries your calls?")
    shoot("setup-trunk")
    page.get_by_role("button", name="Try it in the sandbox first").click()

    expect(page.get_by_label("Number of the sandbox")).to_have_value("+79991111202")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator(".steps")).to_contain_text("dialled", timeout=CALL)
    shoot("setup-call-up")
    expect(page.locator(".verdict")).to_have_text("The call was answered: the trunk works.", timeout=CALL)
    expect(page.locator(".trial")).to_contain_text("The key 2 was heard too.")
    expect(page.locator(".trial")).to_contain_text("SIP 200")
    shoot("setup-call-over")

    page.get_by_label("Number of the sandbox").fill("+79990005003")
    page.get_by_role("button", name="Call again").click()
    expect(page.locator(".verdict")).to_have_text("The trunk does not allow this call.", timeout=CALL)
    expect(page.locator(".trial")).to_contain_text("name the code SIP 403")
    shoot("setup-call-refused")

    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("status")).to_contain_text("All is set up")
    page.goto(opening)
    assert page.url.endswith("/batches/")


def test_trunks_are_kept_on_their_page(served: Served, page: Page, shoot: Callable[[str], None]) -> None:
    page.goto(f"{served.url}/trunks/")
    expect(page.get_by_role("heading", level=2)).to_have_text("Calls go to the sandbox")
    shoot("trunks-none")
    page.get_by_role("button", name="Add trunk").click()
    page.get_by_label("Name", exact=True).fill("A trunk with spaces")
    page.get_by_label("Server").fill("127.0.0.1")
    page.get_by_label("User", exact=True).fill("joe")
    page.get_by_label("Password").fill("opensesame")
    page.get_by_role("button", name="Add trunk").click()
    expect(page.locator("#trunk-name-error")).to_contain_text("up to 64 letters")
    shoot("trunk-mistake")
    page.get_by_label("Name", exact=True).fill("provider.example.org-moscow-main")
    page.get_by_label("Password").fill("opensesame")
    page.get_by_label("Port", exact=True).fill(str(free_port()))  # where nobody listens
    page.get_by_role("button", name="Add trunk").click()

    page.get_by_label("Your own number").fill("+79991234567")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator(".verdict")).to_have_text("The trunk did not reply.", timeout=CALL)
    expect(page.locator(".trial")).to_contain_text("firewall")
    shoot("trunk-test")

    page.get_by_role("link", name="Trunks").first.click()
    expect(page.locator("main")).to_contain_text("tried slowly")
    shoot("trunks")
    assert "opensesame" not in page.content()
    page.get_by_role("link", name="provider.example.org-moscow-main", exact=True).click()
    expect(page.get_by_label("Password")).to_have_value("")
    assert "opensesame" not in page.content()
    shoot("trunk")
    page.go_back()
    page.get_by_role("button", name="Remove provider.example.org-moscow-main").click()
    shoot("trunk-remove")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Calls go to the sandbox")
    assert "opensesame" not in served.log()
