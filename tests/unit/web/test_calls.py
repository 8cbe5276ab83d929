"""The calls of a batch and one of them, as everybody sees them."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from support import call_rows
from support.people import Person

from calldron.config import config
from calldron.store.models import AuditEntry, Batch, Call
from calldron.web import fragments

MP3 = bytes(range(256)) * 8


@pytest.fixture(autouse=True)
def no_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask more often than pages do."""
    monkeypatch.setattr(fragments, "_pace", fragments.Pace(1_000_000))


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of recordings."""
    monkeypatch.setattr(config(), "recordings", tmp_path)
    return tmp_path


@pytest.fixture
def batch(owner: Person) -> Batch:
    return call_rows.batch(owner.account)


@pytest.fixture
def recorded(batch: Batch, recordings: Path) -> Call:
    """A call that was answered and confirmed, with its recording."""
    (recordings / "1.mp3").write_bytes(MP3)
    return call_rows.ended(batch, result="confirmed", over=call_rows.trunk(), recording="1.mp3")


def words(html: bytes) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html.decode())).split())


def test_everybody_of_the_account_sees_them_and_nobody_else(
    owner: Person,
    operator: Person,
    viewer: Person,
    administrator: Person,
    outsider: Person,
    anonymous: Client,
    recorded: Call,
) -> None:
    calls = f"/batches/{recorded.batch_id}/calls/"
    for place in (calls, *(f"{calls}{recorded.pk}/{part}" for part in ("", "live", "record.mp3"))):
        for person in (owner, operator, viewer, administrator):
            assert person.browser.get(place).status_code == 200, place
        assert outsider.browser.get(place).status_code == 404, place
        assert anonymous.get(place).status_code == 302, place


def test_operators_take_a_call_back_and_viewers_do_not(
    owner: Person, operator: Person, viewer: Person, outsider: Person, anonymous: Client, batch: Batch
) -> None:
    call = call_rows.waiting(batch)
    place = f"/batches/{batch.pk}/calls/{call.pk}/"
    assert viewer.browser.post(f"{place}cancel").status_code == 403
    assert outsider.browser.post(f"{place}cancel").status_code == 404
    assert anonymous.post(f"{place}cancel")["Location"].startswith("/sign-in")
    assert operator.browser.get(f"{place}cancel").status_code == 405
    assert "Take back" not in words(viewer.browser.get(place).content)
    assert not Call.objects.get(pk=call.pk).final
    assert "Take back" in words(operator.browser.get(place).content)
    assert operator.browser.post(f"{place}cancel")["Location"] == place
    assert Call.objects.get(pk=call.pk).status == "canceled"
    assert list(AuditEntry.objects.values_list("action", "subject")) == [("call_canceled", call.number)]
    assert "It was taken back." in words(owner.browser.get(place).content)


def test_a_call_that_is_over_is_not_taken_back(operator: Person, recorded: Call) -> None:
    place = f"/batches/{recorded.batch_id}/calls/{recorded.pk}/"
    said = operator.browser.post(f"{place}cancel", follow=True)
    assert "The call is over" in words(said.content)
    assert not AuditEntry.objects.exists()


def test_calls_are_looked_for(owner: Person, batch: Batch) -> None:
    call_rows.ended(batch, "+79990000011", "busy")
    call_rows.ended(batch, "+79990000012", result="confirmed")
    call_rows.waiting(batch, "+79990000013")

    def found(query: str) -> list[str]:
        html = owner.browser.get(f"/batches/{batch.pk}/calls/?{query}").content.decode()
        return re.findall(r'/">\+7.999.000-00-(\d\d)</a>', html)

    assert found("") == ["11", "12", "13"]
    assert found("status=busy") == ["11"]
    assert found("result=confirmed") == ["12"]
    assert found("status=waiting") == ["13"]
    assert found("q=0012") == ["12"]
    assert found("q=%2B79990000013") == ["13"]
    assert found("q=5555") == []
    assert found("q=0011&status=answered") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("q=1", "Give at least the last 3 digits."),
        ("q=Ivan", "by its digits"),
        ("status=none", "This must be one of"),
        ("q=5555", "No such call"),
        ("after=99999999999999999999999", "Calls"),
        ("after=x", "Calls"),
    ],
)
def test_what_can_not_be_found_is_said(owner: Person, batch: Batch, query: str, said: str) -> None:
    call_rows.waiting(batch)
    answer = owner.browser.get(f"/batches/{batch.pk}/calls/?{query}")
    assert answer.status_code == 200
    assert said in words(answer.content)


def test_pages_lead_on_and_back(owner: Person, batch: Batch) -> None:
    for place in range(53):
        call_rows.waiting(batch, f"+7999000{place:04}")
    first = owner.browser.get(f"/batches/{batch.pk}/calls/?status=waiting").content.decode()
    (following,) = re.findall(r'href="(\?[^"]+)" rel="next"', first)
    second = owner.browser.get(f"/batches/{batch.pk}/calls/{following.replace('&amp;', '&')}").content.decode()
    assert second.count('data-label="Number"') == 3
    assert 'href="?status=waiting"' in second
    assert 'rel="next"' not in second


def test_a_batch_without_calls_says_what_to_do(owner: Person, batch: Batch) -> None:
    assert "There are no calls in it yet" in words(owner.browser.get(f"/batches/{batch.pk}/calls/").content)


def test_one_call_tells_all_that_happened(owner: Person, recorded: Call) -> None:
    read = words(owner.browser.get(f"/batches/{recorded.batch_id}/calls/{recorded.pk}/").content)
    assert "It was answered, and the client confirmed." in read
    assert "Keys pressed 1" in read
    assert "trunk mine" in read
    assert re.search(r"0\.000 s 1\.103 s 5\.200 s 21\.370 s It was answered; the other side hung up\. SIP 200", read)


def test_what_a_code_means_is_said(owner: Person, batch: Batch) -> None:
    call = call_rows.ended(batch, status="busy")
    read = words(owner.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/").content)
    assert "The number is busy." in read
    assert "SIP 486" in read
    assert "Q.850 17 : busy" in read
    assert "whose doing: the callee's" in read


def test_a_call_that_waits_says_why(owner: Person, batch: Batch) -> None:
    call = call_rows.waiting(batch)
    read = words(owner.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/").content)
    assert "No dialer is running" in read
    assert "It has not been dialled." in read


@pytest.mark.parametrize(("how", "again"), [("up", "1.0"), ("waiting", "5.0"), ("over", "0.0"), ("unrecorded", "2.0")])
def test_its_page_asks_again_as_long_as_something_may_come(
    owner: Person, batch: Batch, recorded: Call, how: str, again: str
) -> None:
    call = recorded
    if how == "up":
        call = call_rows.up(batch)
    if how == "waiting":
        call = call_rows.waiting(batch)
    if how == "unrecorded":
        call = call_rows.ended(batch, "+79990000009")
    answer = owner.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/live")
    assert answer["Again-After"] == again
    same = owner.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/live", headers={"If-None-Match": answer["ETag"]})
    assert same.status_code == (200 if how == "up" else 304)


def test_a_recording_is_heard_in_parts_and_kept_whole(viewer: Person, recorded: Call) -> None:
    place = f"/batches/{recorded.batch_id}/calls/{recorded.pk}/record.mp3"
    whole = viewer.browser.get(place)
    assert b"".join(whole.streaming_content) == MP3  # type: ignore[attr-defined]
    part = viewer.browser.get(place, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, MP3[100:200])
    assert part["Content-Range"] == f"bytes 100-199/{len(MP3)}"
    assert viewer.browser.get(place, headers={"Range": f"bytes={len(MP3)}-"}).status_code == 416
    assert viewer.browser.get(f"{place}?download")["Content-Disposition"].startswith("attachment")


def test_there_may_be_no_recording(viewer: Person, batch: Batch) -> None:
    call = call_rows.waiting(batch)
    assert viewer.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/record.mp3").status_code == 404
    assert "<audio" not in viewer.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/").content.decode()


def test_a_call_of_another_batch_is_not_under_this_one(owner: Person, batch: Batch, recorded: Call) -> None:
    other = call_rows.batch(owner.account)
    assert owner.browser.get(f"/batches/{other.pk}/calls/{recorded.pk}/").status_code == 404


def test_times_are_by_the_clock_of_the_account(owner: Person, batch: Batch) -> None:
    call = call_rows.up(batch)
    read = words(owner.browser.get(f"/batches/{batch.pk}/calls/{call.pk}/").content)
    began = call_rows.now().astimezone(ZoneInfo(owner.account.time_zone)) - timedelta(seconds=7)
    assert f"It is under way since {began:%-d %b %Y, %H:}" in read
    assert "UTC" not in read


def test_who_was_not_reached_talked_for_no_time(owner: Person) -> None:
    made = call_rows.batch(owner.account)
    call = call_rows.ended(made, status="busy")
    Call.objects.filter(pk=call.pk).update(talk=0.0)
    html = owner.browser.get(f"/batches/{made.pk}/calls/").content.decode()
    assert re.findall(r'<td data-label="Talk" class="number">([^<]*)<', html) == ["–"]
