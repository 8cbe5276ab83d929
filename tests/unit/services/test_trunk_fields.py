"""A trunk's fields as a form sends them, and how trunks do."""

from datetime import UTC, datetime, timedelta

import pytest
from support import people

from calldron.services import trial_calls, trunk_fields, trunk_health, trunks
from calldron.services.errors import FieldError
from calldron.services.trunk_health import State
from calldron.store.models import Attempt, TrunkRow

FORM = {"name": "mine", "host": "sip.example.org", "port": "5060", "transport": "udp"}
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def mistakes(given: dict[str, str], trunk: TrunkRow | None = None) -> list[str]:
    errors: list[FieldError] = []
    trunk_fields.read(FORM | given, errors, trunk)
    assert not any("secret" in error.message for error in errors)
    return [error.field for error in errors]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": ""}, "name"),
        ({"host": ""}, "host"),
        ({"host": "two words"}, "host"),
        ({"port": "0"}, "port"),
        ({"port": ""}, "port"),
        ({"transport": "tls"}, "transport"),
        ({"username": "a\nb"}, "username"),
        ({"username": "joe", "password": "secret\n"}, "password"),
        ({"password": "secret"}, "username"),
        ({"caller_id": "me"}, "caller_id"),
        ({"cps": "fast"}, "cps"),
        ({"cps": "nan"}, "cps"),
        ({"channels": "1.5"}, "channels"),
        ({"priority": "-1"}, "priority"),
        ({"priority": "1001"}, "priority"),
    ],
)
def test_a_mistake_is_told_at_its_field(given: dict[str, str], field: str) -> None:
    assert mistakes(given) == [field]


def test_all_mistakes_are_told_at_once() -> None:
    assert mistakes({"name": "a b", "port": "x", "cps": "x"}) == ["name", "port", "cps"]


def test_numbers_are_read_as_people_write_them() -> None:
    columns = trunk_fields.read(FORM | {"cps": " 1,5 ", "channels": "10", "priority": "", "host": "2001:db8::1"}, [])
    assert (columns["cps"], columns["channels"], columns["priority"]) == (1.5, 10, 0)
    assert columns["host"] == "2001:db8::1"


@pytest.mark.django_db
class TestAnother:
    @pytest.fixture
    def trunk(self) -> TrunkRow:
        return trunks.add("mine", "sip:joe:secret@sip.example.org")

    def change(self, trunk: TrunkRow, **given: str) -> TrunkRow:
        errors: list[FieldError] = []
        columns = trunk_fields.read(given, errors, trunk)
        assert not errors
        return trunks.update(trunk, columns)

    def test_an_empty_password_stays(self, trunk: TrunkRow) -> None:
        assert self.change(trunk, username="jack", password="").password == "secret"
        assert self.change(trunk, username="jack", password="another").password == "another"

    def test_it_goes_with_its_user(self, trunk: TrunkRow) -> None:
        changed = self.change(trunk, username="", password="")
        assert (changed.username, changed.password) == ("", "")

    def test_what_was_known_of_one_that_is_elsewhere_is_forgotten(self, trunk: TrunkRow) -> None:
        TrunkRow.objects.update(strain=4, strain_changed_at=NOW)
        trunk.refresh_from_db()
        assert self.change(trunk, name="other", host="sip.example.org", cps="2").strain == 4
        assert self.change(trunk, password="better").strain == 0

    def test_it_has_a_name_of_its_own(self, trunk: TrunkRow) -> None:
        second = trunks.create(trunk_fields.read(FORM | {"name": "second"}, []))
        with pytest.raises(Exception, match="already"):
            trunks.update(second, {"name": "mine"})


@pytest.mark.django_db
class TestHealth:
    def health(self, **columns: object) -> trunk_health.Health:
        trunks.add("mine", "sip:sip.example.org", cps=8)
        TrunkRow.objects.update(**columns)
        (health,) = trunk_health.look(trunks.listed(), NOW)
        return health

    def test_one_that_carries_calls_is_in_order(self) -> None:
        health = self.health()
        assert (health.state, health.pace, health.up, health.words) == (State.WELL, 8, 0, "In order.")

    def test_one_that_refused_is_slowed(self) -> None:
        health = self.health(strain=2, strain_changed_at=NOW - timedelta(minutes=1))
        assert (health.state, health.pace) == (State.SLOWED, 2)
        assert "tried slowly (level 2 of 10): 2 calls a second. It recovers" in health.words

    def test_one_at_its_slowest_tells_seconds(self) -> None:
        assert "a call every 30 s" in self.health(strain=10, strain_changed_at=NOW).words

    def test_one_that_asked_for_it_is_left_alone(self) -> None:
        health = self.health(strain_until=NOW + timedelta(minutes=2))
        assert health.state is State.WAITS
        assert health.words.startswith("It asked to be left alone until")

    def test_what_is_over_is_not_told(self) -> None:
        assert self.health(strain_until=NOW - timedelta(minutes=2)).state is State.WELL

    def test_channels_that_calls_hold_are_counted(self) -> None:
        mine = trunks.add("mine", "sip:sip.example.org")
        other = trunks.add("other", "sip:sip.example.org")
        call = trial_calls.place(people.owner().account, mine, "+79991234567")
        Attempt.objects.create(
            call=call, number_of_try=1, node="n", lease=1, lease_until=NOW, trunk=mine, channels=2, started_at=NOW
        )
        up = {health.trunk.pk: health.up for health in trunk_health.look(trunks.listed(), NOW)}
        assert up == {mine.pk: 2, other.pk: 0}
