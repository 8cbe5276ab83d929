"""The samples of the cabinet's reference, run as they stand: every operation, in every language, with a key."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sounds import encoded, sine
from web_server import WebServer

from calldron.web import samples
from calldron.web.pages.reference import request_of
from calldron.web.reference_sections import SECTIONS, Operation

PROGRAMS = {
    "curl": ("sample.sh", ["sh"]),
    "python": ("sample.py", [sys.executable]),
    "ruby": ("sample.rb", ["ruby"]),
    "php": ("sample.php", ["php"]),
}
OPERATIONS = [operation for section in SECTIONS for operation in section.operations]
RECORDING = b"not quite an mp3"

_RECORDED = """
import django; django.setup()
from calldron.store.models import Call
Call.objects.filter(pk={call}).update(recording="1/{call}.mp3")
"""

pytestmark = pytest.mark.timeout(300)


def test_the_reference_has_every_operation_and_no_other(server: WebServer) -> None:
    with server.client("") as client:
        paths = client.get("/v1/openapi.json").json()["paths"]
    there = {
        (method.upper(), path, details["operationId"])
        for path, methods in paths.items()
        for method, details in methods.items()
        if isinstance(details, dict) and "operationId" in details
    }
    assert {(one.method, one.path, one.name) for one in OPERATIONS} == there


def furnish(server: WebServer, key: str, folder: Path) -> tuple[int, int]:
    """A batch that waits for its start with a call that has a recording, and the files that samples send."""
    with server.client(key) as client:
        batch = int(client.post("/v1/batches", json={"type": "instant", "autostart": False}).json()["id"])
        call = int(client.post(f"/v1/batches/{batch}/calls", json={"phone_number": "+79991234567"}).json()["id"])
    recordings = server.home / "recordings" / "1"
    recordings.mkdir(parents=True, exist_ok=True)
    (recordings / f"{call}.mp3").write_bytes(RECORDING)
    environment = server.environment() | {"DJANGO_SETTINGS_MODULE": "calldron.settings"}
    subprocess.run([sys.executable, "-c", _RECORDED.format(call=call)], env=environment, check=True, timeout=60)
    (folder / "intro.mp3").write_bytes(encoded(sine(440, 1, 8000), 8000))
    (folder / "numbers.csv").write_text("+79997778850;one\n+79997778851;another\n")
    return batch, call


def run(language: str, operation: Operation, server: WebServer, key: str, ids: tuple[int, int], folder: Path) -> Any:
    name, command = PROGRAMS[language]
    _title, write = samples.LANGUAGES[language]
    program = folder / name
    program.write_text(write(request_of(operation, server.url, ids)))
    done = subprocess.run(
        [*command, name],
        cwd=folder,
        env={**os.environ, samples.KEY: key},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"{program.read_text()}\n{done.stdout}\n{done.stderr}"
    if operation.saved_as:
        return (folder / operation.saved_as).read_bytes()
    answer = json.loads(done.stdout)
    assert not (isinstance(answer, dict) and str(answer.get("type", "")).startswith("http")), f"{answer}"
    return answer


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_every_sample_runs_as_it_stands(language: str, server: WebServer, tmp_path: Path) -> None:
    key = server.new_key(f"{language}@samples.example.org")
    ids = furnish(server, key, tmp_path)
    answers = {operation.name: run(language, operation, server, key, ids, tmp_path) for operation in OPERATIONS}
    assert answers["root"]["version"] == "v1"
    assert answers["update_batch"] == {"id": str(ids[0])}
    assert (answers["resume_batch"]["status"], answers["stop_batch"]["status"]) == ("running", "stopped")
    assert len(answers["create_calls"]) == 2
    assert answers["show_call"]["phone_number"] == "+79991234567"
    assert answers["get_recording"] == RECORDING
    assert answers["import_stops"]["added"] == "2"
    assert answers["remove_stops"]["unknown"] == "2"
    assert b"+79997778850" in answers["export_stops"]
    with server.client(key) as client:
        made = client.get(f"/v1/batches/{answers['create_batches']['id']}").json()
        assert (made["name"], made["intro_filename"]) == ("Reminders", "intro.mp3")
        assert client.get(f"/v1/batches/{ids[0]}").status_code == 404
