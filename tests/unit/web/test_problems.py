"""What goes wrong here is told on a page and in the log."""

import pytest
from django.db import OperationalError
from support.people import Person


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [(ZeroDivisionError("odd"), 500, "It is in the log of the web server"), (OperationalError("odd"), 503, "database")],
)
def test_a_page_that_breaks(
    owner: Person,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    says: str,
) -> None:
    def broken(*_given: object) -> object:
        raise error

    monkeypatch.setattr("calldron.services.sessions.seen", broken)
    owner.browser.raise_request_exception = False
    answer = owner.browser.get("/batches/")
    assert answer.status_code == status
    assert says in answer.content.decode()
    assert "odd" in caplog.text
