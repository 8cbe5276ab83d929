"""What an owner does on the first day, from the printed address to the last call, in both languages; nothing is set up
but by the pages."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import web_server
from peers.ports import free_port, wait_until
from playwright.sync_api import Browser, Locator, Page, expect
from python_calamine import CalamineWorkbook
from sounds import encoded, speech
from support import pictures
from web_server import WebServer

PATIENCE = 90_000  # milliseconds
PASSWORD = "a long enough password"

# The sandbox's plan: who presses 1, hangs up, is busy, does not exist, is switched off; and rows that can't be called.
PLAN = ["1101"] * 20 + ["3002"] * 12 + ["4001"] * 8 + ["5001"] * 5 + ["5004"] * 5
LIST = "name;phone\n" + "".join(f"Client {n};+7999{n:03}{ending}\n" for n, ending in enumerate(PLAN)) + "Nobody;12\n"

WORDS = {
    "en": {
        "going": r"\d+ up, \d+ waiting",
        "paused": "paused",
        "over": "50 of 50",
        "confirmed": "the client confirmed",
    },
    "ru": {"going": r"на линии", "paused": "на паузе", "over": "50 из 50", "confirmed": "подтвердил"},
}

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[WebServer]:
    """``calldron serve`` in an empty folder."""
    port = free_port()
    settings = {"sandbox_port": str(free_port())}
    log = (tmp_path / "serve.log").open("wb")
    process = subprocess.Popen(
        [*web_server.CALLDRON, "serve", "--port", str(port)],
        env=web_server.environment(tmp_path, port, **settings),
        stdout=log,
        stderr=log,
    )
    server = WebServer(tmp_path, port, settings, process, log)
    wait_until(lambda: "dialer ready" in _said(server) and bool(_opening(server)), "the server", 90)
    wait_until(lambda: web_server._answers(server.url), "the web server", 60)
    yield server
    process.terminate()
    process.terminate()
    process.wait(90)
    log.close()


def _said(server: WebServer) -> str:
    return (server.home / "serve.log").read_text()


def _opening(server: WebServer) -> str:
    return next(iter(re.findall(r"(\S+/setup\?token=\S+)", _said(server))), "")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    made = context.new_page()
    complaints = pictures.complaints(made)
    made.on("dialog", lambda dialog: dialog.accept())
    yield made
    context.close()
    assert complaints == []


def _look(page: Page, name: str) -> None:
    """Picture the page in Russian; in English the other tests do."""
    if page.locator("html").get_attribute("lang") == "ru":
        pictures.glance(page, name)


def _submit(form: Locator) -> None:
    form.locator("button[type=submit], button:not([type])").first.click()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_first_day_of_an_owner(fresh: WebServer, page: Page, language: str) -> None:
    words = WORDS[language]
    _set_up(fresh, page, language)
    _make_a_batch(fresh, page)
    _add_the_list(page)
    live = page.url
    _watch(page, words)
    _hear_one(page, live, words)
    _export(page, live)
    keys = [_new_key(fresh, page) for _ in range(2)]
    with httpx.Client(base_url=fresh.url, timeout=30) as client:
        assert client.get("/v1/", auth=(keys[0], "")).status_code == 401
        assert client.get("/v1/", auth=(keys[1], "")).status_code == 200


def _set_up(server: WebServer, page: Page, language: str) -> None:
    page.goto(_opening(server))
    _look(page, "setup-language")
    page.locator(f"button[name=language][value={language}]").first.click()
    page.locator("input[name=email]").fill("owner@example.org")
    page.locator("input[name=password]").fill(PASSWORD)
    _look(page, "setup-owner")
    _submit(page.locator("form.sheet"))
    page.locator("button[name=later]").wait_for()
    _look(page, "setup-trunk")
    page.locator("button[name=later]").click()
    page.locator("form.onward").wait_for()
    _look(page, "setup-call")
    _submit(page.locator("form.onward"))
    expect(page.locator("html")).to_have_attribute("lang", language)


def _make_a_batch(server: WebServer, page: Page) -> None:
    page.goto(f"{server.url}/batches/new")
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    page.locator("[name=type][value=instant]").check()
    page.locator("input[name=name]").fill("День первый")
    page.locator("input[type=file][name=file]").set_input_files(
        {"name": "hello.wav", "mimeType": "audio/wav", "buffer": encoded(speech(1.5, 16_000), 16_000)}
    )
    for end in ("time_from", "time_to"):  # else it would call by day only, and so would this test
        expect(page.locator(f"[name={end}]")).to_have_value("")
    page.locator("[name=confirmation][value=dtmf]").check()
    page.locator("[name=cps]").fill("5")
    page.locator("[name=ring_timeout]").fill("10")
    page.locator("[name=autostart]").uncheck()
    _look(page, "batch-everything")
    _submit(page.locator("form.batch"))
    page.wait_for_url(re.compile("/import"))


def _add_the_list(page: Page) -> None:
    page.locator("#list").set_input_files({"name": "list.csv", "mimeType": "text/csv", "buffer": LIST.encode()})
    _submit(page.locator("form.sheet"))
    page.locator("#look").wait_for()
    _look(page, "list-2-look")
    _submit(page.locator("#look"))
    expect(page.locator(".figures dd").first).to_have_text("50")
    _look(page, "list-3-result")
    page.locator("form[action$='/start'] button").click()
    page.wait_for_url(re.compile(r"/batches/\d+/$"))


def _watch(page: Page, words: dict[str, str]) -> None:
    expect(page.locator("#live-why")).to_contain_text(re.compile(words["going"]), timeout=PATIENCE)
    page.locator("#live-head button[form=pause]").click()
    expect(page.locator("#live-head")).to_contain_text(words["paused"])
    _look(page, "live-paused")
    page.locator("#live-head button[form=resume]").click()
    expect(page.locator("#live-progress")).to_contain_text(words["over"], timeout=PATIENCE)
    _look(page, "live-finished")


def _hear_one(page: Page, live: str, words: dict[str, str]) -> None:
    page.goto(f"{live}calls/?result=confirmed")
    expect(page.locator("tbody tr")).to_have_count(20)
    page.locator("tbody tr a").first.click()
    expect(page.locator("#live-why")).to_contain_text(words["confirmed"])
    audio = page.locator("audio")
    audio.wait_for(timeout=PATIENCE)
    _look(page, "call-heard")
    audio.evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelector('audio').currentTime > 0.3", timeout=PATIENCE)


def _export(page: Page, live: str) -> None:
    page.goto(live)
    with page.expect_download() as download:
        page.locator("a[href*='xlsx']").first.click()
    rows = CalamineWorkbook.from_path(str(download.value.path())).get_sheet_by_index(0).to_python()
    assert len(rows) == 51


def _new_key(server: WebServer, page: Page) -> str:
    page.goto(f"{server.url}/users/edit")
    _submit(page.locator("form[action$='/key']"))
    _look(page, "door-key")
    return page.locator("#key").inner_text().strip()
