"""Logs: one shape for all, and no secret in them."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from calldron import logs

SECRETS = [
    {"api_key": "s3cret"},
    {"password": "s3cret"},
    {"headers": {"Authorization": "s3cret", "nested": {"token": "s3cret"}}},
    {"uri": "sip:joe:s3cret@sip.example.org"},
    {"header": "Basic s3cret="},
    {"path": "/v1/batches/1/calls/2/record.mp3?sig=s3cret"},
]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What this process logs, from here on."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure("INFO", process="web")
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_both_ways_of_logging_have_one_shape(written: io.StringIO) -> None:
    logging.getLogger("calldron.x").warning("call %d is up", 7, extra={"call": 7})
    structlog.get_logger("calldron.y").warning("call 7 is up", call=7)
    for line in lines(written):
        assert line["event"] == "call 7 is up"
        assert (line["level"], line["process"], line["call"]) == ("warning", "web", 7)
        assert str(line["timestamp"]).endswith("Z")


def test_a_traceback_is_in_its_line(written: io.StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("x").exception("it failed")
    (line,) = lines(written)
    assert "ValueError: broken" in str(line["exception"])


@pytest.mark.parametrize("values", SECRETS)
def test_secrets_are_masked(written: io.StringIO, values: dict[str, object]) -> None:
    logging.getLogger("x").info("a", extra=values)
    structlog.get_logger("y").info("b", **values)
    for message in values.values():
        logging.getLogger("x").info("c %s", message if isinstance(message, str) and message != "s3cret" else "")
    assert len(lines(written)) == 3
    assert "s3cret" not in written.getvalue()
    assert logs.MASK in written.getvalue()


def test_what_a_client_did_wrong_is_no_news(written: io.StringIO) -> None:
    logging.getLogger("django.request").warning("Not Found: /v1/x")
    assert written.getvalue() == ""


def test_a_full_disk_stops_nobody_from_working() -> None:
    program = """
import structlog
from calldron import logs
logs.configure("INFO", process="dialer")
for number in range(1000):
    structlog.get_logger("calldron").warning("a line that goes nowhere", number=number)
print("still at work")
"""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=full, check=False, text=True
        )
    assert done.stdout == "still at work\n"
