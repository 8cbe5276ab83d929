"""The door: who is let in, who is not, and what each is told."""

import re
import time

import pyotp
import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from support.people import PASSWORD, Person

from calldron.services import audit
from calldron.services.audit import Action, Actor
from calldron.store.models import AuditEntry, Batch, Call, Guesses, SignedIn, User

WRONG = "E-mail or password is wrong."
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def try_in(browser: Client, email: str, password: str = PASSWORD, **more: str) -> HttpResponse:
    return browser.post(
        reverse("sign-in"), {"email": email, "password": password, **more}, headers={"accept-language": "en"}
    )


def actions(person: Person) -> list[str]:
    return list(AuditEntry.objects.filter(account=person.account).order_by("id").values_list("action", flat=True))


def test_the_form_is_there_for_strangers(owner: Person, anonymous: Client) -> None:
    page = anonymous.get(reverse("sign-in"))
    assert page.status_code == 200
    assert 'autocomplete="current-password"' in page.content.decode()


def test_the_right_password_lets_in(owner: Person, anonymous: Client) -> None:
    answer = try_in(anonymous, owner.user.email.upper() + " ")
    assert (answer.status_code, answer["Location"]) == (302, reverse("batches"))
    assert anonymous.get(reverse("batches")).status_code == 200
    assert actions(owner) == [Action.SIGNED_IN]


def test_who_is_in_needs_no_form(owner: Person) -> None:
    assert owner.browser.get(reverse("sign-in"))["Location"] == reverse("batches")


def test_the_session_is_another_one_than_before(owner: Person, anonymous: Client) -> None:
    session = anonymous.session
    session["fixed"] = True
    session.save()
    anonymous.cookies["sessionid"] = session.session_key
    try_in(anonymous, owner.user.email)
    assert anonymous.cookies["sessionid"].value != session.session_key
    assert SignedIn.objects.get(user=owner.user).session_key == anonymous.cookies["sessionid"].value


def test_a_wrong_password_and_an_unknown_address_are_told_alike(owner: Person, anonymous: Client) -> None:
    wrong, unknown = try_in(anonymous, owner.user.email, "no"), try_in(anonymous, "nobody@example.org", "no")
    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert WRONG in wrong.content.decode()
    csrf = 'name="csrfmiddlewaretoken" value="'
    pages = []
    for answer, email in ((wrong, owner.user.email), (unknown, "nobody@example.org")):
        lines = answer.content.decode().replace(email, "E").splitlines()
        pages.append([line for line in lines if csrf not in line])
    assert pages[0] == pages[1]


@pytest.mark.parametrize("email", ["owner@example.org", "nobody@example.org"])
def test_a_password_is_hashed_whoever_it_is(
    owner: Person, anonymous: Client, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed = []
    for work in ("encode", "verify"):
        original = getattr(Argon2PasswordHasher, work)
        monkeypatch.setattr(
            Argon2PasswordHasher, work, lambda *given, original=original: (hashed.append(1), original(*given))[1]
        )
    try_in(anonymous, email, "a wrong one")
    assert hashed == [1]


def test_who_was_put_out_of_use_is_not_let_in(owner: Person, anonymous: Client) -> None:
    User.objects.filter(pk=owner.user.pk).update(is_active=False)
    assert WRONG in try_in(anonymous, owner.user.email).content.decode()


@pytest.mark.parametrize("email", ["owner@example.org", "nobody@example.org"])
def test_after_five_nothing_is_looked_at_not_even_the_right_one(owner: Person, anonymous: Client, email: str) -> None:
    for _ in range(5):
        assert try_in(anonymous, email, "no").status_code == 422
    answer = try_in(anonymous, email)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) in (29, 30)
    assert "Try again in" in answer.content.decode()
    assert WRONG not in answer.content.decode()
    assert anonymous.get(reverse("batches")).status_code == 302


def test_a_lock_out_is_in_the_journal(owner: Person, anonymous: Client) -> None:
    for _ in range(5):
        try_in(anonymous, owner.user.email, "no")
    (entry,) = AuditEntry.objects.filter(account=owner.account)
    assert (entry.action, entry.who, entry.address) == (Action.SIGN_IN_LOCKED, owner.user.email, "127.0.0.1")


@pytest.mark.parametrize(
    ("asked", "onward"),
    [
        ("/journal/?who=api", "/journal/?who=api"),
        ("https://evil.example", "/batches/"),
        ("//evil.example/x", "/batches/"),
        ("/\\evil.example", "/batches/"),
        ("javascript:alert(1)", "/batches/"),
        ("evil", "/batches/"),
        ("", "/batches/"),
    ],
)
def test_one_goes_on_to_our_own_pages_alone(owner: Person, anonymous: Client, asked: str, onward: str) -> None:
    assert try_in(anonymous, owner.user.email, next=asked)["Location"] == onward


def test_who_was_sent_to_the_door_comes_back(owner: Person, anonymous: Client) -> None:
    sent = anonymous.get("/journal/?who=api")
    assert sent["Location"] == "/sign-in?next=/journal/%3Fwho%3Dapi"
    assert 'name="next" value="/journal/?who=api"' in anonymous.get(sent["Location"]).content.decode()


def test_a_fragment_sends_its_whole_page_to_the_door(anonymous: Client) -> None:
    answer = anonymous.get(
        reverse("journal"),
        headers={"hx-request": "true", "hx-current-url": "https://calls.example.com/batches/1/?page=2"},
    )
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/sign-in?next=/batches/1/%3Fpage%3D2")


def test_sign_out(owner: Person) -> None:
    assert owner.browser.get(reverse("sign-out")).status_code == 405
    assert owner.browser.post(reverse("sign-out"))["Location"] == reverse("sign-in")
    assert owner.browser.get(reverse("batches")).status_code == 302
    assert not SignedIn.objects.exists()
    assert owner.browser.post(reverse("sign-out")).status_code == 302
    assert actions(owner) == [Action.SIGNED_OUT]


def test_the_door_is_guarded_against_other_sites(owner: Person) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = try_in(browser, owner.user.email)
    assert answer.status_code == 403
    assert "This page is too old" in answer.content.decode()


# Codes.


@pytest.fixture
def careful(owner: Person) -> Person:
    """The owner, with codes turned on and none spent."""
    owner.user.totp_secret = pyotp.random_base32()
    owner.user.save()
    return owner


def code_of(person: Person, steps: int = 0) -> str:
    return pyotp.TOTP(person.user.totp_secret).at(int(time.time()) + 30 * steps)


def half_in(browser: Client, person: Person, onward: str = "/journal/") -> None:
    answer = try_in(browser, person.user.email, next=onward)
    assert answer["Location"] == reverse("sign-in-code")
    assert browser.get(reverse("batches")).status_code == 302


def give(browser: Client, code: str) -> HttpResponse:
    return browser.post(reverse("sign-in-code"), {"code": code}, headers={"accept-language": "en"})


def test_a_code_is_asked_for(careful: Person, anonymous: Client) -> None:
    half_in(anonymous, careful)
    assert "one-time-code" in anonymous.get(reverse("sign-in-code")).content.decode()
    code = code_of(careful)
    assert give(anonymous, f"{code[:3]} {code[3:]}")["Location"] == "/journal/"
    assert anonymous.get(reverse("batches")).status_code == 200
    assert "half" not in str(dict(anonymous.session.items()))
    assert actions(careful) == [Action.SIGNED_IN]


def test_no_code_lets_in_twice(careful: Person, anonymous: Client) -> None:
    half_in(anonymous, careful)
    code = code_of(careful)
    give(anonymous, code)
    again = Client()
    half_in(again, careful)
    answer = give(again, code)
    assert answer.status_code == 422
    assert "was used before" in answer.content.decode()


def test_a_clock_may_be_a_step_apart_and_no_more(careful: Person, anonymous: Client) -> None:
    half_in(anonymous, careful)
    assert give(anonymous, code_of(careful, -3)).status_code == 422
    assert give(anonymous, code_of(careful, 3)).status_code == 422
    assert give(anonymous, code_of(careful, 1)).status_code == 302


def test_codes_are_guesses_too(careful: Person, anonymous: Client) -> None:
    half_in(anonymous, careful)  # the first guess: it is not forgiven before the code is right
    for _ in range(4):
        give(anonymous, "nonsense")
    assert give(anonymous, code_of(careful)).status_code == 429
    assert Action.SIGN_IN_LOCKED in actions(careful)
    assert anonymous.get(reverse("batches")).status_code == 302


def test_without_a_password_there_is_no_code_to_give(careful: Person, anonymous: Client) -> None:
    assert give(anonymous, code_of(careful))["Location"] == reverse("sign-in")


def test_the_password_is_not_good_for_long(careful: Person, anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    half_in(anonymous, careful)
    later = time.time() + 301
    monkeypatch.setattr("calldron.web.pages.sign_in.time.time", lambda: later)
    assert give(anonymous, code_of(careful))["Location"] == reverse("sign-in")


def test_a_new_password_ends_a_sign_in_that_is_half_done(careful: Person, anonymous: Client) -> None:
    half_in(anonymous, careful)
    careful.user.set_password("quite another password")
    careful.user.save()
    assert give(anonymous, code_of(careful))["Location"] == reverse("sign-in")


# Language.


def test_strangers_have_their_language_in_a_cookie(owner: Person, anonymous: Client) -> None:
    answer = anonymous.post(reverse("language"), {"language": "ru", "next": "/sign-in?next=/journal/"})
    assert answer["Location"] == "/sign-in?next=/journal/"
    assert '<html lang="ru">' in anonymous.get(reverse("sign-in")).content.decode()


def test_people_have_it_wherever_they_sign_in(owner: Person) -> None:
    owner.browser.post(reverse("language"), {"language": "ru", "next": reverse("journal")})
    owner.user.refresh_from_db()
    assert owner.user.language == "ru"
    assert '<html lang="ru">' in owner.browser.get(reverse("journal")).content.decode()


def test_there_is_no_third_language(owner: Person) -> None:
    answer = owner.browser.post(reverse("language"), {"language": "xx", "next": "//evil.example"})
    assert answer["Location"] == reverse("batches")
    owner.user.refresh_from_db()
    assert owner.user.language == "en"


def test_the_switch_is_on_every_page_and_leads_back(owner: Person, anonymous: Client) -> None:
    for page in (anonymous.get("/sign-in?next=/x"), owner.browser.get("/journal/?who=api")):
        shown = page.content.decode()
        assert f'name="next" value="{page.wsgi_request.get_full_path()}"' in shown
        assert re.search(r'value="ru" lang="ru"[^>]*>Русский<', shown)
        assert re.search(r'value="en" lang="en"[^>]*>English<', shown)


# Behind the door.


def test_a_session_is_written_down_at_most_once_a_minute(owner: Person) -> None:
    owner.browser.get(reverse("journal"), headers={"user-agent": AGENT})
    seen = SignedIn.objects.get()
    owner.browser.get(reverse("journal"), headers={"user-agent": AGENT})
    assert SignedIn.objects.get().seen_at == seen.seen_at
    SignedIn.objects.update(seen_at=seen.created_at.replace(year=2020))
    owner.browser.get(reverse("journal"), headers={"user-agent": AGENT})
    assert SignedIn.objects.get().seen_at > seen.created_at.replace(year=2021)
    assert SignedIn.objects.get().agent == AGENT


@pytest.mark.parametrize("view", ["batch-live", "call-live", "trial-call"])
def test_a_page_that_is_left_open_does_not_use_the_session(administrator: Person, view: str) -> None:
    batch = Batch.objects.create(account=administrator.account, only_trunk=1)  # as a test call has it
    made = {"number": "+79991110001", "created_at": administrator.account.created_at}
    call = Call.objects.create(batch=batch, account=administrator.account, **made)
    administrator.browser.get(reverse("batch", args=[batch.pk]))
    long_ago = administrator.account.created_at.replace(year=2020)
    SignedIn.objects.update(seen_at=long_ago)
    place = reverse(view, args=[batch.pk] if view == "batch-live" else [batch.pk, call.pk])
    with CaptureQueriesContext(connection) as asked:
        assert administrator.browser.get(place).status_code == 200
    assert not [query for query in asked.captured_queries if "store_signedin" in query["sql"]]
    assert SignedIn.objects.get().seen_at == long_ago


def test_what_is_over_is_tidied_away(owner: Person, anonymous: Client) -> None:
    Guesses.objects.create(subject="user:x", last_at=owner.account.created_at.replace(year=2020))
    owner.browser.get(reverse("journal"))
    owner.browser.session.delete()
    try_in(anonymous, owner.user.email)
    assert SignedIn.objects.count() == 1
    assert not Guesses.objects.filter(subject="user:x").exists()


def test_a_program_is_in_the_journal_by_its_name(owner: Person) -> None:
    audit.note(Actor(owner.account, None, program="console"), Action.TOTP_REMOVED)
    assert "who keeps this installation" in owner.browser.get(reverse("journal")).content.decode()
