"""A list goes in by hand: dropped, looked at, mended; a long one is driven by the page and by two of them at once."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from support import doors, pictures
from web_server import WebServer

EMAIL = "lists@example.org"
LIST = (
    "Имя;Телефон;Город\n"
    + "".join(f"Иванов Иван {n};8 (999) 000-00-{n:02};Москва\n" for n in range(1, 9))
    + "Пётр;12;Тула\nОлег;+79990000001;Клин\nПросил не звонить;+79990000099;Омск\nExcel;7,9161E+10;Орёл\n"
)


@pytest.fixture(scope="module")
def key(server: WebServer) -> str:
    return doors.new_person(server, EMAIL)


@pytest.fixture
def context(browser: Browser, server: WebServer, key: str) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, server: WebServer) -> Iterator[Page]:
    opened = context.new_page()
    complaints = pictures.complaints(opened, but="ERR_FAILED")  # of the line that is taken down
    doors.sign_in(opened, server, EMAIL)
    yield opened
    assert complaints == []


def new_batch(server: WebServer, key: str, name: str) -> int:
    with server.client(key) as api:
        answer = api.post("/v1/batches", json={"batch": {"name": name, "confirmation": "timeout", "autostart": False}})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])


def drop(page: Page, selector: str, file: Path) -> None:
    """As a person drags a file from a folder."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    for step in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": step,
                "x": box["x"] + box["width"] / 2,
                "y": box["y"] + box["height"] / 2,
                "data": {"items": [], "files": [str(file)], "dragOperationsMask": 1},
            },
        )


def test_a_list_is_dropped_looked_at_added_and_what_is_bad_comes_back(
    server: WebServer, key: str, page: Page, tmp_path: Path
) -> None:
    batch = new_batch(server, key, "Весенняя акция")
    with server.client(key) as api:
        assert api.post("/v1/stop-list", json={"stop": {"number": "+79990000099"}}).status_code == 201
    file = tmp_path / "Клиенты.csv"
    file.write_bytes(LIST.encode("windows-1251"))
    page.goto(f"{server.url}/batches/{batch}/import")
    pictures.take(page, "list-1-file")
    drop(page, "#list", file)
    assert page.locator("#list").evaluate("input => input.files[0].name") == "Клиенты.csv"
    page.locator("form.sheet button").click()
    expect(page.locator("#number")).to_have_value("1")
    expect(page.locator("#foreseen tbody tr")).to_have_count(12)
    pictures.take(page, "list-2-look")
    page.locator("#number").select_option("0")
    expect(page.locator("#summary .notice-error")).to_be_visible()
    page.locator("input[name=header]").uncheck()
    expect(page.locator("#what")).to_contain_text("13")
    page.locator("input[name=header]").check()
    page.locator("#number").select_option("1")
    expect(page.locator("#summary .notice-warning")).to_be_visible()
    page.locator("#look .toolbar button").first.click()
    expect(page.locator(".figures dd")).to_have_text(["8", "2", "1", "1", "12"])
    pictures.take(page, "list-3-result")
    with page.expect_download() as download:
        page.locator("a[download]").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig")), delimiter=";"))
    assert [row[0] for row in rows] == ["Строка", "10", "11", "12", "13"]
    assert rows[1][3:] == ["Пётр", "12", "Тула"]
    with server.client(key) as api:
        assert len(api.get(f"/v1/batches/{batch}/calls").json()) == 8


def test_a_long_list_is_driven_by_two_pages_at_once_and_no_row_is_taken_twice(
    server: WebServer, key: str, page: Page, tmp_path: Path
) -> None:
    batch = new_batch(server, key, "Длинный список")
    file = tmp_path / "long.csv"
    file.write_text("".join(f"+7998{n:07}\n" for n in range(30_000)))
    page.goto(f"{server.url}/batches/{batch}/import")
    page.locator("#list").set_input_files(file)
    page.locator("form.sheet button").click()
    address = page.url
    form = page.locator("#look .toolbar button").first
    page.route("**/step", lambda route: route.abort())  # a line that is down
    form.click()
    expect(page.locator("#lost")).to_be_visible()
    pictures.take(page, "list-3-progress")
    other = page.context.new_page()
    page.unroute("**/step")
    other.goto(address)
    for one in (page, other):
        expect(one.locator(".figures dd").first).to_have_text("30\u00a0000", timeout=30_000)
    other.close()
    with server.client(key) as api:
        listing = api.get(f"/v1/batches/{batch}/calls?limit=1")
        assert listing.headers["X-Total-Count"] == "30000"


def test_without_a_script_buttons_do_the_same(server: WebServer, key: str, browser: Browser, tmp_path: Path) -> None:
    batch = new_batch(server, key, "Без скриптов")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    doors.sign_in(page, server, EMAIL)
    page.goto(f"{server.url}/batches/{batch}/import")
    file = tmp_path / "list.txt"
    file.write_bytes(b"+79980000000\n" * 2_700_000)
    page.locator("#list").set_input_files(file)
    page.locator("form.sheet button").click()
    expect(page.locator("#import-error")).to_contain_text("32")
    file.write_text("".join(f"+7998{n:07}\n" for n in range(5_001)))
    page.locator("#list").set_input_files(file)
    page.locator("form.sheet button").click()
    page.locator("#look input[name=duplicates]").check()
    page.locator("#anew").click()
    expect(page.locator("#look input[name=duplicates]")).to_be_checked()
    page.locator("#look .toolbar button").first.click()
    for _piece in range(2):
        page.locator("#step button").click()
    expect(page.locator(".figures dd").first).to_have_text("5\u00a0001")
    context.close()


def test_the_stop_list_is_kept_by_hand(server: WebServer, key: str, page: Page) -> None:
    page.goto(f"{server.url}/stop-list/")
    page.locator("details.add summary").nth(1).click()
    page.locator("#numbers").fill("+79160000001,просил не звонить\n+79160000002\n+79160000003\n12\n")
    page.locator("details.add[open] button[type=submit]").last.click()
    expect(page.locator(".notice-warning")).to_be_visible()
    pictures.take(page, "stop-list-added")
    page.locator("#q").fill("0000002")
    page.locator("#q").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("td.act a").click()
    pictures.take(page, "stop-list-remove")
    page.locator("button.danger").click()
    expect(page.locator(".notice-success")).to_be_visible()
    page.goto(f"{server.url}/stop-list/?q=0000002")
    expect(page.locator("tbody tr")).to_have_count(0)
