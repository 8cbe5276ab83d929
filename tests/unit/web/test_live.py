"""The page of a batch as it runs, as everybody sees it."""

import re

import pytest
from django.test import Client
from django.utils import timezone
from support import call_rows
from support.people import Person

from calldron.domain.rule import Rule
from calldron.store.models import Batch, Call, User
from calldron.web import fragments
from calldron.web.pages import live


@pytest.fixture(autouse=True)
def always_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests change rows behind the pages' back, and ask more often than pages do."""
    monkeypatch.setattr(fragments, "_pace", fragments.Pace(1_000_000))
    monkeypatch.setattr(live, "_memo", live.Memo(clock=iter(range(10_000)).__next__))


@pytest.fixture
def batch(owner: Person) -> Batch:
    """Running, with a call of each kind."""
    made = call_rows.batch(owner.account)
    over = call_rows.trunk()
    call_rows.dialer()
    call_rows.waiting(made)
    call_rows.up(made, answered=True, over=over)
    call_rows.ended(made, result="confirmed", over=over)
    call_rows.ended(made, "+79990000004", "busy", over=over)
    return made


def page(person: Person, batch: Batch) -> str:
    answer = person.browser.get(f"/batches/{batch.pk}/")
    assert answer.status_code == 200
    return words(answer.content.decode())


def words(html: str) -> str:
    """What a person reads of it."""
    return " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", html, flags=re.S).split())


def test_everybody_of_the_account_sees_it_and_nobody_else(
    owner: Person,
    operator: Person,
    viewer: Person,
    administrator: Person,
    outsider: Person,
    anonymous: Client,
    batch: Batch,
) -> None:
    for place in (f"/batches/{batch.pk}/", f"/batches/{batch.pk}/live"):
        for person in (owner, operator, viewer, administrator):
            assert person.browser.get(place).status_code == 200
        assert outsider.browser.get(place).status_code == 404
        assert anonymous.get(place).status_code == 302
        assert owner.browser.post(place).status_code in (200, 403, 405)


def test_it_says_what_the_batch_does(owner: Person, batch: Batch) -> None:
    read = page(owner, batch)
    assert "Dialling: 1 up, 1 waiting." in read
    assert "2 of 4 calls are over, 50.0%" in read
    assert "Calls up now 1" in read
    assert "Answered 2 66.7%" in read
    assert "Confirmed 1 50.0%" in read
    assert "Mean talk 0:16" in read
    assert re.search(r"\+7.999.000-00-02 Client talks", read)


def test_who_only_looks_is_offered_nothing_to_press(viewer: Person, operator: Person, batch: Batch) -> None:
    assert "<button" not in viewer.browser.get(f"/batches/{batch.pk}/live").content.decode()
    assert 'form="pause"' in operator.browser.get(f"/batches/{batch.pk}/live").content.decode()


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("fresh", ["start", "start"]),
        ("running", ["pause"]),
        ("paused", ["resume", "resume"]),
        ("finished", ["duplicate"]),
        ("stopped", ["duplicate"]),
    ],
)
def test_what_can_be_done_goes_by_the_state(operator: Person, batch: Batch, state: str, buttons: list[str]) -> None:
    Batch.objects.filter(pk=batch.pk).update(state=state)
    html = operator.browser.get(f"/batches/{batch.pk}/live").content.decode()
    assert re.findall(r'<button form="(\w+)"', html) == buttons
    assert (f"/batches/{batch.pk}/stop" in html) is (state in ("running", "paused"))


def test_a_batch_without_calls_says_what_to_do_next(owner: Person, viewer: Person) -> None:
    empty = call_rows.batch(owner.account, state="fresh")
    assert "Bring a spreadsheet" in page(owner, empty)
    assert "Once somebody adds numbers" in page(viewer, empty)


@pytest.mark.parametrize("kind", ["batch", "instant", "callback"])
@pytest.mark.parametrize("state", ["fresh", "running", "paused", "finished", "stopped"])
def test_every_type_in_every_state(owner: Person, batch: Batch, kind: str, state: str) -> None:
    Batch.objects.filter(pk=batch.pk).update(type=kind, state=state, callback="+74950000000")
    assert "Connected 0" in page(owner, batch)


def test_every_rule_has_a_headline(owner: Person) -> None:
    assert set(live.HEADLINES) == set(Rule)
    for rule in Rule:
        live.mend_of(rule, 1, owner.user)


def test_the_trunks_are_shown_to_who_keeps_them(owner: Person, administrator: Person) -> None:
    assert live.mend_of(Rule.NO_TRUNK, 1, owner.user) is None
    mend = live.mend_of(Rule.NO_TRUNK, 1, administrator.user)
    assert mend is not None
    assert mend.page == "trunks"


def test_it_is_sent_again_only_where_it_changed(owner: Person, viewer: Person, batch: Batch) -> None:
    place = f"/batches/{batch.pk}/live"
    first = owner.browser.get(place)
    same = owner.browser.get(place, headers={"If-None-Match": first["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert same["Again-After"] == first["Again-After"] == "2.0"
    call_rows.ended(batch, "+79990000005", "failed")
    news = owner.browser.get(place, headers={"If-None-Match": first["ETag"]})
    assert news.status_code == 200
    assert "3 of 5 calls are over" in words(news.content.decode())


def test_a_page_is_asked_for_seldom_where_nothing_happens(owner: Person) -> None:
    resting = call_rows.batch(owner.account, state="paused")
    call_rows.waiting(resting)
    assert owner.browser.get(f"/batches/{resting.pk}/live")["Again-After"] == "15.0"
    Batch.objects.filter(pk=resting.pk).update(state="running")
    assert owner.browser.get(f"/batches/{resting.pk}/live")["Again-After"] == "5.0"


def test_names_are_only_text(owner: Person, batch: Batch) -> None:
    Batch.objects.filter(pk=batch.pk).update(name="<script>alert(1)</script>", callback="</script>")
    html = owner.browser.get(f"/batches/{batch.pk}/").content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_the_batch_of_another_is_not_to_be_found_by_guessing(owner: Person) -> None:
    assert owner.browser.get(f"/batches/{2**63}/").status_code == 404
    assert owner.browser.get("/batches/999999/live").status_code == 404


@pytest.mark.parametrize(
    ("language", "day"), [("en", r"\d{1,2} \w{3} \d{4} 0[23]:00"), ("ru", r"\d\d\.\d\d\.\d{4} 0[23]:00")]
)
def test_the_hours_are_told_by_the_reader_s_calendar(owner: Person, batch: Batch, language: str, day: str) -> None:
    User.objects.filter(pk=owner.user.pk).update(language=language)
    Call.objects.filter(batch=batch, due_at=None, final=False).delete()
    minute = 180 if timezone.localtime().hour != 3 else 120
    Batch.objects.filter(pk=batch.pk).update(minute_from=minute, minute_to=minute + 1)
    html = owner.browser.get(f"/batches/{batch.pk}/").content.decode()
    assert re.search(day, words(html.split('id="live-why"')[1].split("</section>")[0])), html


def test_long_numbers_are_read_in_groups(owner: Person, batch: Batch) -> None:
    Batch.objects.filter(pk=batch.pk).update(total=1_234_567, unfinished=2)
    assert "1,234,565 of 1,234,567 calls are over" in page(owner, batch)
    assert "1,234,565 of 1,234,567" in words(owner.browser.get("/batches/").content.decode())
