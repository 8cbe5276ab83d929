"""Mail to people. Until there is a server for it (``CALLDRON_SMTP_URL``) its text is in the log of the web server: who
keeps the installation can pass it on."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from smtplib import SMTPException

from django.core.mail import EmailMessage, send_mail
from django.core.mail.backends.base import BaseEmailBackend

log = logging.getLogger(__name__)

_sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def send(to: str, subject: str, text: str) -> bool:
    """Whether it left; the log says why not, and what it was."""
    try:
        return send_mail(subject, text, None, [to]) == 1
    except (SMTPException, OSError) as error:
        log.error("mail was not taken", extra={"to": to, "error": str(error)})
        return False


def send_unseen(to: str, subject: str, text: str) -> None:
    """The same, but nobody can tell by the time of an answer whether there was mail to send."""
    _sender.submit(send, to, subject, text)


class InTheLog(BaseEmailBackend):
    """Django's way out for mail, where there is none."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write them down: none is sent."""
        for message in email_messages:
            said = {"to": message.to, "subject": message.subject, "text": message.body}
            log.warning("mail is not sent, CALLDRON_SMTP_URL is not set", extra=said)
        return 0
