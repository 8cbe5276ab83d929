"""Batches: their fields, their defaults, their life."""

import base64
from pathlib import Path
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks
from support.api_client import Api, batch_row, call_row, fields, intro, said

from calldron.config import config
from calldron.domain.calendar import WEEKDAYS
from calldron.store.models import Attempt, Batch, Call, Sound

pytestmark = pytest.mark.django_db


WEEK = {"sat": "10:00-00:00", "sun": False, "holidays": ["RU"]}


def shown(api: Api, batch: str) -> dict[str, Any]:
    body: dict[str, Any] = said(api.get(batch))
    return body


def test_a_batch_has_defaults(api: Api) -> None:
    response = api.post("/batches", {})
    made = said(response)["id"]
    assert response["Location"] == f"{config().public_url}/v1/batches/{made}"
    body = shown(api, f"/batches/{made}")
    body.pop("created_at")
    assert body == {
        "id": made,
        "name": f"Batch {made}",
        "description": "",
        "attempts": "1",
        "call_delay": "30",
        "callback": "",
        "from": "",
        "confirmation": "timeout",
        "status": "fresh",
        "type": "batch",
        "time_zone": "Europe/Moscow",
        "time_from": "09:00",
        "time_to": "21:00",
        "time_zone_fallback": "",
        "days": {},
        "retry": {},
        "cps": "0",
        "channels": "0",
        "ring_timeout": "30",
        "timeout_before_intro_callback": "30",
        "confirm_digits": "",
        "opt_out_digit": "",
        "intro_filename": "",
        "record": True,
        "autostart": True,
        "calls": "0",
        "calls_left": "0",
        "started_at": None,
        "finished_at": None,
    }


@pytest.mark.parametrize(
    ("field", "given", "body"),
    [
        ("name", "Имя", "Имя"),
        ("description", "two\nlines", "two\nlines"),
        ("attempts", "20", "20"),
        ("attempts", 3, "3"),
        ("attempts", 3.0, "3"),
        ("attempts", None, "1"),
        ("call_delay", "0", "0"),
        ("call_delay", 604800, "604800"),
        ("ring_timeout", 5, "5"),
        ("ring_timeout", "120", "120"),
        ("timeout_before_intro_callback", "1", "1"),
        ("time_zone", "Eastern Time (US & Canada)", "Eastern Time (US & Canada)"),
        ("time_zone", "Asia/Yekaterinburg", "Asia/Yekaterinburg"),
        ("time_from", "08:00", "08:00"),
        ("time_from", "08:00:59", "08:00"),
        ("time_to", "2000-01-01T19:30:00+03:00", "19:30"),
        ("time_to", "2000-01-01 00:00:00Z", "00:00"),
        ("callback", "+7491231212", "+7491231212"),
        ("callback", "79999802696", "79999802696"),
        ("callback", 79999802696, "79999802696"),
        ("callback", "sip:agent@pbx.example:5070", "sip:agent@pbx.example:5070"),
        ("from", "+7 (491) 231-213", "+7 (491) 231-213"),
        ("type", "instant", "instant"),
        ("confirmation", "dtmf", "dtmf"),
        ("confirm_digits", "12#", "12#"),
        ("confirm_digits", 1, "1"),
        ("opt_out_digit", "#", "#"),
        ("opt_out_digit", 0, "0"),
        ("opt_out_digit", None, ""),
        ("cps", 0.5, "0.5"),
        ("cps", "1000", "1000"),
        ("cps", "12.250", "12.25"),
        ("cps", 0.001, "0.001"),
        ("cps", -0.0, "0"),
        ("cps", None, "0"),
        ("channels", "100000", "100000"),
        ("channels", "", "0"),
        ("time_zone", "Callee", "callee"),
        ("time_zone_fallback", "Samara", "Samara"),
        ("days", {"Sat": "10:00 - 24:00", "sun": False, "holidays": ["ru"]}, WEEK),
        ("days", None, {}),
        ("retry", {}, {}),
        ("retry", None, {}),
        ("retry", {"busy": False, "Machine": "true", "failed": {}}, {"busy": False, "machine": True, "failed": True}),
        ("retry", {"busy": {"attempts": 20}, "no_answer": None}, {"busy": {"attempts": "20"}}),
        ("retry", {"busy": {"Delay": "604800", "attempts": ""}}, {"busy": {"delay": "604800"}}),
        ("intro_filename", "hello.mp3", "hello.mp3"),
        ("record", False, False),
        ("record", "0", False),
        ("autostart", "false", False),
    ],
)
def test_a_field_comes_back(api: Api, field: str, given: Any, body: Any) -> None:
    made = api.post("/batches", {field: given})
    assert made.status_code == 201, made.content
    assert shown(api, f"/batches/{said(made)['id']}")[field] == body


@pytest.mark.parametrize(
    ("field", "given"),
    [
        *(("attempts", value) for value in (0, 21, "0", "1.5", 1.5, True, [], {}, "９", "1 ", -1, 1e300)),
        *(("call_delay", value) for value in (-1, 604801, "x")),
        *(("ring_timeout", value) for value in (4, 121)),
        *(("timeout_before_intro_callback", value) for value in (-1, 3601)),
        *(("time_zone", value) for value in ("Mars", "../../etc/passwd", "moscow", 3, "localtime")),
        *(
            ("time_from", value)
            for value in ("24:00", "8:00", "08:60", "08", 800, "2000-13-01T08:00", "08:00+3", "08:00\n")
        ),
        *(("callback", value) for value in ("123", "sip:", "mailto:a@b.c", [1], "+79997778855\r\nX: y")),
        *(("from", value) for value in ("sip:a@b.c", "anonymous", 12)),
        *(("type", value) for value in ("Batch", "other", 1, [])),
        *(("confirmation", value) for value in ("none", True)),
        *(("confirm_digits", value) for value in ("A", "1" * 13, -1)),
        *(("record", value) for value in ("yes", 2, "True")),
        *(("name", value) for value in ("x" * 201, 7, ["x"], {})),
        *(("intro", value) for value in (7, "not base64!", [], {"a": 1})),
        *(("opt_out_digit", value) for value in ("12", "A", 10, -1, True, "٣", ["9"])),
        *(("cps", value) for value in (-1, 1000.5, "1000.001", 1e-9, "0.0001", "1e3", True, [1], "x", 1e300, 10**400)),
        *(("channels", value) for value in (-1, 100001, 1.5, "x", True)),
        *(("time_zone_fallback", value) for value in ("callee", "Mars", 3)),
        *(("days", value) for value in ("sat", [], dict.fromkeys(WEEKDAYS, False))),
        *(("retry", value) for value in ("busy", [], 3, True)),
        *((field, "x") for field in ("intro_text", "machine", "id", "status")),
    ],
)
def test_a_value_that_can_t_be_is_refused_by_name(api: Api, field: str, given: Any) -> None:
    assert fields(api.post("/batches", {field: given})) == [field]
    assert not Batch.objects.exists()


def test_fields_of_later_versions_are_said_to_be_just_that(api: Api) -> None:
    (error,) = said(api.post("/batches", {"machine": "hangup"}))["errors"]
    assert "not yet available" in error["message"]


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"answered": True}, "answered", "not called again"),
        ({"Rejected": {"attempts": 2}}, "rejected", "not called again"),
        ({"invalid_number": True}, "invalid_number", "no such number"),
        ({"canceled": True}, "canceled", "taken back"),
        ({"expired": True}, "expired", "without an attempt left"),
        ({"unknown": True}, "unknown", "Nobody knows"),
        ({"engaged": True}, "engaged", "busy, failed, machine, no_answer, unavailable"),
        ({"busy": "often"}, "busy", "true, false, or an object"),
        ({"busy": 3}, "busy", "true, false, or an object"),
        ({"busy": {"attempts": 0}}, "busy.attempts", "from 1 to 20"),
        ({"busy": {"attempts": 21}}, "busy.attempts", "from 1 to 20"),
        ({"busy": {"delay": -1}}, "busy.delay", "from 0 to 604800"),
        ({"busy": {"delay": 604801}}, "busy.delay", "from 0 to 604800"),
        ({"busy": {"delay": {}}}, "busy.delay", "from 0 to 604800"),
        ({"busy": {"after": 3}}, "busy.after", "attempts and delay"),
    ],
)
def test_a_part_of_retry_that_can_t_be_is_named(api: Api, given: Any, field: str, words: str) -> None:
    (error,) = said(api.post("/batches", [{"batch": {"Retry": given}}]))["errors"]
    assert error["field"] == f"[0].batch.Retry.{field}"
    assert words in error["message"]


def test_a_part_of_days_that_can_t_be_is_named(api: Api) -> None:
    assert fields(api.post("/batches", {"days": {"sat": "late"}})) == ["days.sat"]
    assert fields(api.post("/batches", {"days": {"holidays": ["RU", "31.12."]}})) == ["days.holidays[1]"]


def test_a_part_of_a_field_that_is_given_twice_is_refused(api: Api) -> None:
    assert fields(api.post("/batches", b'{"retry": {"busy": {"delay": 1, "delay": 2}}}')) == ["retry.delay"]
    assert fields(api.post("/batches", {"retry": {"busy": True, "BUSY": False}})) == ["retry"]


@pytest.mark.parametrize(
    ("before", "change", "field"),
    [
        ({}, {"opt_out_digit": "1", "confirm_digits": "12"}, "opt_out_digit"),
        ({"confirm_digits": "12"}, {"opt_out_digit": 1}, "opt_out_digit"),
        ({"opt_out_digit": "1"}, {"confirm_digits": "12"}, "confirm_digits"),
        ({"opt_out_digit": "9", "confirm_digits": "12"}, {"opt_out_digit": "1", "confirm_digits": "9"}, None),
        ({"opt_out_digit": "9"}, {"confirm_digits": "12"}, None),
    ],
)
def test_a_key_can_t_both_confirm_and_opt_out(
    api: Api, before: dict[str, Any], change: dict[str, Any], field: str | None
) -> None:
    response = api.put(api.batch(**before), change)
    if field is None:
        assert response.status_code == 200
    else:
        assert fields(response) == [field]


@pytest.mark.parametrize("kind", ["instant", "callback"])
def test_only_batch_has_a_window_by_itself(api: Api, kind: str) -> None:
    batch = api.batch(type=kind)
    assert (shown(api, batch)["time_from"], shown(api, batch)["time_to"]) == (None, None)
    assert batch_row(batch).minute_from is None

    api.put(batch, {"time_from": "10:00"})
    assert (shown(api, batch)["time_from"], shown(api, batch)["time_to"]) == ("10:00", "21:00")
    api.put(batch, {"time_from": None, "time_to": None})
    assert (shown(api, batch)["time_from"], shown(api, batch)["time_to"]) == (None, None)
    api.put(batch, {"type": "batch"})
    assert (shown(api, batch)["time_from"], shown(api, batch)["time_to"]) == ("09:00", "21:00")


def test_a_window_may_cross_midnight(api: Api) -> None:
    row = batch_row(api.batch(time_from="22:15", time_to="06:00"))
    assert (row.minute_from, row.minute_to) == (22 * 60 + 15, 6 * 60)


@pytest.mark.parametrize(
    ("zone", "time", "warned"),
    [
        ("Moscow", "2000-01-01T08:00:00+02:00", True),
        ("Moscow", "2000-01-01T08:00:00+03:00", False),
        ("Moscow", "08:00", False),
        ("UTC", "2000-01-01T08:00:00Z", False),
        ("Berlin", "2000-01-01T08:00:00+01:00", False),
        ("Berlin", "2000-01-01T08:00:00+02:00", False),  # in summer it is
        ("Kolkata", "2000-01-01T08:00:00+0530", False),
        ("Newfoundland", "2000-01-01T08:00:00-03:30", False),
        ("callee", "2000-01-01T08:00:00+03:00", False),
    ],
)
def test_an_offset_that_is_not_the_zone_s_is_ignored_with_a_warning(
    api: Api, zone: str, time: str, warned: bool
) -> None:
    response = api.post("/batches", {"time_zone": zone, "time_from": time})
    assert ("Warning" in response) is warned
    if warned:
        assert response["Warning"].startswith('299 calldron "time_from')
    assert batch_row(f"/batches/{said(response)['id']}").minute_from == 8 * 60


def test_an_update_changes_what_it_carries_and_nothing_else(api: Api) -> None:
    batch = api.batch(
        name="before", attempts=3, intro=intro(), time_from="10:00", time_to="11:00", callback="+7491231212"
    )
    before = shown(api, batch)
    response = api.put(batch, [{"batch": {"Attempts": "4"}}])
    assert (response.status_code, said(response)) == (200, {"id": before["id"]})
    assert shown(api, batch) == before | {"attempts": "4"}
    assert api.put(batch, {}).status_code == 200
    assert shown(api, batch) == before | {"attempts": "4"}
    assert batch_row(batch).intro is not None


def test_an_update_wakes_the_dialer(api: Api) -> None:
    batch = api.batch()
    Batch.objects.update(wait_until="2099-01-01T00:00:00Z")
    api.put(batch, {"time_to": "23:00"})
    assert batch_row(batch).wait_until is None


def test_the_type_is_fixed_once_dialled(api: Api) -> None:
    batch = api.batch(type="instant")
    assert api.put(batch, {"type": "callback"}).status_code == 200
    Batch.objects.update(dialed=True)
    assert api.put(batch, {"type": "callback", "attempts": 2}).status_code == 200
    response = api.put(batch, {"type": "batch", "name": "other"})
    assert response.status_code == 409
    assert batch_row(batch).name != "other"


class TestIntro:
    def test_is_decoded_and_kept_once_an_account(self, api: Api, outsider: Api) -> None:
        sound = intro(0.5)
        one, two, theirs = api.batch(intro=sound), api.batch(intro=sound), outsider.batch(intro=sound)
        assert batch_row(one).intro_id == batch_row(two).intro_id != batch_row(theirs).intro_id
        kept = batch_row(one).intro
        assert kept is not None
        assert kept.seconds == pytest.approx(0.5, abs=0.05)
        assert len(kept.pcm) == pytest.approx(8000, abs=800)

    def test_that_is_no_audio_is_refused_in_words(self, api: Api) -> None:
        html = base64.b64encode(b"<html>" + b"x" * 1000).decode()
        response = api.post("/batches", [{"batch": {}}, {"batch": {"Intro": html}}])
        assert fields(response) == ["[1].batch.Intro"]
        assert not Batch.objects.exists()

    def test_may_be_broken_into_lines(self, api: Api) -> None:
        lines = base64.encodebytes(base64.b64decode(intro())).decode()
        assert batch_row(api.batch(intro=lines)).intro is not None

    def test_can_be_taken_away(self, api: Api) -> None:
        batch = api.batch(intro=intro())
        assert api.put(batch, {"intro": ""}).status_code == 200
        assert batch_row(batch).intro is None
        assert not Sound.objects.exists()

    def test_replaced_goes_only_with_its_last_batch(self, api: Api) -> None:
        one, two = api.batch(intro=intro()), api.batch(intro=intro())
        api.put(one, {"intro": intro(hertz=880)})
        assert Sound.objects.count() == 2
        api.delete(two)
        assert Sound.objects.count() == 1

    def test_too_many_different_ones_are_refused(self, api: Api) -> None:
        files = [base64.b64encode(bytes([n]) * 100).decode() for n in range(11)]
        assert fields(api.post("/batches", [{"intro": file} for file in files])) == [""]


class TestLife:
    @pytest.mark.parametrize(
        ("before", "way", "status", "after"),
        [
            ("fresh", "start", 200, "running"),
            ("fresh", "pause", 409, "fresh"),
            ("fresh", "resume", 409, "fresh"),
            ("fresh", "stop", 200, "stopped"),
            ("running", "start", 200, "running"),
            ("running", "pause", 200, "paused"),
            ("running", "resume", 200, "running"),
            ("running", "stop", 200, "stopped"),
            ("paused", "start", 409, "paused"),
            ("paused", "pause", 200, "paused"),
            ("paused", "resume", 200, "running"),
            ("paused", "stop", 200, "stopped"),
            ("finished", "start", 409, "finished"),
            ("finished", "pause", 409, "finished"),
            ("finished", "resume", 409, "finished"),
            ("finished", "stop", 409, "finished"),
            ("stopped", "start", 409, "stopped"),
            ("stopped", "pause", 409, "stopped"),
            ("stopped", "resume", 409, "stopped"),
            ("stopped", "stop", 200, "stopped"),
        ],
    )
    def test_a_switch(self, api: Api, before: str, way: str, status: int, after: str) -> None:
        batch = api.batch()
        Batch.objects.update(state=before)
        response = api.post(f"{batch}/{way}")
        assert response.status_code == status
        assert shown(api, batch)["status"] == after
        if status == 200:
            assert said(response) == {"id": batch.removeprefix("/batches/"), "status": after}
        else:
            assert said(response)["type"].endswith("/conflict")

    def test_the_first_call_starts_it_unless_told_otherwise(self, api: Api) -> None:
        patient, eager = api.batch(), api.batch(autostart=True)
        api.call(patient)
        api.call(eager)
        assert shown(api, patient)["status"] == "fresh"
        assert shown(api, eager)["status"] == "running"
        assert shown(api, eager)["started_at"] is not None

    def test_calls_wake_a_finished_one_and_not_a_stopped_one(self, api: Api) -> None:
        batch = api.batch(autostart=True)
        Batch.objects.update(state="finished", finished_at="2026-01-01T00:00:00Z")
        api.call(batch)
        assert (shown(api, batch)["status"], shown(api, batch)["finished_at"]) == ("running", None)
        api.post(f"{batch}/stop")
        assert api.post(f"{batch}/calls", {"phone_number": "+79997778855"}).status_code == 409
        assert shown(api, batch)["calls"] == "1"

    def test_stopping_makes_waiting_calls_final_and_leaves_those_that_are_up(self, api: Api) -> None:
        batch = api.batch()
        waits, up, over = (api.call(batch) for _ in range(3))
        Call.objects.filter(pk=call_row(up).pk).update(due_at=None, status="dialing")
        Call.objects.filter(pk=call_row(over).pk).update(due_at=None, status="busy", final=True)
        Batch.objects.update(unfinished=2, state="running")

        api.post(f"{batch}/stop")

        assert (call_row(waits).status, call_row(waits).final, call_row(waits).due_at) == ("canceled", True, None)
        assert (call_row(up).status, call_row(up).final) == ("dialing", False)
        assert call_row(over).status == "busy"
        assert shown(api, batch)["calls_left"] == "1"

    def test_resuming_one_whose_calls_are_all_over_finishes_it(self, api: Api) -> None:
        batch = api.batch()
        api.call(batch)
        Batch.objects.update(state="paused", unfinished=0)
        assert said(api.post(f"{batch}/resume"))["status"] == "finished"


class TestRemoval:
    def test_takes_calls_tries_recordings_and_intro_along(
        self, api: Api, recordings: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        batch, other = api.batch(intro=intro()), api.batch()
        call, kept = api.call(batch), api.call(other)
        folder = recordings / "1" / "2"
        folder.mkdir(parents=True)
        (folder / "3-4.mp3").write_bytes(b"x")
        Attempt.objects.create(
            call=call_row(call),
            number_of_try=1,
            node="n",
            lease=1,
            lease_until="2026-01-01T00:00:00Z",
            started_at="2026-01-01T00:00:00Z",
            ended_at="2026-01-01T00:00:09Z",
            recording="1/2/3-4.mp3",
        ).legs.create(role="client", number="+79997778855", intended_at="2026-01-01T00:00:00Z")

        with django_capture_on_commit_callbacks(execute=True):
            response = api.delete(batch)

        assert (response.status_code, said(response)) == (200, {"id": batch.removeprefix("/batches/")})
        assert api.get(batch).status_code == 404
        assert Batch.objects.count() == 1
        assert Call.objects.get().pk == call_row(kept).pk
        assert not Attempt.objects.exists()
        assert not Sound.objects.exists()
        assert not folder.exists()

    def test_of_one_that_is_up_is_left_to_the_dialer_and_seen_at_once(self, api: Api) -> None:
        batch = api.batch()
        call = api.call(batch)
        Attempt.objects.create(
            call=call_row(call),
            number_of_try=1,
            node="n",
            lease=1,
            lease_until="2026-01-01T00:00:00Z",
            started_at="2026-01-01T00:00:00Z",
        )
        assert api.delete(batch).status_code == 200
        assert batch_row(batch).deleting
        for path in (batch, f"{batch}/calls", call, f"{call}/record.mp3"):
            assert api.get(path).status_code == 404
        assert said(api.get("/batches")) == []
        assert api.delete(batch).status_code == 404
