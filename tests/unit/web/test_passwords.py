"""A forgotten password: nothing tells who is known here, and the link does its work once."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from peers.ports import wait_until
from support import people
from support.people import PASSWORD, Person

from calldron.services.audit import Action
from calldron.store.models import AuditEntry, Guesses, SignedIn, User

NEW = "quite another password"
ENGLISH = {"accept-language": "en"}


def link_for(browser: Client, email: str) -> str:
    """Of the letter, once it is there: it is sent after the answer."""
    browser.post(reverse("password-reset"), {"email": email})
    wait_until(lambda: bool(mail.outbox), "the letter", 10)
    found = re.search(r"http://127\.0\.0\.1:8000(/password/new/\S+)", str(mail.outbox.pop().body))
    assert found
    return found[1]


def test_a_new_password_by_mail(owner: Person, anonymous: Client) -> None:
    owner.browser.get(reverse("batches"))
    path = link_for(anonymous, " Owner@Example.org")
    assert owner.user.email in anonymous.get(path, headers=ENGLISH).content.decode()
    answer = anonymous.post(path, {"password": NEW})
    assert answer["Location"] == reverse("sign-in")
    owner.user.refresh_from_db()
    assert owner.user.check_password(NEW)
    assert owner.browser.get(reverse("batches")).status_code == 302, "whoever was in is out"
    assert not SignedIn.objects.exists()
    assert anonymous.get(path).status_code == 404, "once"
    assert AuditEntry.objects.get(account=owner.account).action == Action.PASSWORD_CHANGED
    entered = anonymous.post(reverse("sign-in"), {"email": owner.user.email, "password": NEW})
    assert entered["Location"] == reverse("batches")


def test_it_does_not_sign_in_past_the_code(owner: Person, anonymous: Client) -> None:
    User.objects.filter(pk=owner.user.pk).update(totp_secret="A" * 32)
    anonymous.post(link_for(anonymous, owner.user.email), {"password": NEW})
    assert anonymous.get(reverse("batches")).status_code == 302
    entered = anonymous.post(reverse("sign-in"), {"email": owner.user.email, "password": NEW})
    assert entered["Location"] == reverse("sign-in-code")


def test_an_unknown_address_is_answered_alike(owner: Person, anonymous: Client) -> None:
    pages = []
    for email in (owner.user.email, "nobody@example.org"):
        page = anonymous.post(reverse("password-reset"), {"email": email}, headers=ENGLISH)
        lines = page.content.decode().replace(email, "E").splitlines()
        pages.append((page.status_code, [line for line in lines if "csrfmiddlewaretoken" not in line]))
    assert pages[0] == pages[1]
    wait_until(lambda: bool(mail.outbox), "the letter", 10)
    assert [letter.to for letter in mail.outbox] == [[owner.user.email]]


def test_who_was_put_out_of_use_gets_no_letter(owner: Person, anonymous: Client) -> None:
    User.objects.filter(pk=owner.user.pk).update(is_active=False)
    anonymous.post(reverse("password-reset"), {"email": owner.user.email})
    link_for(anonymous, people.owner("another@example.org").user.email)  # letters leave in their order
    assert mail.outbox == []


def test_nobodys_mailbox_is_filled(owner: Person, anonymous: Client) -> None:
    for _ in range(3):
        assert anonymous.post(reverse("password-reset"), {"email": owner.user.email}).status_code == 200
    answer = anonymous.post(reverse("password-reset"), {"email": owner.user.email}, headers=ENGLISH)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) in (29, 30)
    wait_until(lambda: len(mail.outbox) == 3, "three letters", 10)


def test_the_letter_is_in_its_readers_language(owner: Person, anonymous: Client) -> None:
    anonymous.post(reverse("password-reset"), {"email": owner.user.email}, headers={"accept-language": "ru"})
    wait_until(lambda: bool(mail.outbox), "the letter", 10)
    assert mail.outbox[0].subject == "A new password for Calldron"


def test_a_weak_one_is_refused_and_the_link_stays(owner: Person, anonymous: Client) -> None:
    path = link_for(anonymous, owner.user.email)
    page = anonymous.post(path, {"password": "password"}, headers=ENGLISH)
    assert page.status_code == 422
    assert 'id="password-error"' in page.content.decode()
    assert anonymous.get(path).status_code == 200
    owner.user.refresh_from_db()
    assert owner.user.check_password(PASSWORD)


def test_a_link_works_for_a_day(owner: Person, anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.tokens import PasswordResetTokenGenerator

    path = link_for(anonymous, owner.user.email)
    original = PasswordResetTokenGenerator._now
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: original(self) + timedelta(hours=25))
    page = anonymous.get(path, headers=ENGLISH)
    assert page.status_code == 404
    assert "does not work any more" in page.content.decode()


@pytest.mark.parametrize("path", ["/password/new/MQ/abc-def", "/password/new/%D1%84/x", "/password/new/LTE/x"])
def test_a_made_up_link_is_nothing(owner: Person, anonymous: Client, path: str) -> None:
    assert anonymous.get(path).status_code == 404
    assert anonymous.post(path, {"password": NEW}).status_code == 404


def test_a_new_password_ends_the_wait_for_guessing(owner: Person, anonymous: Client) -> None:
    for _ in range(5):
        anonymous.post(reverse("sign-in"), {"email": owner.user.email, "password": "no"})
    anonymous.post(link_for(anonymous, owner.user.email), {"password": NEW})
    assert not Guesses.objects.filter(subject=f"user:{owner.user.email}").exists()
    entered = anonymous.post(reverse("sign-in"), {"email": owner.user.email, "password": NEW})
    assert entered.status_code == 302
