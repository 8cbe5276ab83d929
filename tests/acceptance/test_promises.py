"""kill -9 in the middle: never twice, nothing lost."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import installation
import pytest
import pytest_asyncio
from installation import Installation, intro

from calldron.media.audio import decode

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.timeout(240)]


@pytest_asyncio.fixture
async def calldron(tmp_path: Path) -> AsyncIterator[Installation]:
    running = await installation.start(tmp_path)
    running.start_dialer()
    yield running
    await running.stop()


async def test_a_call_whose_dialer_is_killed_is_unknown_never_dialled_again_and_its_recording_kept(
    calldron: Installation,
) -> None:
    batch = await calldron.batch(attempts=5, call_delay=0, **intro(60.0))
    (call,) = await calldron.calls(batch, "+79990012000")
    await calldron.shown(batch, call, lambda shown: shown["status"] == "answered")

    async def a_track_is_on_disk() -> bool | None:
        tracks = [file for file in (calldron.home / "tracks").rglob("*") if file.is_file()]
        return True if sum(file.stat().st_size for file in tracks) > 8000 else None

    await calldron.until(a_track_is_on_disk, "tracks")
    await calldron.kill_dialer()
    calldron.start_dialer()
    shown = await calldron.final(batch, call)
    assert shown["status"] == "unknown"
    assert calldron.carrier.invites["+79990012000"] == 1
    assert len(await calldron.recording(batch, call)) > 1000


async def test_a_crowd_survives_kills_and_everyone_is_called_at_most_once(calldron: Installation) -> None:
    numbers = [f"+7999{index:03d}3000" for index in range(200)]
    batch = await calldron.batch(ring_timeout=5)
    calls = await calldron.calls(batch, *numbers)
    for _round in range(3):
        invited = sum(calldron.carrier.invites.values())

        async def went_on(invited: int = invited) -> bool | None:
            return True if sum(calldron.carrier.invites.values()) > min(invited + 20, len(numbers) - 1) else None

        await calldron.until(went_on, "calls go out")
        await calldron.kill_dialer()
        calldron.start_dialer()
    statuses = {(await calldron.final(batch, call))["status"] for call in calls}
    assert statuses <= {"answered", "unknown"}
    assert max(calldron.carrier.invites.values()) == 1
    shown = (await calldron.api.get(f"/v1/batches/{batch}")).json()
    assert shown["status"] == "finished"


async def test_sigterm_lets_a_call_end_and_a_second_one_hurries(calldron: Installation) -> None:
    batch = await calldron.batch(**intro(60.0))
    (call,) = await calldron.calls(batch, "+79990022000")
    await calldron.shown(batch, call, lambda shown: shown["status"] == "answered")
    calldron.signal_dialer(signal.SIGTERM)

    async def it_is_stopping() -> bool | None:
        return True if "stopping" in calldron.log() else None

    await calldron.until(it_is_stopping, "it stops")
    assert (await calldron.call(batch, call))["final"] is False
    calldron.signal_dialer(signal.SIGTERM)
    assert await calldron.dialer_ended() == 0
    shown = await calldron.final(batch, call)
    assert shown["status"] == "answered"
    assert decode(await calldron.recording(batch, call)).seconds > 0
