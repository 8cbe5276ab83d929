"""Bridges and recordings, proved by what is in the sound."""

from pathlib import Path

import miniaudio
import numpy as np
import pytest
from lines import Dialling, Line
from sounds import Sound

from calldron.dialer.ports import Engine
from calldron.domain.events import Answered, Digit, Played
from calldron.media import tones
from calldron.media.g711 import SAMPLE_RATE

pytestmark = pytest.mark.asyncio(loop_scope="session")


def decoded(file: Path) -> Sound:
    """The samples of an mp3, of full scale 1.0."""
    sound = miniaudio.decode(file.read_bytes(), nchannels=1, sample_rate=SAMPLE_RATE)
    return np.asarray(sound.samples, np.float32) / np.float32(32768)


def level(sound: Sound, hertz: float) -> float:
    """How strong a tone is in the second in which it is strongest: the amplitude of its sine."""
    seconds = [sound[at : at + SAMPLE_RATE] for at in range(0, max(sound.size - SAMPLE_RATE, 1), SAMPLE_RATE // 4)]
    return max(float(2 * np.abs(np.fft.rfft(second, SAMPLE_RATE)[round(hertz)]) / SAMPLE_RATE) for second in seconds)


async def answered(*lines: Line) -> None:
    for line in lines:
        await line.wait_for(Answered)


async def hung_up(*lines: Line) -> None:
    for line in lines:
        line.leg.hangup()
    for line in lines:
        await line.ended()


async def test_a_recording_holds_what_the_far_side_said(dial: Dialling, engine: Engine, tmp_path: Path) -> None:
    line = dial("8000", recording=tmp_path / "tracks")
    await answered(line)
    await line.listen(2.0)
    await hung_up(line)
    seconds = await engine.render(tmp_path / "tracks", tmp_path / "call.mp3")
    sound = decoded(tmp_path / "call.mp3")
    assert seconds == pytest.approx(2.0, abs=0.5)
    assert sound.size / SAMPLE_RATE == pytest.approx(2.0, abs=0.6)
    assert level(sound, 440) > 0.1
    assert level(sound, 880) < 0.01


async def test_a_recording_holds_what_was_played_and_in_its_time(
    dial: Dialling, engine: Engine, tmp_path: Path
) -> None:
    await engine.load_prompt("six hundred", tones.tone(600, 1.0))
    line = dial("8100", recording=tmp_path / "tracks")
    await answered(line)
    await line.listen(2.0)
    line.leg.play("six hundred")
    await line.wait_for(Played)
    await hung_up(line)
    assert await engine.render(tmp_path / "tracks", tmp_path / "call.mp3") == pytest.approx(3.0, abs=0.5)
    sound = decoded(tmp_path / "call.mp3")
    early, late = sound[: int(1.5 * SAMPLE_RATE)], sound[int(1.5 * SAMPLE_RATE) :]
    assert level(early, 880) > 0.1
    assert level(late, 880) > 0.1
    assert level(early, 600) < 0.01
    assert level(late, 600) > 0.1


async def test_a_bridge_carries_one_side_to_the_other_and_back(dial: Dialling, engine: Engine, tmp_path: Path) -> None:
    agent = dial("8000")
    client = dial("2000", recording=tmp_path / "tracks")
    await answered(agent, client)
    assert await client.listen(0.6) == 0  # an echo of nothing
    engine.bridge(agent.leg, client.leg)
    assert await client.listen(2.0) > 1.5  # the agent's tone went to the client, who sent it back
    await hung_up(agent, client)
    await engine.render(tmp_path / "tracks", tmp_path / "call.mp3")
    assert level(decoded(tmp_path / "call.mp3"), 440) > 0.1


async def test_a_bridge_stops_prompts_and_ends_with_either_leg(dial: Dialling, engine: Engine) -> None:
    await engine.load_prompt("looped", tones.tone(600, 0.5))
    await engine.load_prompt("goodbye", tones.tone(600, 0.5))
    client, operator = dial("2000"), dial("0000")
    await answered(client, operator)
    client.leg.play("looped", loop=True)
    assert await client.listen(1.0) > 0.5
    engine.bridge(client.leg, operator.leg)
    await client.listen(0.5)  # what was on its way
    assert await client.listen(0.5) == 0
    await hung_up(operator)
    client.leg.play("goodbye")
    await client.wait_for(Played)
    assert len(client.told(Played)) == 1


async def test_keys_are_told_across_a_bridge(dial: Dialling, engine: Engine) -> None:
    client, operator = dial("9301"), dial("8000")
    await answered(client, operator)
    engine.bridge(client.leg, operator.leg)
    assert (await client.wait_for(Digit)).key == "3"
    assert await client.listen(1.0) > 0.5


@pytest.mark.parametrize("last", ["5001", "4000"])
async def test_no_answer_no_recording(dial: Dialling, engine: Engine, tmp_path: Path, last: str) -> None:
    line = dial(last, recording=tmp_path / "tracks")
    await line.ended()
    assert await engine.render(tmp_path / "tracks", tmp_path / "call.mp3") is None
    assert not (tmp_path / "call.mp3").exists()


async def test_both_legs_of_a_call_are_one_recording(dial: Dialling, engine: Engine, tmp_path: Path) -> None:
    one, other = dial("8000", recording=tmp_path / "tracks"), dial("8100", recording=tmp_path / "tracks")
    await answered(one, other)
    engine.bridge(one.leg, other.leg)
    await one.listen(2.0)
    await hung_up(one, other)
    await engine.render(tmp_path / "tracks", tmp_path / "call.mp3")
    sound = decoded(tmp_path / "call.mp3")
    assert level(sound, 440) > 0.1
    assert level(sound, 880) > 0.1
