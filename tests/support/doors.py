"""People who come in through the sign-in page of a real server, with a real browser."""

from playwright.sync_api import Page
from web_server import WebServer

PASSWORD = "a long enough password"


def new_person(server: WebServer, email: str, password: str = PASSWORD) -> str:
    """An owner of a new account, who can sign in; the account's API key. Their language is Russian until they say."""
    said = server.run("user", "add", email, "--password-stdin", given=f"{password}\n")
    return said.strip().removeprefix("api key: ")


def sign_in(page: Page, server: WebServer, email: str, password: str = PASSWORD) -> None:
    """Through the form, in whatever language it is."""
    page.goto(f"{server.url}/sign-in")
    page.locator("input[name=email]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.locator("form.door button[type=submit]").click()
    page.wait_for_url(lambda url: "/sign-in" not in url)
