"""Mail, with a mail server of our own on loopback."""

from collections.abc import Iterator
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.test import override_settings
from peers.ports import HOST, free_port

from calldron import smtp
from calldron.services import mail


class Mailbox:
    """Keeps what it is sent, unless it is full."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []
        self.full = False

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.full:
            return "452 4.2.2 The mailbox is full"
        self.letters.append(envelope)
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box, port = Mailbox(), free_port()
    server = Controller(box, hostname=HOST, port=port)
    server.start()
    with override_settings(
        **smtp.settings_of(f"smtp://{HOST}:{port}"), DEFAULT_FROM_EMAIL="Calldron <calls@example.com>"
    ):
        yield box
    server.stop()


def test_a_letter_arrives(mailbox: Mailbox) -> None:
    assert mail.send("nina@example.org", "Новый пароль", "Ссылка:\nhttp://127.0.0.1/x")
    (envelope,) = mailbox.letters
    assert (envelope.mail_from, envelope.rcpt_tos) == ("calls@example.com", ["nina@example.org"])
    assert isinstance(envelope.content, bytes)
    letter = message_from_bytes(envelope.content, policy=policy.default)
    assert letter["subject"] == "Новый пароль"
    assert letter["from"] == "Calldron <calls@example.com>"
    assert "http://127.0.0.1/x" in letter.get_content()


def test_what_is_not_taken_is_told(mailbox: Mailbox, caplog: pytest.LogCaptureFixture) -> None:
    mailbox.full = True
    assert not mail.send("nina@example.org", "x", "y")
    assert "mail was not taken" in caplog.text


def test_a_server_that_is_not_there_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(**smtp.settings_of(f"smtp://{HOST}:{free_port()}")):
        assert not mail.send("nina@example.org", "x", "y")
    assert "mail was not taken" in caplog.text


def test_a_password_is_not_sent_where_tls_cannot_be_had(mailbox: Mailbox) -> None:
    """The server has no STARTTLS: as one has whose answer somebody on the way has changed."""
    with override_settings(**smtp.settings_of(f"smtp://me:s3cret@{HOST}:{settings.EMAIL_PORT}")):
        assert not mail.send("nina@example.org", "x", "y")
    assert mailbox.letters == []


def test_without_a_server_the_letter_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with override_settings(**smtp.settings_of("")):
        assert not mail.send("nina@example.org", "A new password", "http://127.0.0.1/password/new/x")
    (line,) = caplog.records
    assert vars(line)["text"] == "http://127.0.0.1/password/new/x"
