"""What people see while the database is away: that it is, in their language, and then their page again."""

import pytest
from playwright.sync_api import Browser, expect
from support import pictures
from support.doors import new_person, sign_in
from web_server import WebServer

SAYS = {"en-GB": "The database does not answer", "ru-RU": "База данных не отвечает"}


@pytest.mark.parametrize("locale", SAYS)
def test_a_page_says_that_the_database_is_away(browser: Browser, server: WebServer, locale: str) -> None:
    email = f"away.{locale[:2]}@example.org"
    new_person(server, email)
    page = browser.new_context(locale=locale).new_page()
    sign_in(page, server, email)
    database = server.home / "calldron.sqlite3"
    kept = database.rename(server.home / "kept")
    database.mkdir()
    try:
        answer = page.goto(f"{server.url}/batches/")
        assert answer is not None
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        expect(page.get_by_role("heading", name=SAYS[locale])).to_be_visible()
        pictures.take(page, "database-away")
    finally:
        database.rmdir()
        kept.rename(database)
    assert "unable to open database file" in (server.home / "web.log").read_text(encoding="utf-8")
    answer = page.goto(f"{server.url}/batches/")
    assert answer is not None
    assert answer.status == 200
    page.context.close()
