"""Who did what, for owners to read."""

from django.test import Client
from django.urls import reverse
from support.asked import OWNERS_ONLY, statuses
from support.people import Person

from calldron.services import audit
from calldron.services.audit import WORDS, Action, Actor


def test_who_reads_it(everybody: dict[str, Person | Client], owner: Person, operator: Person, outsider: Person) -> None:
    audit.note(Actor(owner.account, operator.user, "192.0.2.7"), Action.BATCH_STARTED, "Spring <sale>")
    assert statuses(reverse("journal"), **everybody) == OWNERS_ONLY
    page = owner.browser.get(reverse("journal")).content.decode()
    for words in ("started the batch", "Spring &lt;sale&gt;", operator.user.email, "192.0.2.7"):
        assert words in page
    assert "Nothing was done yet" in outsider.browser.get(reverse("journal")).content.decode()


def test_every_deed_has_words() -> None:
    assert set(WORDS) == set(Action)


def test_it_is_read_by_person_and_by_page(owner: Person, operator: Person) -> None:
    audit.note(Actor(owner.account, None), Action.CALLS_ADDED, "the oldest")
    for number in range(60):
        audit.note(Actor(owner.account, operator.user), Action.BATCH_CREATED, f"batch {number}")
    first = owner.browser.get(reverse("journal")).content.decode()
    assert "batch 59" in first
    assert "the oldest" not in first
    second = owner.browser.get(reverse("journal"), {"page": 2}).content.decode()
    assert "the oldest" in second
    assert "a program, by the API key" in second
    of_one = owner.browser.get(reverse("journal"), {"who": "api"}).content.decode()
    assert "the oldest" in of_one
    assert "batch 59" not in of_one
    assert owner.browser.get(reverse("journal"), {"who": "a\0b"}).status_code == 200
    assert "Nothing of this person" in owner.browser.get(reverse("journal"), {"who": "x"}).content.decode()


def test_a_deed_of_a_version_to_come_is_shown_too(owner: Person) -> None:
    audit.note(Actor(owner.account, owner.user), Action.BATCH_CREATED)
    owner.account._meta.apps.get_model("store", "AuditEntry").objects.update(action="moon_landed")
    assert "moon_landed" in owner.browser.get(reverse("journal")).content.decode()
