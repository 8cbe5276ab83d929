"""Making and changing a batch in the form."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from sounds import encoded, sine
from support.people import Person

from calldron.services import batch_fields
from calldron.services.batch_fields import COLUMNS, NAMES
from calldron.store.models import AuditEntry, Batch, Sound
from calldron.web import batch_sheet

NEW = "/batches/new"

EVERYTHING: dict[str, object] = {
    "name": "Reminders",
    "description": "About visits\r\nof Monday",
    "type": "instant",
    "confirmation": "dtmf",
    "confirm_digits": "12",
    "opt_out_digit": "9",
    "time_zone": "callee",
    "time_zone_fallback": "Asia/Omsk",
    "days": {"fri": "09:00-16:00", "sun": False, "holidays": ["RU", "01-07"]},
    "minute_from": 600,
    "minute_to": 1_100,
    "attempts": 3,
    "call_delay": 5_400,
    "retry": {"busy": {"attempts": 2, "delay": 600}, "no_answer": False, "failed": True, "machine": {"delay": 90}},
    "ring_timeout": 40,
    "cps": 0.125,
    "channels": 7,
    "timeout_before_intro_callback": 10,
    "callback": "+7 495 000-11-22",
    "caller_id": "+74950001123",
    "intro_filename": "",
    "record": False,
    "autostart": True,
}


def sound(of: Person, name: str = "Greeting", digest: str = "d") -> Sound:
    return Sound.objects.create(account=of.account, name=name, filename=name, digest=digest, seconds=1, pcm=b"\0\0")


def wav(name: str = "hello.wav") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, encoded(sine(440, 1, 16_000), 16_000))


def filled(batch: Batch | None = None, **typed: object) -> dict[str, Any]:
    """What a browser sends."""
    usual = Batch(name="Reminders", minute_from=540, minute_to=1260, autostart=False)
    shown = batch_sheet.of_batch(batch or usual).typed
    boxes = {name for name in shown if name in ("record", "autostart") or name in DAYS}
    return {**{name: value for name, value in shown.items() if value or name not in boxes}, **typed}


DAYS = {f"day_{day}" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def columns(batch: Batch) -> dict[str, object]:
    batch.refresh_from_db()
    return {column: getattr(batch, column) for column in COLUMNS if column != "intro_id"}


def test_a_new_one_goes_on_to_its_numbers(operator: Person) -> None:
    chosen = sound(operator)
    response = operator.browser.post(NEW, filled(sound=chosen.pk))
    batch = Batch.objects.get()
    assert response["Location"] == reverse("batch-import", args=[batch.pk])
    assert (batch.name, batch.intro, batch.intro_filename) == ("Reminders", chosen, "Greeting")
    assert (batch.minute_from, batch.minute_to, batch.state, batch.autostart) == (540, 1260, "fresh", False)
    assert list(AuditEntry.objects.values_list("action", "subject")) == [("batch_created", "Reminders")]
    assert "Now the numbers" in operator.browser.get("/batches/").content.decode()


def test_an_empty_form_makes_a_batch_as_the_api_does(operator: Person) -> None:
    operator.browser.post(NEW, filled(name="", time_from="", time_to=""))
    batch = Batch.objects.get()
    draft = batch_fields.read(operator.account, {}, [])
    usual = {**draft.columns, "name": f"Batch {batch.pk}", "autostart": False}
    assert {column: getattr(batch, column) for column in usual} == usual
    plain = Batch()
    rest = set(COLUMNS) - set(usual)
    assert {column: getattr(batch, column) for column in rest} == {column: getattr(plain, column) for column in rest}


def test_numbers_are_read_as_they_are_written_at_home(operator: Person) -> None:
    operator.browser.post(NEW, filled(callback="8 (495) 000-11-22", **{"from": "495 000 11 23"}))
    batch = Batch.objects.get()
    assert (batch.callback, batch.caller_id) == ("+74950001122", "+74950001123")


def test_every_field_survives_the_form(operator: Person) -> None:
    """What the form shows of a batch and sends back is that batch, and a new one made of it is alike."""
    assert set(EVERYTHING) == set(COLUMNS) - {"intro_id"}
    batch = Batch.objects.create(account=operator.account, **EVERYTHING)
    assert operator.browser.post(reverse("batch-edit", args=[batch.pk]), filled(batch)).status_code == 302
    assert columns(batch) == EVERYTHING
    operator.browser.post(NEW, filled(batch))
    assert columns(Batch.objects.latest("pk")) == EVERYTHING


def test_the_form_shows_every_field(operator: Person) -> None:
    batch = Batch.objects.create(account=operator.account, **EVERYTHING)
    page = operator.browser.get(reverse("batch-edit", args=[batch.pk])).content.decode()
    for name in filled(batch):
        assert f'name="{name}"' in page, name
    for value in ("Asia/Omsk", "About visits", "+7 495 000-11-22", "RU, 01-07", "0.125", 'value="16:00"'):
        assert value in page


def test_mistakes_stand_beside_their_fields_and_what_was_typed_stays(operator: Person) -> None:
    typed = filled(
        name="Долги <1>",
        attempts="99",
        callback="nobody",
        days_holidays="RU, 31.12",
        retry_busy="again",
        retry_busy_delay="x",
        time_zone="Nowhere",
    )
    response = operator.browser.post(NEW, typed)
    page = response.content.decode()
    assert response.status_code == 422
    assert "Долги &lt;1&gt;" in page
    assert 'value="99"' in page
    assert 'id="attempts-error">This must be a whole number from 1 to 20.' in page
    assert 'id="callback-error">This must be a phone number' in page
    assert 'id="days_holidays-error">&quot;31.12&quot; is neither a date' in page
    assert 'id="time_zone-error">' in page
    assert "This must be a whole number from 0 to 604800." in page
    assert not Batch.objects.exists()


def test_a_day_without_its_other_hour_is_told_there(operator: Person) -> None:
    page = operator.browser.post(NEW, filled(day_mon_from="09:00")).content.decode()
    assert page.count("This must be hours like") == 1


def test_a_key_cannot_mean_both(operator: Person) -> None:
    page = operator.browser.post(
        NEW, filled(confirmation="dtmf", confirm_digits="19", opt_out_digit="9")
    ).content.decode()
    assert "can&#x27;t both confirm and opt out" in page


def test_an_uploaded_sound_is_the_intro_and_in_the_library(operator: Person) -> None:
    operator.browser.post(NEW, filled(file=wav("Привет.wav")))
    batch = Batch.objects.get()
    assert batch.intro is not None
    assert (batch.intro.name, batch.intro_filename) == ("Привет.wav", "Привет.wav")
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {"sound_added", "batch_created"}


def test_an_uploaded_sound_is_not_lost_when_something_else_is_wrong(operator: Person) -> None:
    page = operator.browser.post(NEW, filled(file=wav(), attempts="99")).content.decode()
    kept = Sound.objects.get()
    assert kept.name == "hello.wav"
    option = page[page.index(f'<option value="{kept.pk}"') :]
    assert " selected>" in option[: option.index("</option>")]


def test_what_is_no_sound_is_told_at_its_field(operator: Person) -> None:
    response = operator.browser.post(NEW, filled(file=SimpleUploadedFile("x.mp3", b"no sound")))
    assert response.status_code == 422
    assert 'id="sound-file-error">This is not an audio file' in response.content.decode()
    assert not Batch.objects.exists()


@pytest.mark.parametrize("chosen", ["999999", "x", "9" * 30])
def test_a_sound_that_is_not_there(operator: Person, chosen: str) -> None:
    response = operator.browser.post(NEW, filled(sound=chosen))
    assert response.status_code == 422
    assert "not there any more" in response.content.decode()


def test_another_account_s_sound_is_not_there(operator: Person, outsider: Person) -> None:
    theirs = sound(outsider, "Secret")
    assert "Secret" not in operator.browser.get(NEW).content.decode()
    assert operator.browser.post(NEW, filled(sound=theirs.pk)).status_code == 422
    assert not Batch.objects.exists()


def test_the_sound_is_kept_changed_and_taken_away(operator: Person) -> None:
    first = sound(operator, "", "1")  # sent through the API: not in the library
    second = sound(operator, "Second", "2")
    batch = Batch.objects.create(account=operator.account, intro=first, intro_filename="first.mp3")
    place = reverse("batch-edit", args=[batch.pk])
    assert "first.mp3" in operator.browser.get(place).content.decode()
    operator.browser.post(place, filled(batch))
    batch.refresh_from_db()
    assert (batch.intro, batch.intro_filename) == (first, "first.mp3")
    operator.browser.post(place, filled(batch, sound=second.pk))
    batch.refresh_from_db()
    assert (batch.intro, batch.intro_filename) == (second, "Second")
    assert not Sound.objects.filter(pk=first.pk).exists()
    operator.browser.post(place, filled(batch, sound=""))
    batch.refresh_from_db()
    assert (batch.intro, batch.intro_filename) == (None, "")
    assert Sound.objects.filter(pk=second.pk).exists()


def test_the_type_of_one_that_was_dialled_is_shown_and_stays(operator: Person) -> None:
    batch = Batch.objects.create(account=operator.account, type="callback", dialed=True, name="Old")
    place = reverse("batch-edit", args=[batch.pk])
    page = operator.browser.get(place).content.decode()
    assert 'type="radio" name="type"' not in page
    assert "changed any more" in page
    response = operator.browser.post(place, filled(batch, type="instant", attempts="4"))
    assert response["Location"] == reverse("batch", args=[batch.pk])
    batch.refresh_from_db()
    assert (batch.type, batch.attempts) == ("callback", 4)
    assert AuditEntry.objects.get().action == "batch_changed"


def test_a_batch_of_the_account_s_zone(operator: Person) -> None:
    operator.account.time_zone = "Asia/Omsk"
    operator.account.save()
    assert 'value="Asia/Omsk"' in operator.browser.get(NEW).content.decode()
    operator.browser.post(NEW, filled(time_zone=""))
    assert Batch.objects.get().time_zone == "Asia/Omsk"


def test_who_may_make_one(
    owner: Person, operator: Person, viewer: Person, administrator: Person, anonymous: Client
) -> None:
    assert anonymous.get(NEW)["Location"] == f"/sign-in?next={NEW}"
    assert anonymous.post(NEW, filled()).status_code == 302
    assert viewer.browser.get(NEW).status_code == 403
    assert viewer.browser.post(NEW, filled()).status_code == 403
    assert not Batch.objects.exists()
    for person in (owner, operator, administrator):
        assert person.browser.get(NEW).status_code == 200
        person.browser.post(NEW, filled())
    assert Batch.objects.filter(account=owner.account).count() == 3


def test_who_may_change_one(
    owner: Person, operator: Person, viewer: Person, outsider: Person, administrator: Person, anonymous: Client
) -> None:
    batch = Batch.objects.create(account=owner.account, name="Mine")
    place = reverse("batch-edit", args=[batch.pk])
    change = filled(batch, name="Changed")
    assert anonymous.post(place, change).status_code == 302
    assert viewer.browser.get(place).status_code == viewer.browser.post(place, change).status_code == 403
    assert outsider.browser.get(place).status_code == outsider.browser.post(place, change).status_code == 404
    batch.refresh_from_db()
    assert batch.name == "Mine"
    for person in (owner, operator, administrator):
        assert person.browser.get(place).status_code == 200
        assert person.browser.post(place, change).status_code == 302


def test_help_is_where_the_field_is(operator: Person) -> None:
    """What a field is for is said beside it, and read out with it."""
    html = operator.browser.get(NEW).content.decode()
    kinds = html.count('name="type"') + html.count('name="confirmation"')
    assert kinds == len(re.findall(r'name="(?:type|confirmation)"[^>]*> <span>[^<]+<small>\w', html))
    for name in (*NAMES - {"type", "confirmation", "retry", "days", "intro", "intro_filename"}, "days_holidays"):
        help_id = re.search(rf'<(?:input|textarea)[^>]* name="{name}"[^>]* aria-describedby="([\w-]+)', html)
        assert help_id, name
        assert re.search(rf'<small id="{help_id[1]}">[^<]+<', html), name
