"""What only a real server shows: bodies on the wire, requests at the same time, files in pieces."""

import json
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from web_server import WebServer


@pytest.fixture(scope="module")
def key(server: WebServer) -> str:
    return server.new_key("server@example.org")


def test_a_body_in_chunks_is_read_like_any_other(server: WebServer, key: str) -> None:
    def chunks() -> list[bytes]:
        return [b'{"na', b'me": "in ', b'pieces"}']

    with server.client(key) as client:
        made = client.post("/v1/batches", content=iter(chunks()), headers={"Content-Type": "application/json"})
        assert made.status_code == 201
        assert client.get(f"/v1/batches/{made.json()['id']}").json()["name"] == "in pieces"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_is_too_large_is_refused(server: WebServer, key: str, chunked: bool) -> None:
    size = 33 * 2**20
    content = (b"x" * 2**20 for _ in range(33)) if chunked else b"x" * size
    with server.client(key) as client:
        response = client.post("/v1/batches", content=content, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        assert client.get("/v1/").status_code == 200


def test_a_body_that_never_comes_holds_up_nobody(server: WebServer, key: str) -> None:
    with server.client(key) as client, socket.create_connection(("127.0.0.1", server.port), 10) as silent:
        silent.sendall(
            b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        for _ in range(20):
            assert client.get("/v1/").status_code == 200


def test_the_same_post_sent_at_once_is_done_once(server: WebServer, key: str) -> None:
    with server.client(key) as client:
        batch = f"/v1/batches/{client.post('/v1/batches', json={}).json()['id']}"
        calls = [{"phone_number": f"+7999{n:07}"} for n in range(2000)]

        def send(_nth: int) -> httpx.Response:
            return client.post(f"{batch}/calls", json=calls, headers={"Idempotency-Key": "at once"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(send, range(8)))

        made = [answer for answer in answers if answer.status_code == 201]
        assert made, [answer.text for answer in answers]
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers if answer.status_code == 409)
        assert {answer.content for answer in made} == {send(0).content}
        assert client.get(batch).json()["calls"] == "2000"


def test_many_at_once_get_each_their_own(server: WebServer, key: str) -> None:
    with server.client(key) as client:

        def make(nth: int) -> str:
            return str(client.post("/v1/batches", json={"name": str(nth)}).json()["id"])

        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(make, range(40)))
        assert len(set(ids)) == 40
        assert [client.get(f"/v1/batches/{one}").json()["name"] for one in ids] == [str(nth) for nth in range(40)]


@pytest.fixture
def recording(server: WebServer, key: str) -> str:
    """The path of a recording of 64 MB, which no call has but here."""
    with server.client(key) as client:
        batch = f"/v1/batches/{client.post('/v1/batches', json={'autostart': False}).json()['id']}"
        call = f"{batch}/calls/{client.post(f'{batch}/calls', json={'phone_number': '+79997778855'}).json()['id']}"
    file = server.home / "recordings" / "large.mp3"
    file.parent.mkdir(exist_ok=True)
    with file.open("wb") as out:
        for nth in range(64):
            out.write(bytes([nth]) * 2**20)
    with sqlite3.connect(server.home / "calldron.sqlite3", timeout=30) as database:
        database.execute("UPDATE store_call SET recording = 'large.mp3' WHERE id = ?", [call.rsplit("/", 1)[1]])
    return f"{call}/record.mp3"


def test_a_recording_streams_in_little_memory(server: WebServer, key: str, recording: str) -> None:
    family = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]

    def memory() -> int:
        return sum(int(member.memory_info().rss) for member in family)

    with server.client(key) as client:
        client.get(recording, headers={"Range": "bytes=0-9"})
        before, peak, size = memory(), 0, 0
        with client.stream("GET", recording) as response:
            assert response.status_code == 200
            for piece in response.iter_bytes(2**20):
                size += len(piece)
                peak = max(peak, memory())
    assert size == 64 * 2**20
    assert peak - before < 24 * 2**20


def test_a_player_seeks_in_a_recording(server: WebServer, key: str, recording: str) -> None:
    with server.client(key) as client:
        part = client.get(recording, headers={"Range": f"bytes={5 * 2**20 - 1}-{5 * 2**20}"})
        assert (part.status_code, part.content) == (206, b"\x04\x05")
        assert part.headers["Content-Range"] == f"bytes {5 * 2**20 - 1}-{5 * 2**20}/{64 * 2**20}"
        head = client.head(recording)
        assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(64 * 2**20))
        signed = client.get(recording.removesuffix("/record.mp3")).json()["record_link"]
    assert httpx.get(signed, headers={"Range": "bytes=-1"}).content == b"\x3f"


def test_no_key_is_in_the_server_s_log(server: WebServer, key: str) -> None:
    with server.client(key) as client:
        client.get("/v1/nothing")
        client.post("/v1/batches", content=json.dumps({"attempts": 99}), headers={"Content-Type": "application/json"})
    assert key not in (server.home / "web.log").read_text()
    for file in Path(server.home).glob("*.sqlite3*"):
        assert key.encode() not in file.read_bytes()
