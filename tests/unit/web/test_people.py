"""Who is in the account, who is invited, and who may say so."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from support.asked import OWNERS_ONLY, statuses
from support.people import PASSWORD, Person, colleague, signed_in

from calldron.domain.access import Access
from calldron.services import accounts, invitations
from calldron.services.audit import Action
from calldron.store.models import Account, AuditEntry, Invitation, SignedIn, User

NEWCOMER = "new@example.org"
LINK = re.compile(r"http://[^\s<]+(/join/[\w-]+)")


def entries(person: Person) -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(account=person.account).order_by("id")
    return [(entry.who, entry.action, entry.subject) for entry in found]


def invite(by: Person, access: str = "viewer", email: str = NEWCOMER) -> str:
    """The path of the link that is shown."""
    page = by.browser.post(reverse("people-invite"), {"email": email, "access": access})
    assert page.status_code == 200
    found = LINK.search(page.content.decode())
    assert found
    return found[1]


def test_who_sees_people(
    everybody: dict[str, Person | Client], owner: Person, operator: Person, outsider: Person
) -> None:
    assert statuses(reverse("people"), **everybody) == OWNERS_ONLY
    assert operator.user.email in owner.browser.get(reverse("people")).content.decode()
    assert operator.user.email not in outsider.browser.get(reverse("people")).content.decode()


@pytest.mark.parametrize("view", ["person-access", "person-remove", "person-codes-off"])
def test_who_changes_people(
    view: str, owner: Person, operator: Person, viewer: Person, outsider: Person, anonymous: Client
) -> None:
    path = reverse(view, args=[viewer.user.pk])
    others = statuses(
        path, {"access": "owner"}, outsider=outsider, operator=operator, viewer=viewer, anonymous=anonymous
    )
    assert others == {"outsider": 404, "operator": 403, "viewer": 403, "anonymous": 302}
    assert User.objects.get(pk=viewer.user.pk).access == Access.VIEWER
    assert statuses(path, owner=owner) == {"owner": 405}
    assert statuses(path, {"access": "operator"}, owner=owner) == {"owner": 302}


def test_who_invites(owner: Person, operator: Person, viewer: Person, outsider: Person, anonymous: Client) -> None:
    path, form = reverse("people-invite"), {"email": NEWCOMER, "access": "owner"}
    assert statuses(path, form, operator=operator, viewer=viewer, anonymous=anonymous) == {
        "operator": 403,
        "viewer": 403,
        "anonymous": 302,
    }
    assert not Invitation.objects.exists()
    invite(owner)
    waiting = reverse("invitation-take-back", args=[Invitation.objects.get().pk])
    assert statuses(waiting, {}, outsider=outsider, operator=operator, viewer=viewer, anonymous=anonymous) == {
        "outsider": 404,
        "operator": 403,
        "viewer": 403,
        "anonymous": 302,
    }
    assert Invitation.objects.exists()


def test_access_changes_at_the_next_request(owner: Person, operator: Person) -> None:
    owner.browser.post(reverse("person-access", args=[operator.user.pk]), {"access": "owner"})
    assert operator.browser.get(reverse("people")).status_code == 200
    assert entries(owner) == [(owner.user.email, Action.PERSON_CHANGED, operator.user.email)]


def test_there_is_always_an_owner(owner: Person, operator: Person) -> None:
    page = owner.browser.post(reverse("person-access", args=[owner.user.pk]), {"access": "viewer"}, follow=True)
    assert f"{owner.user.email} is the only owner" in page.content.decode()
    second = colleague(owner, Access.OWNER, "second@example.org")
    owner.browser.post(reverse("person-access", args=[owner.user.pk]), {"access": "viewer"})
    assert User.objects.get(pk=owner.user.pk).access == Access.VIEWER
    second.browser.post(reverse("person-access", args=[second.user.pk]), {"access": "viewer"})
    assert User.objects.get(pk=second.user.pk).access == Access.OWNER


def test_who_is_removed_is_out_at_once(owner: Person, operator: Person) -> None:
    operator.browser.get(reverse("batches"))
    assert SignedIn.objects.filter(user=operator.user).exists()
    owner.browser.post(reverse("person-remove", args=[operator.user.pk]))
    assert operator.browser.get(reverse("batches")).status_code == 302
    assert not User.objects.filter(pk=operator.user.pk).exists()
    assert entries(owner) == [(owner.user.email, Action.PERSON_REMOVED, operator.user.email)]


def test_nobody_removes_themselves(owner: Person) -> None:
    colleague(owner, Access.OWNER, "second@example.org")
    page = owner.browser.post(reverse("person-remove", args=[owner.user.pk]), follow=True)
    assert "You can&#x27;t remove yourself" in page.content.decode()
    assert User.objects.filter(pk=owner.user.pk).exists()


@pytest.mark.parametrize("view", ["person-access", "person-remove", "person-codes-off"])
def test_who_keeps_the_installation_is_not_an_owners_to_change(view: str, owner: Person, administrator: Person) -> None:
    page = owner.browser.post(reverse(view, args=[administrator.user.pk]), {"access": "viewer"}, follow=True)
    assert "keeps this installation" in page.content.decode()
    assert User.objects.get(pk=administrator.user.pk).access == Access.OWNER


def test_an_owner_lets_in_who_lost_the_authenticator(owner: Person, operator: Person) -> None:
    User.objects.filter(pk=operator.user.pk).update(totp_secret="A" * 32, totp_counter=7)
    assert "turn off" in owner.browser.get(reverse("people")).content.decode()
    owner.browser.post(reverse("person-codes-off", args=[operator.user.pk]))
    operator.user.refresh_from_db()
    assert (operator.user.totp_secret, operator.user.totp_counter) == ("", 0)
    assert entries(owner) == [(owner.user.email, Action.TOTP_REMOVED, operator.user.email)]


def test_a_colleague_joins_by_the_link_once(owner: Person, anonymous: Client) -> None:
    path = invite(owner, "operator")
    (letter,) = mail.outbox
    assert letter.to == [NEWCOMER]
    assert path in letter.body
    assert path.rsplit("/", 1)[1] not in str(Invitation.objects.values())
    assert f"You will sign in as {NEWCOMER}" in anonymous.get(path, headers={"accept-language": "en"}).content.decode()
    answer = anonymous.post(path, {"name": "Нина", "password": PASSWORD}, headers={"accept-language": "ru"})
    assert answer["Location"] == reverse("batches")
    assert anonymous.get(reverse("batches")).status_code == 200
    person = User.objects.get(email=NEWCOMER)
    assert (person.account, person.access, person.name, person.language) == (owner.account, "operator", "Нина", "ru")
    assert entries(owner) == [
        (owner.user.email, Action.PERSON_INVITED, NEWCOMER),
        (NEWCOMER, Action.PERSON_JOINED, ""),
        (NEWCOMER, Action.SIGNED_IN, ""),
    ]
    again = Client()
    assert again.get(path).status_code == 404
    assert again.post(path, {"name": "x", "password": PASSWORD}).status_code == 404
    assert User.objects.filter(email=NEWCOMER).count() == 1


def test_a_link_lives_a_week(owner: Person, anonymous: Client) -> None:
    path = invite(owner)
    waiting = Invitation.objects.get()
    assert (waiting.expires_at - waiting.created_at).days == 7
    Invitation.objects.update(expires_at=waiting.created_at)
    assert anonymous.get(path).status_code == 404
    assert NEWCOMER not in owner.browser.get(reverse("people")).content.decode()


def test_a_link_is_taken_back(owner: Person, anonymous: Client) -> None:
    path = invite(owner)
    assert NEWCOMER in owner.browser.get(reverse("people")).content.decode()
    owner.browser.post(reverse("invitation-take-back", args=[Invitation.objects.get().pk]))
    assert anonymous.get(path).status_code == 404
    assert entries(owner)[-1] == (owner.user.email, Action.INVITATION_REMOVED, NEWCOMER)


def test_a_second_invitation_ends_the_first(owner: Person, anonymous: Client) -> None:
    first, second = invite(owner), invite(owner)
    assert anonymous.get(first).status_code == 404
    assert anonymous.get(second).status_code == 200


@pytest.mark.parametrize("email", ["owner@example.org", "nonsense", ""])
def test_what_cannot_be_invited_is_said_beside_the_field(owner: Person, email: str) -> None:
    page = owner.browser.post(reverse("people-invite"), {"email": email, "access": "owner"})
    assert page.status_code == 422
    assert 'id="email-error"' in page.content.decode()
    assert f'value="{email}"' in page.content.decode()
    assert not Invitation.objects.exists()


def test_the_password_has_to_be_hard_to_guess(owner: Person, anonymous: Client) -> None:
    path = invite(owner)
    page = anonymous.post(path, {"name": "Nina", "password": "short"}, headers={"accept-language": "en"})
    assert page.status_code == 422
    assert 'id="password-error"' in page.content.decode()
    assert 'value="Nina"' in page.content.decode()
    assert not User.objects.filter(email=NEWCOMER).exists()


def test_who_joined_elsewhere_meanwhile_is_told(owner: Person, anonymous: Client) -> None:
    path = invite(owner)
    accounts.create_user(NEWCOMER, PASSWORD)
    page = anonymous.post(path, {"name": "x", "password": PASSWORD}, headers={"accept-language": "en"})
    assert page.status_code == 422
    assert f"There is a user {NEWCOMER} already." in page.content.decode()
    assert anonymous.get(path).status_code == 200


def test_by_the_keepers_link_one_makes_an_account(db: None, anonymous: Client) -> None:
    accounts.create_user("first@example.org", PASSWORD)
    link = invitations.invite_owner(NEWCOMER)
    path = link.removeprefix("http://127.0.0.1:8000")
    anonymous.post(path, {"name": "Nina", "password": PASSWORD}, headers={"accept-language": "en"})
    person = User.objects.get(email=NEWCOMER)
    assert (person.access, person.account.name) == (Access.OWNER, NEWCOMER)
    assert not person.is_superuser
    assert Account.objects.count() == 2
    page = signed_in(person).browser.get(reverse("profile")).content.decode()
    assert "There is none yet" in page
