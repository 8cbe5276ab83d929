"""The way in, and what people do about themselves, with the keyboard and a real browser: sign-in, key, language, codes,
an invitation, a forgotten password, wrong guesses."""

import json
import re
from collections.abc import Iterator

import httpx
import pyotp
import pytest
from peers.ports import wait_until
from playwright.sync_api import Browser, Page, expect
from support import pictures
from support.doors import PASSWORD, new_person, sign_in
from web_server import WebServer

ENGLISH, RUSSIAN = "en-GB", "ru-RU"


class Visitor:
    """A person at a browser of their own. ``complaints``: what its console says is wrong."""

    def __init__(self, browser: Browser, server: WebServer, locale: str = ENGLISH) -> None:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale=locale)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page: Page = context.new_page()
        self.server = server
        # A refusal is an answer of ours and no mistake of a script.
        self.complaints = pictures.complaints(self.page, but=r"status of 4(04|22|29)")

    def at(self, path: str) -> Page:
        self.page.goto(self.server.url + path)
        return self.page


@pytest.fixture
def visitor(browser: Browser, server: WebServer) -> Iterator[Visitor]:
    came = Visitor(browser, server)
    yield came
    came.page.context.close()
    assert came.complaints == []


def status_with(server: WebServer, key: str) -> int:
    return httpx.get(f"{server.url}/v1/account", auth=(key, "")).status_code


def letter_to(server: WebServer, email: str) -> str:
    """The text of the last letter, as the log of the web server has it while there is no mail server."""

    def letters() -> list[str]:
        lines = (server.home / "web.log").read_text(encoding="utf-8").splitlines()
        return [str(json.loads(line)["text"]) for line in lines if '"mail is not sent' in line and email in line]

    wait_until(lambda: bool(letters()), f"the letter to {email}", 20)
    return letters()[-1]


def test_from_the_door_to_a_new_key(visitor: Visitor, server: WebServer) -> None:
    old = new_person(server, "key@example.org")
    page = visitor.at("/journal/?who=api")
    pictures.take(page, "door-sign-in")
    page.keyboard.type("key@example.org")  # the first field has the focus
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/journal/?who=api")

    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert page.url.endswith("/journal/?who=api")

    page.get_by_role("link", name="key@example.org").click()
    page.get_by_label("Your name").fill("Nina Long-Surname of the Second Department")
    page.locator("section[aria-labelledby=you]").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_role("link", name="Nina Long-Surname")).to_be_visible()
    expect(page.get_by_text("Chrome on Linux")).to_be_visible()
    pictures.take(page, "door-profile")

    assert status_with(server, old) == 200
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Make a new key").click()
    assert status_with(server, old) == 200, "nothing is done without a yes"
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Make a new key").click()
    page.wait_for_url("**/users/key")
    new = page.locator("#key").inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == new
    assert (status_with(server, old), status_with(server, new)) == (401, 200)
    pictures.take(page, "door-key")
    page.get_by_role("button", name="I have it").click()
    assert new not in page.content()

    page.get_by_role("link", name="Journal").click()
    expect(page.get_by_text("reset the API key")).to_be_visible()
    pictures.take(page, "door-journal")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.go_back()
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in"))


def test_strangers_choose_their_language_too(browser: Browser, server: WebServer) -> None:
    new_person(server, "stranger@example.org")  # or else there is the setup
    stranger = Visitor(browser, server, RUSSIAN)
    page = stranger.at("/sign-in?next=/journal/")
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("input[name=next]").first).to_have_value("/journal/")
    page.context.close()
    assert stranger.complaints == []


def test_wrong_guesses_are_told_and_stopped(visitor: Visitor, server: WebServer) -> None:
    new_person(server, "guessed@example.org")
    page = visitor.at("/sign-in")
    for _ in range(5):
        page.get_by_label("E-mail").fill("guessed@example.org")
        page.get_by_label("Password").fill("a wrong password")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"Try again in 0:(30|2\d)\."))
    pictures.take(page, "door-sign-in-locked")
    page.get_by_role("button", name="Русский").click()
    page.locator("input[name=email]").fill("guessed@example.org")
    page.locator("input[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("0:")
    pictures.glance(page, "door-sign-in-locked")
    visitor.at("/batches/")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_codes_on_and_asked_for(visitor: Visitor, server: WebServer) -> None:
    new_person(server, "codes@example.org")
    page = visitor.page
    sign_in(page, server, "codes@example.org")
    page.get_by_role("button", name="English").click()
    visitor.at("/users/edit")
    page.get_by_role("button", name="Turn codes on").click()
    expect(page.locator("svg.qr")).to_be_visible()
    pictures.take(page, "door-codes-on")
    secret = page.locator("code.letters").inner_text()
    page.get_by_label("Type the six digits").fill(pyotp.TOTP(secret).now())
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("From now on a code is asked for at sign-in.")
    page.get_by_role("button", name="Sign out").click()

    page.get_by_label("E-mail").fill("codes@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/sign-in/code")
    page.get_by_role("button", name="Русский").click()
    expect(page.locator("html")).to_have_attribute("lang", "ru")
    pictures.glance(page, "door-sign-in-code")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    pictures.take(page, "door-sign-in-code")
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
    said = server.run("user", "totp-off", "codes@example.org")
    assert "signs in by password alone" in said
    sign_in(page, server, "codes@example.org")


def test_a_colleague_comes_by_invitation(visitor: Visitor, browser: Browser, server: WebServer) -> None:
    new_person(server, "boss@example.org")
    page = visitor.page
    sign_in(page, server, "boss@example.org")
    page.get_by_role("button", name="English").click()
    visitor.at("/people/")
    page.get_by_label("E-mail").fill("colleague@example.org")
    page.get_by_label("operator").check()
    page.get_by_role("button", name="Invite").click()
    link = page.locator("#link").inner_text()
    assert link in letter_to(server, "colleague@example.org")
    pictures.take(page, "door-invited")
    visitor.at("/people/")
    pictures.take(page, "door-people")

    colleague = Visitor(browser, server)
    colleague.page.goto(link)
    pictures.take(colleague.page, "door-join")
    colleague.page.keyboard.type("Colleague")
    colleague.page.keyboard.press("Tab")
    colleague.page.keyboard.type(PASSWORD)
    colleague.page.keyboard.press("Enter")
    colleague.page.wait_for_url("**/batches/")
    expect(colleague.page.get_by_role("link", name="People")).to_have_count(0)

    page.once("dialog", lambda dialog: dialog.accept())
    visitor.at("/people/").get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("colleague@example.org is removed")
    colleague.page.reload()
    expect(colleague.page).to_have_url(re.compile("/sign-in"))
    colleague.page.context.close()
    assert colleague.complaints == []


def test_a_forgotten_password(visitor: Visitor, server: WebServer) -> None:
    new_person(server, "forgetful@example.org")
    page = visitor.at("/sign-in")
    page.get_by_role("link", name="I forgot my password").click()
    pictures.take(page, "door-password-reset")
    page.get_by_label("E-mail").fill("forgetful@example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Look into your mailbox")).to_be_visible()
    found = re.search(r"http://\S+", letter_to(server, "forgetful@example.org"))
    assert found
    page.goto(found[0])
    pictures.take(page, "door-password-new")
    page.get_by_label("New password").fill("quite another password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("The new password is set.")
    sign_in(page, server, "forgetful@example.org", "quite another password")
    page.get_by_role("button", name="English").click()
    page.goto(found[0])
    expect(page.get_by_role("heading", name="This link does not work any more.")).to_be_visible()


def test_an_account_of_ones_own_by_the_keepers_link(visitor: Visitor, server: WebServer) -> None:
    link = server.run("user", "invite", "newcomer@example.org").strip()
    assert link.startswith(f"{server.url}/join/")
    visitor.page.goto(link)
    visitor.page.get_by_label("Your name").fill("Newcomer")
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url("**/batches/")
    visitor.at("/users/edit")
    expect(visitor.page.get_by_text("There is none yet")).to_be_visible()
