"""The cabinet's API reference in a real browser: found by its contents, copied by a button, in one's own language."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support import doors, pictures
from web_server import WebServer


@pytest.fixture(scope="module")
def page(browser: Browser, server: WebServer) -> Iterator[Page]:
    """Somebody who has made a batch with a call, whose browser complains of nothing."""
    with server.client(doors.new_person(server, "reader@example.org")) as api:
        batch = api.post("/v1/batches", json={"type": "instant", "autostart": False}).json()["id"]
        api.post(f"/v1/batches/{batch}/calls", json={"phone_number": "+79991234567"})
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    page = context.new_page()
    complaints = pictures.complaints(page)
    doors.sign_in(page, server, "reader@example.org")
    yield page
    assert complaints == []
    context.close()


def test_a_sample_is_copied_as_it_is_shown(page: Page, server: WebServer) -> None:
    page.goto(f"{server.url}/docs/?samples=python")
    sample = page.locator("#sample-show_call")
    expect(sample).to_contain_text("/calls/")
    page.locator('[data-copy="#sample-show_call"]').click()
    page.wait_for_function("navigator.clipboard.readText().then(text => text.includes('requests.get'))")
    assert page.evaluate("navigator.clipboard.readText()") == sample.inner_text().strip()


def test_the_contents_lead_there_and_the_language_of_samples_stays_at_its_place(page: Page, server: WebServer) -> None:
    page.goto(f"{server.url}/docs/")
    page.locator(".contents a[href='#explain_call']").click()
    expect(page.locator("#explain_call h3")).to_be_in_viewport()
    page.locator("#explain_call").get_by_role("link", name="PHP").click()
    expect(page.locator("#sample-explain_call")).to_contain_text("curl_init")
    assert page.url.endswith("#explain_call")
