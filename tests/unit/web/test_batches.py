"""The list of batches, and what is done to one: who sees and may do what."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from support.people import Person

from calldron.store.models import AuditEntry, Batch, Call
from calldron.web.templatetags.batches import hours

SWITCHES = {"start": "running", "pause": "paused", "resume": "running", "stop": "stopped"}
BEFORE = {"start": "fresh", "pause": "running", "resume": "paused", "stop": "running"}


def batch(of: Person, **fields: object) -> Batch:
    return Batch.objects.create(account=of.account, **{"name": "Reminders", **fields})


def listing(who: Person, query: str = "") -> str:
    response = who.browser.get(f"/batches/{query}")
    assert response.status_code == 200
    return response.content.decode()


def noted() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "subject"))


def test_a_first_visit_says_what_to_do(owner: Person, viewer: Person) -> None:
    page = listing(owner)
    assert page.count("<li>") >= 3
    assert reverse("batch-new") in page
    assert reverse("batch-new") not in listing(viewer)


def test_it_shows_state_progress_hours_and_the_newest_first(owner: Person, outsider: Person) -> None:
    batch(owner, name="Old one")
    batch(owner, name="New <one>", state="running", total=1200, unfinished=300, minute_from=540, minute_to=1260)
    batch(outsider, name="Not yours")
    page = listing(owner)
    assert page.index("New &lt;one&gt;") < page.index("Old one")
    assert "badge-running" in page
    assert "900 of 1,200" in page or "900 of 1200" in page
    assert '<progress value="900" max="1200"' in page
    assert "09:00–21:00" in page
    assert "Not yours" not in page


def test_people_see_the_buttons_they_may_press(owner: Person, operator: Person, viewer: Person) -> None:
    paused = batch(owner, state="paused")
    for person in (owner, operator):
        page = listing(person)
        assert reverse("batch-resume", args=[paused.pk]) in page
        assert reverse("batch-stop", args=[paused.pk]) in page
        assert reverse("batch-start", args=[paused.pk]) not in page
        assert reverse("batch-pause", args=[paused.pk]) not in page
    page = listing(viewer)
    assert "Reminders" in page
    for what in ("resume", "stop", "edit", "delete", "duplicate"):
        assert reverse(f"batch-{what}", args=[paused.pk]) not in page


def test_a_batch_that_is_over_has_no_switches(owner: Person) -> None:
    over = batch(owner, state="stopped")
    page = listing(owner)
    for what in SWITCHES:
        assert reverse(f"batch-{what}", args=[over.pk]) not in page
    assert reverse("batch-duplicate", args=[over.pk]) in page


def test_the_search(owner: Person) -> None:
    batch(owner, name="Напоминания")
    batch(owner, name="Debts")
    page = listing(owner, "?name=напом")
    assert "Напоминания" in page
    assert "Debts" not in page
    nothing = listing(owner, "?name=<b>")
    assert "&lt;b&gt;" in nothing
    assert "Debts" not in nothing


def test_fifty_a_page(owner: Person) -> None:
    for number in range(51):
        batch(owner, name=f"number {number}.")
    first, second = listing(owner, "?name=number"), listing(owner, "?name=number&page=2")
    assert "number 50." in first
    assert "number 0." not in first
    assert "?name=number&amp;page=2" in first
    assert "number 0." in second
    assert "?name=number&amp;page=1" in second
    assert "?name=number&amp;page=2" in listing(owner, "?name=number&page=999")


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "1&page=2", ""])
def test_any_page_number_is_answered(owner: Person, page: str) -> None:
    batch(owner)
    listing(owner, f"?page={page}")


@pytest.mark.parametrize("way", SWITCHES)
def test_operators_switch(operator: Person, way: str) -> None:
    one = batch(operator, state=BEFORE[way], total=1, unfinished=1)
    response = operator.browser.post(reverse(f"batch-{way}", args=[one.pk]), {"next": "/batches/?page=2"})
    assert response["Location"] == "/batches/?page=2"
    one.refresh_from_db()
    assert one.state == SWITCHES[way]
    actions = {"start": "started", "pause": "paused", "resume": "resumed", "stop": "stopped"}
    assert noted() == [(f"batch_{actions[way]}", "Reminders")]


def test_a_repeated_switch_is_noted_once(operator: Person) -> None:
    one = batch(operator)
    for _ in range(2):
        operator.browser.post(reverse("batch-start", args=[one.pk]))
    assert noted() == [("batch_started", "Reminders")]


def test_what_is_not_legal_is_said(operator: Person) -> None:
    one = batch(operator, state="stopped")
    response = operator.browser.post(reverse("batch-start", args=[one.pk]), {"next": "/batches/"}, follow=True)
    assert "stopped for good" in response.content.decode()
    assert noted() == []


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org/", "javascript:alert(1)", ""])
def test_a_switch_never_leads_elsewhere(operator: Person, elsewhere: str) -> None:
    one = batch(operator)
    response = operator.browser.post(reverse("batch-start", args=[one.pk]), {"next": elsewhere})
    assert response["Location"] == reverse("batch", args=[one.pk])


def test_stopping_asks_and_says_that_it_is_final(operator: Person) -> None:
    one = batch(operator, state="running", total=3, unfinished=2)
    page = operator.browser.get(reverse("batch-stop", args=[one.pk])).content.decode()
    assert "2 calls" in page
    assert "started again" in page
    one.refresh_from_db()
    assert one.state == "running"


def test_deleting_names_what_goes(operator: Person) -> None:
    one = batch(operator, total=2)
    for recording in ("", "1/2.mp3"):
        Call.objects.create(
            batch=one,
            account=operator.account,
            number="+79991110001",
            status="answered",
            recording=recording,
            created_at=datetime.now(UTC),
        )
    with CaptureQueriesContext(connection) as asked:
        page = operator.browser.get(reverse("batch-delete", args=[one.pk])).content.decode()
    assert "2 calls with their history and recordings" in page
    assert not [query for query in asked.captured_queries if "store_call" in query["sql"]]  # there may be a million
    assert Batch.objects.count() == 1
    assert operator.browser.post(reverse("batch-delete", args=[one.pk]))["Location"] == "/batches/"
    assert not Batch.objects.exists()
    assert noted() == [("batch_deleted", "Reminders")]


def test_a_duplicate_is_opened_to_be_changed(operator: Person) -> None:
    one = batch(operator, attempts=5, state="finished")
    response = operator.browser.post(reverse("batch-duplicate", args=[one.pk]))
    copy = Batch.objects.get(name="Copy of Reminders")
    assert response["Location"] == reverse("batch-edit", args=[copy.pk])
    assert (copy.attempts, copy.state) == (5, "fresh")
    assert noted() == [("batch_created", "Copy of Reminders")]


@pytest.mark.parametrize("what", [*SWITCHES, "duplicate", "delete"])
def test_who_may_do_it(
    owner: Person, viewer: Person, outsider: Person, administrator: Person, anonymous: Client, what: str
) -> None:
    one = batch(owner, state=BEFORE.get(what, "fresh"), total=1, unfinished=1)
    place = reverse(f"batch-{what}", args=[one.pk])
    assert anonymous.post(place)["Location"].startswith("/sign-in")
    assert viewer.browser.post(place).status_code == 403
    assert outsider.browser.post(place).status_code == 404
    assert Batch.objects.get().state == one.state
    assert noted() == []
    assert administrator.browser.post(place).status_code == 302
    assert len(noted()) == 1


@pytest.mark.parametrize("what", ["start", "pause", "resume", "duplicate"])
def test_a_link_changes_nothing(owner: Person, what: str) -> None:
    one = batch(owner)
    assert owner.browser.get(reverse(f"batch-{what}", args=[one.pk])).status_code == 405


@pytest.mark.parametrize("what", ["stop", "delete"])
def test_who_is_asked(owner: Person, viewer: Person, outsider: Person, anonymous: Client, what: str) -> None:
    place = reverse(f"batch-{what}", args=[batch(owner).pk])
    assert owner.browser.get(place).status_code == 200
    assert viewer.browser.get(place).status_code == 403
    assert outsider.browser.get(place).status_code == 404
    assert anonymous.get(place).status_code == 302


def test_the_list_is_everybody_s_of_the_account(
    owner: Person, operator: Person, viewer: Person, outsider: Person, administrator: Person, anonymous: Client
) -> None:
    batch(owner)
    for person in (owner, operator, viewer, administrator):
        assert "Reminders" in listing(person)
    assert "Reminders" not in listing(outsider)
    assert anonymous.get("/batches/")["Location"] == "/sign-in?next=/batches/"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"minute_from": 540, "minute_to": 1260}, "09:00–21:00 · Europe/Moscow"),
        ({"minute_from": 0, "minute_to": 0}, "around the clock · Europe/Moscow"),
        ({}, "at any hour"),
        ({"minute_from": 540, "minute_to": 1080, "time_zone": "callee"}, "09:00–18:00 · by the clock of each number"),
        (
            {
                "minute_from": 540,
                "minute_to": 1080,
                "days": {"fri": "09:00-16:00", "sat": False, "sun": False, "holidays": ["RU"]},
            },
            "09:00–18:00 · Mon–Fri · Fri 09:00–16:00 · not on holidays · Europe/Moscow",
        ),
        ({"days": {"wed": False, "sun": False}}, "at any hour · Mon, Tue, Thu–Sat · Europe/Moscow"),
        (
            {"days": dict.fromkeys(("tue", "wed", "thu", "fri", "sat", "sun"), False)},
            "at any hour · Mon · Europe/Moscow",
        ),
    ],
)
def test_hours_in_words(fields: dict[str, object], words: str) -> None:
    assert hours(Batch(**fields)) == words
