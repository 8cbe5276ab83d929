"""The published reference's own samples, run against the server.

``samples/`` holds them exactly as published. What is changed is in ``CHANGES`` and nowhere else: the host, the key, and
the two slips that never let them run (Ruby's ``request.headers``, a Cyrillic "с" in PHP's host name)."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sounds import encoded, sine
from web_server import WebServer

SAMPLES = Path(__file__).parent / "samples"
SEED_KEY = "gnLZYz0FexchC6RFPyP0PBb9n26cecQh"
RUN = {
    "root.sh": ["sh"],
    "root.rb": ["ruby"],
    "root.py.txt": [sys.executable],
    "root.php": ["php"],
}


@pytest.fixture(scope="module")
def key(server: WebServer) -> str:
    return server.new_key("seed@example.org")


def sample(name: str, server: WebServer, key: str) -> str:
    """A published sample with host and key changed."""
    changes = {
        "https://api.calldron.ru": server.url,
        "https://api.сalldron.ru": server.url,  # PHP's, with a Cyrillic "с"
        SEED_KEY: key,
        # The host's scheme goes with it, and Ruby writes that in a line of its own.
        "http.use_ssl = true": "http.use_ssl = false",
        'request.headers["Content-Type"]': 'request["Content-Type"]',
    }
    text = (SAMPLES / name).read_text()
    for published, ours in changes.items():
        text = text.replace(published, ours)
    assert urlsplit(server.url).netloc in text
    return text


@pytest.mark.parametrize("name", RUN)
def test_a_published_program_reads_the_root(name: str, server: WebServer, key: str, tmp_path: Path) -> None:
    program = tmp_path / name
    program.write_text(sample(name, server, key))

    done = subprocess.run([*RUN[name], str(program)], capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    assert '"version": "v1"' in done.stdout
    assert "seed@example.org" in done.stdout


def published(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text())


def test_the_published_bodies_make_a_batch_and_a_call(server: WebServer, key: str) -> None:
    body = published("create_batch.json")
    with server.client(key) as client:
        refused = client.post("/v1/batches", json=body)
        # "Base64 encoded file (mp3, wav)" stands for a file; the rest is as it would be sent.
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == ["[0].batch.intro"]

        body[0]["batch"]["intro"] = base64.b64encode(encoded(sine(440, 1, 8000), 8000)).decode()
        made = client.post("/v1/batches", json=body)
        assert made.status_code == 201
        assert list(made.json()) == ["id"]
        batch = f"/v1/batches/{made.json()['id']}"

        changes = published("update_batch.json")
        del changes[0]["batch"]["intro"]
        changed = client.put(batch, json=changes)
        assert (changed.status_code, changed.json()) == (200, made.json())

        added = client.post(
            f"{batch}/calls",
            content=(SAMPLES / "create_call.json").read_bytes(),
            headers={"Content-Type": "application/json"},
        )
        assert added.status_code == 201
        shown = client.get(f"{batch}/calls/{added.json()['id']}").json()
        assert shown["phone_number"] == "+79997778855"

        removed = client.delete(batch)
        assert (removed.status_code, removed.json()) == (200, made.json())


# The answers of the published "Index" and "Show": every field with its type.
PUBLISHED_BATCH = {
    "id": str,
    "name": str,
    "description": str,
    "attempts": str,
    "call_delay": str,
    "callback": str,
    "from": str,
    "confirmation": str,
    "status": str,
    "type": str,
}
PUBLISHED_CALL = {
    "id": str,
    "phone_number": str,
    "duration": str,
    "status": str,
    "result": str | None,
    "final": bool,
    "dialed_at": str | None,
    "ended_at": str | None,
    "record_url": str | None,
}


def test_the_published_fields_are_all_there(server: WebServer, key: str) -> None:
    with server.client(key) as client:
        wanted = {
            "name": "API",
            "attempts": "3",
            "call_delay": "30",
            "callback": "79999802696",
            "type": "instant",
            "autostart": False,
        }
        batch = f"/v1/batches/{client.post('/v1/batches', json=wanted).json()['id']}"
        client.post(f"{batch}/calls", json={"phone_number": "+79997778855"})
        batches = client.get("/v1/batches").json()
        calls = client.get(f"{batch}/calls").json()

    assert isinstance(batches, list)
    assert isinstance(calls, list)
    for shown, fields in ((batches[-1], PUBLISHED_BATCH), (calls[-1], PUBLISHED_CALL)):
        assert list(shown)[: len(fields)] == list(fields)
        for name, kind in fields.items():
            assert isinstance(shown[name], kind), name
    assert (
        batches[-1]
        | {
            "name": "API",
            "description": "",
            "attempts": "3",
            "call_delay": "30",
            "callback": "79999802696",
            "from": "",
            "confirmation": "timeout",
            "status": "fresh",
            "type": "instant",
        }
        == batches[-1]
    )
