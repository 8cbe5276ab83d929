"""What the doctor finds, and what it says is to be done."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calldron import places
from calldron.config import Config
from calldron.diagnosis import Finding, examine
from calldron.domain.batch import BatchState
from calldron.services import accounts, trunks
from calldron.store.models import Account, Batch, NodeRow, TrunkRow

pytestmark = pytest.mark.django_db


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    return Config(home=tmp_path)


def found(settings: Config, subject: str) -> list[Finding]:
    return [finding for finding in examine(settings) if finding.subject == subject]


def one(settings: Config, subject: str) -> Finding:
    (finding,) = found(settings, subject)
    return finding


def seen(name: str, ago: float, calls: int = 0) -> None:
    at = datetime.now(UTC) - timedelta(seconds=ago)
    NodeRow.objects.create(name=name, started_at=at, seen_at=at, calls=calls)


def waiting_batch(**fields: object) -> Batch:
    account, _ = Account.objects.get_or_create(name="Firm")
    state = {"state": BatchState.RUNNING, "time_zone": "UTC", "total": 1, "unfinished": 1}
    batch = Batch.objects.create(account=account, **{**state, **fields})
    batch.calls.create(account=account, number="+79160000000", due_at=datetime.now(UTC), created_at=datetime.now(UTC))
    return batch


def test_a_new_installation_is_told_what_is_missing(settings: Config) -> None:
    assert one(settings, "home").good
    assert one(settings, "database").words == "sqlite, up to date"
    assert "calldron user add" in one(settings, "users").words
    assert "the sandbox" in one(settings, "trunk").words
    assert one(settings, "dialer") == Finding("dialer", False, "not running, nothing is dialled: calldron serve")


def test_a_setup_that_is_due_is_told_with_its_address(settings: Config) -> None:
    told = one(settings, "setup")
    assert told.good
    assert "/setup?token=" in told.words
    assert one(settings, "setup") == told
    accounts.create_user("owner@example.org", "a long enough password")
    assert found(settings, "setup") == []


def test_a_dialer_that_has_just_started_counts(settings: Config) -> None:
    with places.only_dialer_of(settings.home):
        assert found(settings, "dialer") == []


def test_dialers_are_told_with_their_calls(settings: Config) -> None:
    seen("east:1:aa", 1, calls=7)
    finding = one(settings, "dialer")
    assert finding.good
    assert finding.words == "east:1:aa is running, calls up: 7"
    assert found(settings, "recordings") == []


def test_a_silent_dialer_is_told_and_bad_where_it_was_the_only_one(settings: Config) -> None:
    seen("east:1:aa", settings.lease_seconds + 5)
    silent, none = found(settings, "dialer")
    assert (silent.good, none.good) == (False, False)
    assert "east:1:aa was seen last at" in silent.words
    seen("west:1:bb", 1)
    assert all(finding.good for finding in found(settings, "dialer"))


def test_dialers_on_several_machines_want_one_folder(settings: Config, tmp_path: Path) -> None:
    seen("east:1:aa", 1)
    seen("west:1:bb", 1)
    assert not one(settings, "recordings").good
    shared = Config(home=tmp_path / "home", recordings=tmp_path)
    shared.home.mkdir()
    assert one(shared, "recordings").good


def test_recordings_that_are_not_mounted_are_told(settings: Config, tmp_path: Path) -> None:
    elsewhere = Config(home=tmp_path, recordings=tmp_path.parent / "nowhere")
    assert "is it mounted?" in one(elsewhere, "recordings").words


def test_a_slowed_trunk_is_told_with_what_to_do(settings: Config) -> None:
    trunks.add("mine", "sip:127.0.0.1:5099", cps=10)
    assert all(finding.good for finding in found(settings, "trunk mine"))
    at = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
    TrunkRow.objects.update(strain=3, strain_changed_at=at)
    _, slowed = found(settings, "trunk mine")
    assert not slowed.good
    assert "since 2026-11-24 10:00:00 UTC; tried 1.2 times a second" in slowed.words
    assert "calldron trunk test mine NUMBER" in slowed.words


def test_batches_that_wait_are_told_with_the_reason(settings: Config) -> None:
    now = datetime.now(UTC)
    minute = now.hour * 60 + now.minute
    shut = {"minute_from": (minute + 60) % 1440, "minute_to": (minute + 120) % 1440}
    batches = [waiting_batch(**shut, served=place) for place in range(7)]
    paused = waiting_batch(state=BatchState.PAUSED)
    assert not one(settings, f"batch {batches[0].pk}").good  # nobody dials at all
    trunks.add("mine", "sip:127.0.0.1:5099")
    seen("east:1:aa", 1)
    told = [finding for finding in examine(settings) if finding.subject.startswith("batch ")]
    assert [finding.subject for finding in told] == [f"batch {batch.pk}" for batch in batches[:5]]
    assert all(finding.good and "hours" in finding.words for finding in told), told
    assert found(settings, f"batch {paused.pk}") == []


def test_a_batch_that_dials_is_not_told(settings: Config) -> None:
    trunks.add("mine", "sip:127.0.0.1:5099")
    seen("east:1:aa", 1)
    assert found(settings, f"batch {waiting_batch().pk}") == []


@pytest.mark.parametrize(
    ("public_url", "hosts", "told"),
    [
        ("https://calls.example.com", ["*"], 1),
        ("https://calls.example.com", ["calls.example.com"], 0),
        ("http://127.0.0.1:8000", ["*"], 0),
    ],
)
def test_any_host_name_is_bad_on_the_internet(tmp_path: Path, public_url: str, hosts: list[str], told: int) -> None:
    settings = Config(home=tmp_path, public_url=public_url, allowed_hosts=hosts)
    assert len(found(settings, "allowed hosts")) == told


def test_a_key_that_others_can_read_is_told(settings: Config) -> None:
    key = settings.home / "secret_key"
    key.write_text("x")
    key.chmod(0o644)
    assert "chmod 600" in one(settings, "secret key").words
