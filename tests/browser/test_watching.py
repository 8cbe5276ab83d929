"""Calls are watched as they happen: a real server and dialer, the sandbox, and Chromium."""

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import httpx
import pytest
import web_server
from installation import intro
from peers.ports import free_port, wait_until
from playwright.sync_api import Browser, Page, expect
from support import doors, pictures
from web_server import WebServer

PATIENCE = 90_000  # milliseconds

# The sandbox's plan: who presses 1, who hangs up, who is busy, does not exist, is switched off.
PLAN = ["1101"] * 20 + ["3002"] * 12 + ["4001"] * 8 + ["5001"] * 5 + ["5004"] * 5
NUMBERS = [f"+7999{place:03}{ending}" for place, ending in enumerate(PLAN)]

# Of an audio element: its length once that is known; and when some of it was played.
LENGTH = """audio => new Promise(done => {
  if (audio.readyState) done(audio.duration);
  audio.addEventListener('loadedmetadata', () => done(audio.duration));
})"""
HEARD = """audio => new Promise((done, failed) => {
  audio.addEventListener('timeupdate', () => audio.currentTime > 0.3 && done());
  audio.play().catch(failed);
})"""

pytestmark = pytest.mark.timeout(240)


@dataclass
class Served:
    """A running ``calldron serve`` with one person."""

    server: WebServer
    api: httpx.Client

    def batch(self, name: str, numbers: list[str], **fields: object) -> str:
        """One that waits to be started."""
        given = {"type": "instant", "name": name, "autostart": False, "confirmation": "dtmf", **intro(1.5), **fields}
        batch: str = self.api.post("/v1/batches", json=given).raise_for_status().json()["id"]
        body = [{"call": {"phone_number": number}} for number in numbers]
        self.api.post(f"/v1/batches/{batch}/calls", json=body).raise_for_status()
        return batch


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    port = free_port()
    settings = {"sandbox_port": str(free_port()), "api_rate": "0"}
    log = (home / "serve.log").open("wb")
    process = subprocess.Popen(
        [*web_server.CALLDRON, "serve", "--port", str(port)],
        env=web_server.environment(home, port, **settings),
        stdout=log,
        stderr=log,
    )
    server = WebServer(home, port, settings, process, log)
    wait_until(lambda: "dialer ready" in (home / "serve.log").read_text(), "the dialer", 60)
    key = doors.new_person(server, "owner@example.org")
    with closing(sqlite3.connect(home / "calldron.sqlite3")) as database, database:
        database.execute("UPDATE store_user SET language = 'en'")
    with server.client(key) as api:
        yield Served(server, api)
    process.terminate()
    process.terminate()
    process.wait(90)
    log.close()


@pytest.fixture
def page(served: Served, browser: Browser) -> Iterator[Page]:
    """Somebody who signed in. Whatever the browser complains of fails the test."""
    context = browser.new_context(locale="en", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    made = context.new_page()
    complaints = pictures.complaints(made)
    doors.sign_in(made, served.server, "owner@example.org")
    yield made
    context.close()
    assert complaints == []


def test_fifty_calls_are_watched_until_the_last_and_one_is_heard(served: Served, page: Page) -> None:
    batch = served.batch("Reminders", NUMBERS, ring_timeout="10", cps="5")
    page.goto(f"{served.server.url}/batches/{batch}/")
    expect(page.get_by_text("The batch has not been started.")).to_be_visible()
    page.locator("#live-head").get_by_role("button", name="Start").click()
    page.evaluate("window.same = true")
    expect(page.locator("#live-why")).to_contain_text(re.compile(r"\d+ up, \d+ waiting"), timeout=PATIENCE)
    expect(page.locator("#live-up tbody tr").first).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#chart canvas")).to_be_visible(timeout=PATIENCE)
    pictures.take(page, "live-running")
    expect(page.locator("#live-progress")).to_contain_text("50 of 50 calls are over", timeout=PATIENCE)
    expect(page.locator("#live-head")).to_contain_text("finished")
    assert page.evaluate("window.same"), "the page was loaded anew"
    assert not page.locator("#live-lost").is_visible()
    pictures.take(page, "live-finished")
    page.locator("#live-head").get_by_role("button", name="Duplicate").click()
    expect(page.get_by_text("This is the copy. It has no numbers yet")).to_be_visible()
    page.go_back()

    page.locator("#live-links").get_by_role("link", name="Calls", exact=True).click()
    page.get_by_role("combobox", name="Result").select_option("confirmed")
    page.get_by_role("button", name="Find").click()
    expect(page.locator("tbody tr")).to_have_count(20)
    pictures.take(page, "calls-found")
    page.get_by_role("textbox", name="Number").fill("0001101")
    page.get_by_role("textbox", name="Number").press("Enter")
    page.locator("tbody tr a").first.click()

    audio = page.locator("audio")
    audio.wait_for(timeout=PATIENCE)  # the recording is mixed after the call; its page waits for it
    assert audio.evaluate(LENGTH) > 1
    expect(page.locator("#live-recording .wave > div")).to_be_visible()
    pictures.take(page, "call-heard")
    audio.evaluate(HEARD)
    expect(page.locator("#live-why")).to_contain_text("the client confirmed")


def test_a_call_that_is_up_is_taken_back_on_its_page(served: Served, page: Page) -> None:
    batch = served.batch("Long calls", ["+79990000050"])  # answers and is silent for 50 s
    page.goto(f"{served.server.url}/batches/{batch}/")
    page.locator("#live-head").get_by_role("button", name="Start").click()
    page.locator("#live-up tbody a").first.click(timeout=PATIENCE)
    expect(page.locator("#live-head")).to_contain_text("answered", timeout=PATIENCE)
    pictures.take(page, "call-up")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("#live-why")).to_contain_text("It was taken back.", timeout=PATIENCE)


def test_a_server_that_is_away_is_told_and_found_again(served: Served, browser: Browser) -> None:
    batch = served.batch("Quiet", ["+79990003002"])
    context = browser.new_context()
    page = context.new_page()
    doors.sign_in(page, served.server, "owner@example.org")
    page.goto(f"{served.server.url}/batches/{batch}/")
    asked_now = "document.dispatchEvent(new Event('visibilitychange'))"  # as one who comes back to the tab
    page.route("**/live", lambda route: route.abort())
    page.evaluate(asked_now)
    expect(page.locator("#live-lost")).to_be_visible()
    page.unroute("**/live")
    page.evaluate(asked_now)
    expect(page.locator("#live-lost")).to_be_hidden()
    context.close()
