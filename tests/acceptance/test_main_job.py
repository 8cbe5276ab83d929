"""From a POST to a recorded call, through the public API alone, over real SIP and RTP."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import installation
import numpy as np
import pytest
import pytest_asyncio
from installation import Installation, intro

from calldron.media.audio import decode

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

AGENT = "+74950008000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def calldron(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    running = await installation.start(tmp_path_factory.mktemp("calldron"))
    running.start_dialer()
    yield running
    await running.stop()


def strength(pcm: bytes, hz: float) -> float:
    """The share of the signal's power within 15 Hz of this frequency."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / 8000) - hz) < 15
    return float(power[near].sum() / max(power.sum(), 1.0))


def test_the_demo_ends_as_the_number_plan_says(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, str(root / "scripts" / "demo.py")],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_a_key_connects_the_operator_and_all_of_it_is_recorded(calldron: Installation) -> None:
    batch = await calldron.batch(confirmation="dtmf", callback=AGENT, **intro(3.0))
    (call,) = await calldron.calls(batch, "+79990019102")  # presses 1 after 2 s, then echoes
    await calldron.shown(batch, call, lambda shown: shown["result"] == "connected" or shown["status"] == "answered")
    await calldron.until(lambda: _invited(calldron, AGENT), "the operator is called")
    # The echo keeps the call up for as long as we like: take the call back to end it.
    await calldron.shown(batch, call, lambda shown: bool(shown["dialed_at"]))
    answer = await calldron.api.delete(f"/v1/batches/{batch}/calls/{call}")
    assert answer.status_code == 200
    shown = await calldron.final(batch, call)
    assert shown["digits"] == "1"
    assert float(shown["duration"]) > 1
    pcm = decode(await calldron.recording(batch, call)).pcm
    assert strength(pcm[:16000], 1000) > 0.5, "the intro is heard first"


async def _invited(calldron: Installation, number: str) -> bool | None:
    return True if calldron.carrier.invites[number] else None


@pytest.mark.parametrize(
    ("last", "status", "attempts", "invites"),
    [
        ("4000", "busy", 3, 3),
        ("5004", "unavailable", 2, 2),
        ("5001", "invalid_number", 3, 1),
        ("3000", "answered", 3, 1),
    ],
)
async def test_a_number_is_dialled_as_often_as_it_may_and_no_more(
    calldron: Installation, last: str, status: str, attempts: int, invites: int
) -> None:
    number = f"+7999100{last}"
    batch = await calldron.batch(attempts=attempts, call_delay=0)
    (call,) = await calldron.calls(batch, number)
    shown = await calldron.final(batch, call)
    assert shown["status"] == status
    assert calldron.carrier.invites[number] == invites


async def test_the_operator_is_called_first_and_joined_with_the_client(calldron: Installation) -> None:
    batch = await calldron.batch(type="callback", callback="+74950013006", confirmation="timeout")
    (call,) = await calldron.calls(batch, "+79990022000")  # the operator hangs up after 6 s; the client echoes
    shown = await calldron.final(batch, call)
    assert (shown["status"], shown["result"]) == ("answered", "connected")
    assert calldron.carrier.invites["+74950013006"] == 1


async def test_the_secretary_speaks_when_the_operator_is_late(calldron: Installation) -> None:
    batch = await calldron.batch(
        type="callback", callback="+74950014100", timeout_before_intro_callback=1, ring_timeout=20, **intro(1.0)
    )
    (call,) = await calldron.calls(batch, "+79990030000")  # silent
    shown = await calldron.final(batch, call)
    assert (shown["status"], shown["result"]) == ("answered", "secretary")
    pcm = decode(await calldron.recording(batch, call)).pcm
    assert strength(pcm[:8000], 1000) > 0.5


async def test_an_operator_by_key_is_not_taken_for_a_voicemail(calldron: Installation) -> None:
    batch = await calldron.batch(type="callback", callback="+74950010014", confirmation="dtmf")
    (call,) = await calldron.calls(batch, "+79990042000")  # the operator's phone answers and is silent
    shown = await calldron.final(batch, call)
    assert (shown["status"], shown["result"]) == ("no_answer", "callback_failed")
    assert calldron.carrier.invites["+79990042000"] == 0


async def test_nothing_is_dialled_before_start_and_while_paused(calldron: Installation) -> None:
    batch = await calldron.batch(autostart=False)
    (call,) = await calldron.calls(batch, "+79990053000")
    assert (await calldron.call(batch, call))["status"] == "queued"
    probe = await calldron.batch()
    (probed,) = await calldron.calls(probe, "+79990063000")
    await calldron.final(probe, probed)  # the dialer has looked at the queue since
    assert calldron.carrier.invites["+79990053000"] == 0
    assert (await calldron.api.post(f"/v1/batches/{batch}/start")).status_code == 200
    assert (await calldron.final(batch, call))["status"] == "answered"


async def test_deleting_a_batch_ends_its_calls_and_leaves_nothing(calldron: Installation) -> None:
    batch = await calldron.batch(**intro(30.0))
    (call,) = await calldron.calls(batch, "+79990072000")
    await calldron.shown(batch, call, lambda shown: shown["status"] == "answered")
    assert (await calldron.api.delete(f"/v1/batches/{batch}")).status_code == 200
    assert (await calldron.api.get(f"/v1/batches/{batch}")).status_code == 404

    async def nobody_is_up() -> bool | None:
        return True if calldron.carrier.calls == 0 else None

    await calldron.until(nobody_is_up, "the call is hung up")


async def test_stopping_cancels_what_rings_and_what_waits(calldron: Installation) -> None:
    batch = await calldron.batch(ring_timeout=60)
    (call,) = await calldron.calls(batch, "+79990084100")
    await calldron.shown(batch, call, lambda shown: shown["status"] == "dialing")
    assert (await calldron.api.post(f"/v1/batches/{batch}/stop")).status_code == 200
    assert (await calldron.final(batch, call))["status"] == "canceled"
