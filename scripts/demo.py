"""``make demo``: the main job for real, from a user's first command to recordings, against the sandbox carrier.

Starts the server, creates a user and a key, makes batches through the API as the reference's samples do, calls numbers
of the sandbox over real SIP and RTP on loopback, waits until every call is final, prints a table, and exits 0 only if
the calls ended as the number plan says. ``KEEP=1`` leaves the cabinet open and says where.
"""

import base64
import io
import json
import math
import os
import re
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CALLDRON = [sys.executable, "-m", "calldron.cli"]
FINAL_WITHIN = 120.0  # seconds


@dataclass(frozen=True)
class Expected:
    """A number of the sandbox's plan and how its call must end."""

    number: str
    what: str
    status: str
    result: str | None
    digits: str = ""
    recorded: bool = True


BATCHES: list[tuple[dict[str, object], list[Expected]]] = [
    (
        {"Name": "Survey", "type": "instant", "confirmation": "dtmf", "callback": "+74950008000", "ring_timeout": 5},
        [
            Expected("+79991111101", "presses 1 after 1 s, is connected", "answered", "connected", "1"),
            Expected("+79991111502", "presses 5 after 2 s, is connected", "answered", "connected", "5"),
            Expected("+79991110003", "listens, presses nothing", "answered", "declined"),
            Expected("+79991113001", "hangs up after 1 s", "answered", "declined"),
            Expected("+79991114001", "is busy", "busy", None, recorded=False),
            Expected("+79991114100", "rings for ever", "no_answer", None, recorded=False),
            Expected("+79991115001", "does not exist (404)", "invalid_number", None, recorded=False),
            Expected("+79991115004", "is switched off (480)", "unavailable", None, recorded=False),
            Expected("+79991115005", "the network fails (503)", "failed", None, recorded=False),
            Expected("+79991112101", "early media, then presses 1", "answered", "connected", "1"),
            Expected("+79991112201", "announcement, then 404", "invalid_number", None, recorded=False),
        ],
    ),
    (
        {"Name": "Notice", "type": "instant", "confirmation": "timeout", "ring_timeout": 5},
        [
            Expected("+79992222000", "rings, listens to the end", "answered", "confirmed"),
            Expected("+79992227000", "a person says hello and listens", "answered", "confirmed"),
            Expected("+79992223002", "hangs up after 2 s", "answered", "declined"),
        ],
    ),
    (
        {
            "Name": "Callback",
            "type": "callback",
            "confirmation": "timeout",
            "callback": "+74950008000",
            "timeout_before_intro_callback": "1",
            "ring_timeout": 5,
        },
        [Expected("+79993333005", "talks for 5 s to the operator, who was called first", "answered", "connected")],
    ),
    (
        {
            "Name": "Secretary",
            "type": "callback",
            "confirmation": "timeout",
            "callback": "+74950004100",
            "timeout_before_intro_callback": "1",
            "ring_timeout": 20,
        },
        [
            Expected("+79993336000", "hears the secretary, leaves a message", "answered", "message"),
            Expected("+79993330000", "hears the secretary, says nothing", "answered", "secretary"),
        ],
    ),
]


def intro() -> str:
    """Three seconds of a rising tone as a WAV, in Base64."""
    rate = 16000
    samples = [int(9000 * math.sin(2 * math.pi * (300 + 100 * t / rate) * t / rate)) for t in range(3 * rate)]
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return base64.b64encode(file.getvalue()).decode()


class Api:
    """The API as a client sees it."""

    def __init__(self, root: str, key: str) -> None:
        self.root = root
        self._authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()

    def __call__(self, method: str, path: str, body: object = None) -> bytes:
        url = path if path.startswith("http") else self.root + path
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            url,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": self._authorization, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            content: bytes = answer.read()
        return content


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """A port that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def server(environment: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """``calldron serve``, from its first answer until the block ends."""
    home = Path(environment["CALLDRON_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    with (home / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [*CALLDRON, "serve", "--port", str(port)], cwd=home, env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise SystemExit(f"the server did not start, see {home / 'serve.log'}")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/", timeout=2)
            except urllib.error.HTTPError:  # 401: it is up
                break
            except OSError:
                time.sleep(0.2)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def place(api: Api) -> list[tuple[str, str, Expected]]:
    """Create the batches and their calls; batch id, call id and what is expected of each."""
    sound = intro()
    placed = []
    for fields, calls in BATCHES:
        batch = json.loads(
            api("POST", "/v1/batches", [{"batch": {**fields, "intro": sound, "intro_filename": "intro.wav"}}])
        )["id"]
        answers = json.loads(
            api("POST", f"/v1/batches/{batch}/calls", [{"call": {"phone_number": one.number}} for one in calls])
        )
        answers = answers if isinstance(answers, list) else [answers]
        placed += [(batch, answer["id"], one) for answer, one in zip(answers, calls, strict=True)]
    return placed


def outcome(api: Api, batch: str, call: str, expected: Expected) -> dict[str, object] | None:
    """The call once it is final and its recording, where one is due, is ready."""
    found: dict[str, object] = json.loads(api("GET", f"/v1/batches/{batch}/calls/{call}"))
    ready = found["final"] and (found["record_url"] or not expected.recorded)
    return found if ready else None


def wait(api: Api, placed: list[tuple[str, str, Expected]]) -> dict[str, dict[str, object]]:
    """Every call's last answer, by id."""
    ended: dict[str, dict[str, object]] = {}
    deadline = time.monotonic() + FINAL_WITHIN
    while len(ended) < len(placed) and time.monotonic() < deadline:
        for batch, call, expected in placed:
            if call not in ended and (found := outcome(api, batch, call, expected)):
                ended[call] = found
                print(f"{len(ended):3} of {len(placed)} calls are final", end="\r", flush=True)
        time.sleep(0.3)
    print()
    return ended


def report(api: Api, placed: list[tuple[str, str, Expected]], ended: dict[str, dict[str, object]], home: Path) -> int:
    """Print the table; how many calls are not what the number plan says."""
    wrong = 0
    print(f"\n{'number':14}{'the callee …':52}{'status':16}{'result':12}{'keys':6}{'talk':>6}  recording")
    for _, call, expected in placed:
        found = ended.get(call)
        if found is None:
            wrong += 1
            print(f"{expected.number:14}{expected.what:52}not final within {FINAL_WITHIN:.0f} s")
            continue
        said = (found["status"], found["result"], found.get("digits") or "")
        good = said == (expected.status, expected.result, expected.digits)
        recording = ""
        if found["record_url"]:
            mp3 = api("GET", re.sub(r"^https?://[^/]+", api.root, str(found["record_url"])))
            file = home / f"{call}.mp3"
            file.write_bytes(mp3)
            recording = f"{file.name}, {len(mp3) / 1000:.0f} kB"
            good = good and len(mp3) > 1000
        good = good and bool(recording) == expected.recorded
        wrong += not good
        line = f"{expected.number:14}{expected.what:52}{found['status']:16}{found['result'] or '-':12}"
        line += f"{found.get('digits') or '-':6}{found['duration'] or '-':>6}  {recording or '-'}"
        print(line + ("" if good else f"   EXPECTED {expected.status}, {expected.result}, keys {expected.digits!r}"))
    return wrong


def main() -> int:
    """Run the demo; the process's exit code."""
    started = time.monotonic()
    home = Path(tempfile.mkdtemp(prefix="calldron-demo-"))
    port = free_port()
    environment = {
        **os.environ,
        "CALLDRON_HOME": str(home),
        "CALLDRON_SANDBOX_PORT": str(free_port(socket.SOCK_DGRAM)),
        "CALLDRON_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PYTHONPATH": str(ROOT),
    }
    email, password = "demo@example.com", secrets.token_urlsafe(12)
    with server(environment, port) as process:
        made = subprocess.run(
            [*CALLDRON, "user", "add", email, "--password-stdin"],
            input=f"{password}\n",
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise SystemExit(made.stderr)
        key = made.stdout.split("api key: ")[1].strip()
        api = Api(f"http://127.0.0.1:{port}", key)
        placed = place(api)
        wrong = report(api, placed, wait(api, placed), home)
        print(f"\n{len(placed)} calls in {time.monotonic() - started:.0f} s; recordings and log in {home}")
        print("all as the number plan says" if not wrong else f"{wrong} are NOT as the number plan says")
        if os.environ.get("KEEP") == "1":
            print(f"\ncabinet:   http://127.0.0.1:{port}/, as {email} with the password {password}")
            print(f"reference: http://127.0.0.1:{port}/v1/docs\napi key:   {key}\nCtrl-C ends it")
            with suppress(KeyboardInterrupt):
                process.wait()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
