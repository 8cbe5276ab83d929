"""record.mp3: whole, in ranges, by signed link."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from django.http import StreamingHttpResponse
from support.api_client import Api, call_row, said

from calldron.api.v1.record import PIECE
from calldron.store.models import Call

pytestmark = pytest.mark.django_db

SOUND = bytes(range(256)) * 1000


@pytest.fixture
def path(api: Api, recordings: Path) -> str:
    """A call with a recording."""
    call = api.call(api.batch())
    (recordings / "7").mkdir()
    (recordings / "7" / "1.mp3").write_bytes(SOUND)
    Call.objects.update(recording="7/1.mp3")
    return f"{call}/record.mp3"


@contextmanager
def at(*, hours: float) -> Iterator[None]:
    """Let Django's signer believe that so many hours have passed."""
    later = time.time() + hours * 3600
    with patch("django.core.signing.time.time", lambda: later):
        yield


def content(response: object) -> bytes:
    assert isinstance(response, StreamingHttpResponse)
    pieces = list(response)
    assert max(map(len, pieces), default=0) <= PIECE
    response.close()
    return b"".join(pieces)


def test_the_whole(api: Api, path: str) -> None:
    response = api.get(path)
    assert response.status_code == 200
    assert response["Content-Type"] == "audio/mpeg"
    assert response["Content-Length"] == str(len(SOUND))
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private")
    assert content(response) == SOUND


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=1000-", 1000, len(SOUND)),
        ("bytes=-5", len(SOUND) - 5, len(SOUND)),
        ("bytes=10-99999999", 10, len(SOUND)),
        ("bytes=-99999999", 0, len(SOUND)),
        ("BYTES=0-", 0, len(SOUND)),
    ],
)
def test_a_range(api: Api, path: str, asked: str, start: int, stop: int) -> None:
    response = api.get(path, Range=asked)
    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(SOUND)}"
    assert response["Content-Length"] == str(stop - start)
    assert content(response) == SOUND[start:stop]


def test_a_head_tells_of_the_whole_whatever_the_range(api: Api, path: str) -> None:
    response = api("HEAD", path, Range="bytes=0-9")
    assert (response.status_code, response["Content-Length"]) == (200, api.get(path)["Content-Length"])
    assert "Content-Range" not in response


@pytest.mark.parametrize("asked", [f"bytes={len(SOUND)}-", "bytes=999999999-", "bytes=-0"])
def test_a_range_beyond_the_end(api: Api, path: str, asked: str) -> None:
    response = api.get(path, Range=asked)
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(SOUND)}"
    assert said(response)["type"].endswith("/range-not-satisfiable")


@pytest.mark.parametrize("asked", ["bytes=5-1", "bytes=0-1,5-9", "lines=0-1", "bytes", "bytes=-", "bytes=a-b", ""])
def test_what_is_no_single_range_is_ignored(api: Api, path: str, asked: str) -> None:
    response = api.get(path, Range=asked)
    assert response.status_code == 200
    assert content(response) == SOUND


def test_a_range_on_condition(api: Api, path: str, recordings: Path) -> None:
    whole = api.get(path)
    whole.close()
    for condition in (whole["ETag"], whole["Last-Modified"]):
        response = api.get(path, Range="bytes=0-9", If_Range=condition)
        assert response.status_code == 206
        response.close()
    os.utime(recordings / "7" / "1.mp3", (1, 1))
    response = api.get(path, Range="bytes=0-9", If_Range=whole["ETag"])
    assert response.status_code == 200
    response.close()


def test_what_the_client_has_is_not_sent_again(api: Api, path: str) -> None:
    whole = api.get(path)
    whole.close()
    for tags in (whole["ETag"], f'"other", W/{whole["ETag"]}', "*"):
        response = api.get(path, If_None_Match=tags)
        assert (response.status_code, response.content) == (304, b"")
        assert response["ETag"] == whole["ETag"]


def test_the_signed_link_opens_this_recording_without_a_key_for_a_day(api: Api, anonymous: Api, path: str) -> None:
    shown = said(api.get(path.removesuffix("/record.mp3")))
    link = urlsplit(shown["record_link"])
    assert shown["record_url"].endswith(path)
    signed = f"{link.path.removeprefix('/v1')}?{link.query}"

    response = anonymous.get(signed)
    assert response.status_code == 200
    assert content(response) == SOUND
    assert anonymous.get(path).status_code == 401
    assert anonymous.get(path.removesuffix("/record.mp3") + f"?{link.query}").status_code == 401
    assert anonymous.get(f"/batches?{link.query}").status_code == 401

    other = api.call(path.split("/calls", maxsplit=1)[0])
    Call.objects.update(recording="7/1.mp3")
    for query in (link.query[:-1], "sig=", "sig=a:b", "sig=%00", link.query.swapcase()):
        assert anonymous.get(f"{path}?{query}").status_code in (401, 403)
    assert anonymous.get(f"{other}/record.mp3?{link.query}").status_code == 403

    with at(hours=23):
        assert anonymous.get(signed).status_code == 200
    with at(hours=25):
        response = anonymous.get(signed)
        assert response.status_code == 403
        assert said(response)["type"].endswith("/link-expired")


def test_the_link_of_a_removed_call_leads_nowhere(api: Api, anonymous: Api, path: str) -> None:
    link = urlsplit(said(api.get(path.removesuffix("/record.mp3")))["record_link"])
    api.delete(path.split("/calls", maxsplit=1)[0])
    assert anonymous.get(f"{path}?{link.query}").status_code == 404


@pytest.mark.parametrize(
    "stored", ["", "7/gone.mp3", "7", "../secret_key", "7/../../secret_key", "/etc/passwd", "7/link"]
)
def test_nothing_but_a_recording_is_ever_served(api: Api, path: str, recordings: Path, stored: str) -> None:
    (recordings.parent / "secret_key").write_text("secret")
    (recordings / "7" / "link").symlink_to(recordings.parent / "secret_key")
    Call.objects.filter(pk=call_row(path).pk).update(recording=stored)
    assert api.get(path).status_code == 404
