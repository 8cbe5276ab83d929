"""Three people: an account's owner, somebody with an account of his own, and somebody without."""

from pathlib import Path

import pytest
from support.api_client import Api

from calldron.config import config
from calldron.services import accounts


@pytest.fixture
def api(db: None) -> Api:
    user, key = accounts.create_user("owner@example.org")
    return Api(key, user.account)


@pytest.fixture
def outsider(db: None) -> Api:
    user, key = accounts.create_user("outsider@example.org")
    return Api(key, user.account)


@pytest.fixture
def anonymous(db: None) -> Api:
    return Api(None)


@pytest.fixture
def recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of recordings, empty."""
    monkeypatch.setattr(config(), "home", tmp_path)
    monkeypatch.setattr(config(), "recordings", tmp_path / "recordings")
    config().recordings.mkdir()
    return config().recordings
