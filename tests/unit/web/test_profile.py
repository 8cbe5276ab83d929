"""One's own name, password, codes and sessions; for owners the account and its key."""

import base64
import re
import time

import pyotp
import pytest
from django.test import Client
from django.urls import reverse
from support.asked import statuses
from support.people import PASSWORD, Person

from calldron.services import accounts
from calldron.services.audit import Action
from calldron.store.models import Account, AuditEntry, SignedIn, User

NEW = "quite another password"
PROFILE = reverse("profile")


def actions(person: Person) -> list[str]:
    return list(AuditEntry.objects.filter(account=person.account).order_by("id").values_list("action", flat=True))


def another_browser(person: Person) -> Client:
    browser = Client(headers={"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1"})
    browser.force_login(person.user)
    browser.get(PROFILE)
    return browser


def test_everybody_has_one(
    everybody: dict[str, Person | Client], owner: Person, operator: Person, viewer: Person
) -> None:
    assert statuses(PROFILE, **everybody) == {**dict.fromkeys(everybody, 200), "anonymous": 302}
    for person in (operator, viewer):
        page = person.browser.get(PROFILE).content.decode()
        assert "API key" not in page
        assert 'name="time_zone"' not in page
    assert "API key" in owner.browser.get(PROFILE).content.decode()


@pytest.mark.parametrize("view", ["profile-account", "profile-key"])
def test_the_account_and_its_key_are_its_owners(
    view: str, owner: Person, operator: Person, viewer: Person, anonymous: Client
) -> None:
    key = accounts.issue_key(owner.account)
    path, form = reverse(view), {"name": "Ours now", "time_zone": "Asia/Omsk"}
    answers = statuses(path, form, operator=operator, viewer=viewer, anonymous=anonymous)
    assert answers == {"operator": 403, "viewer": 403, "anonymous": 302}
    assert accounts.account_of(key) == owner.account
    assert Account.objects.get(pk=owner.account.pk).name == owner.user.email
    assert owner.browser.get(path).status_code == 405


@pytest.mark.parametrize("view", ["profile", "profile-password", "sessions-end-others", "codes-on", "codes-off"])
def test_strangers_change_nothing(view: str, anonymous: Client) -> None:
    assert anonymous.post(reverse(view), {})["Location"] == reverse("sign-in")


def test_name_and_language(viewer: Person) -> None:
    viewer.browser.post(PROFILE, {"name": "Нина Ёлкина", "language": "ru"})
    viewer.user.refresh_from_db()
    assert (viewer.user.name, viewer.user.language) == ("Нина Ёлкина", "ru")
    page = viewer.browser.get(PROFILE).content.decode()
    assert '<html lang="ru">' in page
    assert "Нина Ёлкина" in page


def test_what_cannot_be_a_name_is_said_beside_it(viewer: Person) -> None:
    page = viewer.browser.post(PROFILE, {"name": "x" * 201, "language": "xx"})
    assert page.status_code == 422
    assert 'id="name-error"' in page.content.decode()
    assert "x" * 201 in page.content.decode()
    viewer.user.refresh_from_db()
    assert viewer.user.name == ""


def test_the_account(owner: Person, outsider: Person) -> None:
    form = {
        "name": "Ромашка",
        "from": "8 495 123-45-67",
        "time_zone": "Asia/Omsk",
        "strict_numbers": "true",
        "quota_day": "2",
        "quota_week": "",
        "quota_month": "9",
    }
    assert owner.browser.post(reverse("profile-account"), form)["Location"] == PROFILE
    account = Account.objects.get(pk=owner.account.pk)
    assert (account.name, account.caller_id, account.time_zone) == ("Ромашка", "+74951234567", "Asia/Omsk")
    assert (account.strict_numbers, account.quota_day, account.quota_week, account.quota_month) == (True, 2, 0, 9)
    assert actions(owner) == [Action.ACCOUNT_CHANGED]
    owner.browser.post(reverse("profile-account"), {**form, "strict_numbers": ""} | {"from": ""})
    del form["strict_numbers"]
    owner.browser.post(reverse("profile-account"), form)
    assert Account.objects.get(pk=owner.account.pk).strict_numbers is False
    assert Account.objects.get(pk=outsider.account.pk).name == outsider.user.email


def test_what_the_account_cannot_be_is_said_beside_it(owner: Person) -> None:
    form = {"name": "", "from": "nonsense", "time_zone": "Mars/Base", "quota_day": "-1"}
    page = owner.browser.post(reverse("profile-account"), form)
    assert page.status_code == 422
    shown = page.content.decode()
    for field in ("account-name", "from", "time_zone", "quota_day"):
        assert f'id="{field}-error"' in shown, field
    assert 'value="Mars/Base"' in shown
    assert actions(owner) == []


def test_a_new_key_is_shown_once_and_the_old_one_refused_at_once(owner: Person) -> None:
    old = accounts.issue_key(owner.account)
    page = owner.browser.post(reverse("profile-key"))
    found = re.search(r'<code id="key">([\w-]+)</code>', page.content.decode())
    assert found
    key = found[1]

    def asked_with(key: str) -> int:
        credentials = base64.b64encode(f"{key}:".encode()).decode()
        return Client().get("/v1/account", headers={"authorization": f"Basic {credentials}"}).status_code

    assert (asked_with(old), asked_with(key)) == (401, 200)
    assert page["Cache-Control"] == "no-store"
    assert key not in owner.browser.get(PROFILE).content.decode()
    assert actions(owner) == [Action.KEY_RESET]
    assert key not in str(list(AuditEntry.objects.values()))


def test_a_new_password_keeps_this_browser_and_ends_the_others(viewer: Person) -> None:
    elsewhere = another_browser(viewer)
    viewer.browser.get(PROFILE)
    before = viewer.browser.cookies["sessionid"].value
    answer = viewer.browser.post(reverse("profile-password"), {"old": PASSWORD, "new": NEW})
    assert answer["Location"] == PROFILE
    assert viewer.browser.get(PROFILE).status_code == 200
    assert viewer.browser.cookies["sessionid"].value != before
    assert elsewhere.get(PROFILE).status_code == 302
    assert [row.session_key for row in SignedIn.objects.all()] == [viewer.browser.cookies["sessionid"].value]
    assert Client().login(username=viewer.user.email, password=NEW)
    assert actions(viewer) == [Action.PASSWORD_CHANGED]


def test_without_the_old_password_there_is_no_new_one(viewer: Person) -> None:
    page = viewer.browser.post(reverse("profile-password"), {"old": "no", "new": NEW})
    assert page.status_code == 422
    assert 'id="old-error"' in page.content.decode()
    for _ in range(4):
        viewer.browser.post(reverse("profile-password"), {"old": "no", "new": NEW})
    locked = viewer.browser.post(reverse("profile-password"), {"old": PASSWORD, "new": NEW})
    assert locked.status_code == 429
    assert "Try again in" in locked.content.decode()
    assert viewer.user.check_password(PASSWORD)


def test_a_weak_new_password_is_refused(viewer: Person) -> None:
    page = viewer.browser.post(reverse("profile-password"), {"old": PASSWORD, "new": "short"})
    assert page.status_code == 422
    assert 'id="new-error"' in page.content.decode()
    assert viewer.browser.get(PROFILE).status_code == 200


# Sessions.


def test_sessions_are_seen_and_ended(viewer: Person) -> None:
    elsewhere = another_browser(viewer)
    page = viewer.browser.get(PROFILE).content.decode()
    assert "Safari on iPhone" in page
    assert page.count("this one") == 1
    other = SignedIn.objects.exclude(session_key=viewer.browser.cookies["sessionid"].value).get()
    viewer.browser.post(reverse("session-end", args=[other.pk]))
    assert elsewhere.get(PROFILE).status_code == 302
    assert "Safari on iPhone" not in viewer.browser.get(PROFILE).content.decode()
    assert actions(viewer) == [Action.SESSION_ENDED]


def test_all_others_are_ended(viewer: Person) -> None:
    others = [another_browser(viewer) for _ in range(3)]
    viewer.browser.get(PROFILE)
    viewer.browser.post(reverse("sessions-end-others"))
    assert [other.get(PROFILE).status_code for other in others] == [302, 302, 302]
    assert viewer.browser.get(PROFILE).status_code == 200


def test_nobody_ends_others_sessions(
    owner: Person, operator: Person, viewer: Person, outsider: Person, administrator: Person, anonymous: Client
) -> None:
    viewer.browser.get(PROFILE)
    path = reverse("session-end", args=[SignedIn.objects.get(user=viewer.user).pk])
    people = {"owner": owner, "operator": operator, "outsider": outsider, "administrator": administrator}
    assert statuses(path, {}, **people, anonymous=anonymous) == {**dict.fromkeys(people, 404), "anonymous": 302}
    assert viewer.browser.get(PROFILE).status_code == 200


# Codes.


def secret_on(page: str) -> str:
    found = re.search(r'class="letters">([A-Z2-7]{32})<', page)
    assert found
    return found[1]


def test_codes_are_turned_on_with_the_authenticator_at_hand(viewer: Person) -> None:
    page = viewer.browser.get(reverse("codes-on")).content.decode()
    secret = secret_on(page)
    assert "<svg" in page
    assert "style=" not in page
    wrong = viewer.browser.post(reverse("codes-on"), {"code": "nonsense"})
    assert wrong.status_code == 422
    assert secret_on(wrong.content.decode()) == secret, "what was scanned is still good"
    viewer.user.refresh_from_db()
    assert viewer.user.totp_secret == ""
    viewer.browser.post(reverse("codes-on"), {"code": pyotp.TOTP(secret).now()})
    viewer.user.refresh_from_db()
    assert viewer.user.totp_secret == secret
    assert viewer.user.totp_counter >= int(time.time()) // 30 - 1, "that code is spent"
    assert viewer.browser.get(reverse("codes-on"))["Location"] == PROFILE
    assert secret not in viewer.browser.get(PROFILE).content.decode()
    assert secret not in str(dict(viewer.browser.session.items()))
    assert actions(viewer) == [Action.TOTP_SET]


def test_codes_are_turned_off_by_the_password(viewer: Person) -> None:
    User.objects.filter(pk=viewer.user.pk).update(totp_secret="A" * 32, totp_counter=1)
    assert viewer.browser.post(reverse("codes-off"), {"password": "no"}).status_code == 422
    viewer.user.refresh_from_db()
    assert viewer.user.totp_secret
    assert viewer.browser.post(reverse("codes-off"), {"password": PASSWORD})["Location"] == PROFILE
    viewer.user.refresh_from_db()
    assert viewer.user.totp_secret == ""
    assert actions(viewer) == [Action.TOTP_REMOVED]
    assert viewer.browser.get(reverse("codes-off"))["Location"] == PROFILE
