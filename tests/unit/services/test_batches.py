"""What the pages ask of batches beyond the API."""

import pytest

from calldron.domain.batch import BatchState, Switch, ways
from calldron.services import accounts, batches
from calldron.services.batch_fields import COLUMNS
from calldron.services.errors import NotFound
from calldron.store.models import Account, Batch, Sound

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return accounts.create_user("owner@example.org")[0].account


def batch(account: Account, **fields: object) -> Batch:
    return Batch.objects.create(account=account, **fields)


def names(account: Account, name: str) -> list[str]:
    return [one.name for one in batches.found(account, name=name, limit=10, offset=0)[0]]


def test_the_newest_come_first_a_page_at_a_time(account: Account) -> None:
    one, two, three = (batch(account) for _ in range(3))
    batch(account, deleting=True)
    assert batches.found(account, limit=2, offset=0) == ([three, two], 3)
    assert batches.found(account, limit=2, offset=2) == ([one], 3)


@pytest.mark.parametrize("search", ["обзвон", "ОБЗВОН", "звон клиентов", "(50"])
def test_a_search_minds_no_case_in_any_language_and_takes_signs_as_they_are(account: Account, search: str) -> None:
    batch(account, name="Обзвон клиентов (50%)")
    batch(account, name="Reminders")
    assert names(account, search) == ["Обзвон клиентов (50%)"]
    assert names(account, ".*") == []


def test_a_search_finds_nobody_else_s(account: Account) -> None:
    batch(accounts.create_user("other@example.org")[0].account, name="Theirs")
    assert names(account, "Theirs") == []


def test_a_duplicate_has_every_field_and_no_calls(account: Account) -> None:
    sound = Sound.objects.create(account=account, digest="d", seconds=1, pcm=b"\0\0")
    fields: dict[str, object] = {
        "name": "Reminders",
        "description": "About visits",
        "type": "instant",
        "confirmation": "dtmf",
        "confirm_digits": "12",
        "opt_out_digit": "9",
        "time_zone": "callee",
        "time_zone_fallback": "Moscow",
        "days": {"sun": False},
        "minute_from": 600,
        "minute_to": 700,
        "attempts": 3,
        "call_delay": 60,
        "retry": {"busy": False},
        "ring_timeout": 40,
        "cps": 1.5,
        "channels": 7,
        "timeout_before_intro_callback": 10,
        "callback": "+74950001122",
        "caller_id": "+74950001123",
        "intro_id": sound.pk,
        "intro_filename": "a.mp3",
        "record": False,
        "autostart": False,
    }
    assert fields.keys() == set(COLUMNS)
    first = batch(account, **fields, state="stopped", dialed=True, total=5, unfinished=1, served=9)
    copy = batches.duplicate(account, first.pk)
    assert copy.pk != first.pk
    copy.refresh_from_db()
    assert {column: getattr(copy, column) for column in fields} == fields | {"name": "Copy of Reminders"}
    assert (copy.state, copy.dialed, copy.total, copy.unfinished) == ("fresh", False, 0, 0)


def test_the_name_of_a_duplicate_is_no_longer_than_names_are(account: Account) -> None:
    assert len(batches.duplicate(account, batch(account, name="x" * 200).pk).name) == 200


def test_nobody_duplicates_another_account_s(account: Account) -> None:
    theirs = batch(accounts.create_user("other@example.org")[0].account)
    with pytest.raises(NotFound):
        batches.duplicate(account, theirs.pk)


@pytest.mark.parametrize("state", BatchState)
def test_the_ways_from_a_state_are_those_that_lead_somewhere(state: BatchState) -> None:
    expected = {
        BatchState.FRESH: [Switch.START, Switch.STOP],
        BatchState.RUNNING: [Switch.PAUSE, Switch.STOP],
        BatchState.PAUSED: [Switch.RESUME, Switch.STOP],
        BatchState.FINISHED: [],
        BatchState.STOPPED: [],
    }
    assert ways(state) == expected[state]
