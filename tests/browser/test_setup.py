"""The first run of a real installation: from the address that ``calldron serve`` prints to a test call in words."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import web_server
from peers.ports import HOST, free_port, wait_until
from playwright.sync_api import Browser, Page, expect
from support import pictures

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
def page(browser: Browser) -> Iterator[Page]:
    """A browser that complains of nothing, but for answers that say that something is wrong with a form."""
    context = browser.new_context(locale="en", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints = pictures.complaints(page, but=r"status of 4(03|22)")
    yield page
    assert complaints == []
    context.close()


def test_a_first_run_from_the_printed_address_to_a_call_in_words(served: Served, page: Page) -> None:
    page.goto(served.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("This Calldron is not set up yet")
    pictures.take(page, "setup-closed")

    opening = served.opening()
    assert opening.startswith(f"{served.url}/setup?token=")
    page.goto(opening)
    assert "token" not in page.url
    pictures.take(page, "setup-language")
    page.get_by_role("button", name="English").first.click()

    page.get_by_label("E-mail").fill("anna@example.org")
    page.get_by_label("Your name").fill("Anna")
    page.get_by_label("Password").fill("password123")
    page.keyboard.press("Enter")
    expect(page.locator("#password-error")).to_contain_text("too common")
    pictures.take(page, "setup-owner")
    page.get_by_label("Password").fill("a long enough password")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("What carries your calls?")
    pictures.take(page, "setup-trunk")
    page.get_by_role("button", name="Try it in the sandbox first").click()

    expect(page.get_by_label("Number of the sandbox")).to_have_value("+79991111202")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator(".steps")).to_contain_text("dialled", timeout=CALL)
    pictures.take(page, "setup-call-up")
    expect(page.locator(".verdict")).to_have_text("The call was answered: the trunk works.", timeout=CALL)
    expect(page.locator(".trial")).to_contain_text("The key 2 was heard too.")
    expect(page.locator(".trial")).to_contain_text("SIP 200")
    pictures.take(page, "setup-call-over")

    page.get_by_label("Number of the sandbox").fill("+79990005003")
    page.get_by_role("button", name="Call again").click()
    expect(page.locator(".verdict")).to_have_text("The trunk does not allow this call.", timeout=CALL)
    expect(page.locator(".trial")).to_contain_text("name the code SIP 403")
    pictures.take(page, "setup-call-refused")

    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("status")).to_contain_text("All is set up")
    page.goto(opening)
    assert page.url.endswith("/batches/")


def test_trunks_are_kept_on_their_page(served: Served, page: Page) -> None:
    page.goto(f"{served.url}/trunks/")
    expect(page.get_by_role("heading", level=2)).to_have_text("Calls go to the sandbox")
    pictures.take(page, "trunks-none")
    page.get_by_role("button", name="Add trunk").click()
    page.get_by_label("Name", exact=True).fill("A trunk with spaces")
    page.get_by_label("Server").fill("127.0.0.1")
    page.get_by_label("User", exact=True).fill("joe")
    page.get_by_label("Password").fill("opensesame")
    page.get_by_role("button", name="Add trunk").click()
    expect(page.locator("#trunk-name-error")).to_contain_text("up to 64 letters")
    pictures.take(page, "trunk-mistake")
    page.get_by_label("Name", exact=True).fill("provider.example.org-moscow-main")
    page.get_by_label("Password").fill("opensesame")
    page.get_by_label("Port", exact=True).fill(str(free_port()))  # where nobody listens
    page.get_by_role("button", name="Add trunk").click()

    page.get_by_label("Your own number").fill("+79991234567")
    page.get_by_role("button", name="Call", exact=True).click()
    expect(page.locator(".verdict")).to_have_text("The trunk did not reply.", timeout=CALL)
    expect(page.locator(".trial")).to_contain_text("firewall")
    pictures.take(page, "trunk-test")

    page.get_by_role("link", name="Trunks").first.click()
    expect(page.locator("main")).to_contain_text("tried slowly")
    pictures.take(page, "trunks")
    assert "opensesame" not in page.content()
    page.get_by_role("link", name="provider.example.org-moscow-main", exact=True).click()
    expect(page.get_by_label("Password")).to_have_value("")
    assert "opensesame" not in page.content()
    pictures.take(page, "trunk")
    page.go_back()
    page.get_by_role("button", name="Remove provider.example.org-moscow-main").click()
    pictures.take(page, "trunk-remove")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Calls go to the sandbox")
    assert "opensesame" not in served.log()
