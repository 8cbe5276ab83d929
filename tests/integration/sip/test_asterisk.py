"""Every number of the Asterisk carrier's plan, a digest trunk, and sound proved by what the other side recorded."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from lines import DialPeer
from peers.asterisk import Asterisk

from calldron.domain.events import Answered, Digit, Heard, Played, Ringing, Role
from calldron.domain.outcome import EndedBy, Fault, Outcome, classify
from calldron.engines.sip.engine import SipEngine
from calldron.media import g711, tones
from calldron.media.audio import decode

pytestmark = pytest.mark.asyncio(loop_scope="session")

RATE = 8000


def spectrum_peak(pcm: bytes) -> float:
    """The strongest frequency of 8 kHz s16le, Hz."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    magnitudes = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(magnitudes) * RATE / len(samples))


def strength(pcm: bytes, hz: float) -> float:
    """The share of the signal's power within 10 Hz of this frequency."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bins = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(power[np.abs(bins - hz) < 10].sum() / max(power.sum(), 1.0))


@pytest.mark.parametrize(
    ("last", "code", "outcome", "fault"),
    [
        ("4000", 486, Outcome.BUSY, Fault.CALLEE),
        ("4001", 486, Outcome.BUSY, Fault.CALLEE),
        ("5001", 404, Outcome.INVALID_NUMBER, Fault.NUMBER),
        ("5003", 403, Outcome.FAILED, Fault.TRUNK),
        ("5004", 480, Outcome.UNAVAILABLE, Fault.CALLEE),
        ("5005", 503, Outcome.FAILED, Fault.TRUNK),
        ("5006", 500, Outcome.FAILED, Fault.TRUNK),
        ("5007", 484, Outcome.INVALID_NUMBER, Fault.NUMBER),
        ("5008", 410, Outcome.INVALID_NUMBER, Fault.NUMBER),
        ("2201", 404, Outcome.INVALID_NUMBER, Fault.NUMBER),
    ],
)
async def test_a_refusal_is_told_by_its_code(
    carrier: Asterisk, dial: DialPeer, number: str, last: str, code: int, outcome: Outcome, fault: Fault
) -> None:
    line = dial(carrier.address, number + last)
    ending = await line.ended()
    assert (ending.by, ending.sip_code, ending.answered) == (EndedBy.REMOTE, code, False)
    assert classify(ending) == (outcome, fault)
    assert not line.told(Answered)


@pytest.mark.parametrize("last", ["4100", "4200"])
async def test_who_never_answers_is_given_up(carrier: Asterisk, dial: DialPeer, number: str, last: str) -> None:
    line = dial(carrier.address, number + last, ring_timeout=1.5)
    ending = await line.ended()
    assert ending.by is EndedBy.RING_TIMEOUT
    assert classify(ending)[0] is Outcome.NO_ANSWER
    assert bool(line.told(Ringing)) == (last == "4100")


async def test_a_callee_who_hangs_up_ends_the_leg(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    line = dial(carrier.address, number + "3001")
    ending = await line.ended()
    assert (ending.by, ending.sip_code, ending.answered) == (EndedBy.REMOTE, 200, True)


@pytest.mark.parametrize(("last", "key"), [("1100", "1"), ("1701", "7"), ("9301", "3"), ("3100", "1"), ("7001", "1")])
async def test_keys_are_heard_once(carrier: Asterisk, dial: DialPeer, number: str, last: str, key: str) -> None:
    line = dial(carrier.address, number + last)
    await line.wait_for(Digit)
    line.leg.hangup()
    await line.ended()
    assert [digit.key for digit in line.told(Digit)] == [key]


async def test_early_media_goes_before_the_answer(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    line = dial(carrier.address, number + "2101")
    await line.wait_for(Digit)
    kinds = [type(event) for event in line.events]
    assert kinds.index(Ringing) < kinds.index(Answered) < kinds.index(Digit)


async def test_a_digest_trunk_is_answered(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    line = dial(
        carrier.address,
        number + "3000",
        username="authtrunk",
        password="carrier-secret",
        caller_id="",
    )
    assert (await line.ended()).sip_code == 200


async def test_a_wrong_password_is_our_fault_and_ends(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    line = dial(carrier.address, number + "3000", username="authtrunk", password="wrong", caller_id="")
    ending = await line.ended()
    assert ending.sip_code in (401, 403)
    assert not ending.answered
    assert not ending.reached


async def test_the_callee_hears_the_intro_bit_exact(
    carrier: Asterisk, engine: SipEngine, dial: DialPeer, number: str
) -> None:
    noise = np.random.default_rng(7).normal(0, 6000, 2 * RATE).clip(-30000, 30000).astype("<i2").tobytes()
    await engine.load_prompt("exact", noise)
    line = dial(carrier.address, number + "3204")
    await line.wait_for(Answered)
    line.leg.play("exact")
    await line.wait_for(Played)
    await line.ended()
    assert g711.encode(noise, g711.Codec.PCMA) in carrier.recorded(number + "3204")


async def test_caller_id_is_shown(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    carrier.sip_trace()
    line = dial(carrier.address, number + "3000", caller_id="+74957654321")
    await line.ended()
    invite = next(part for part in carrier.log().split("<--- ") if f"INVITE sip:{number}3000@" in part)
    assert "From: <sip:+74957654321@" in invite or "<sip:+74957654321@" in invite.split("From:")[1].split("\n")[0]
    assert "P-Asserted-Identity: <sip:+74957654321@" in invite


async def test_two_bridged_legs_hear_each_other_and_the_recording_holds_all(
    carrier: Asterisk, engine: SipEngine, dial: DialPeer, number: str, tmp_path: Path
) -> None:
    """The client presses and echoes; the agent has a 440 Hz tone; our intro is 1000 Hz."""
    await engine.load_prompt("thousand", tones.tone(1000, 1.0))
    tracks = tmp_path / "tracks"
    client = dial(carrier.address, number + "9101", recording=tracks)
    await client.wait_for(Answered)
    client.leg.play("thousand")
    await client.wait_for(Digit)
    agent = dial(carrier.address, number + "8200", recording=tracks, role=Role.OPERATOR)
    await agent.wait_for(Answered)
    engine.bridge(client.leg, agent.leg)
    client.leg.listen(3.0, 10.0)  # the tone comes back from the client's echo for three seconds
    await client.wait_for(Heard)
    for line in (client, agent):
        line.leg.hangup()
        await line.ended()
    target = tmp_path / "call.mp3"
    seconds = await engine.render(tracks, target)
    assert seconds is not None
    assert seconds >= 4
    pcm = decode(await asyncio.to_thread(target.read_bytes)).pcm
    assert abs(spectrum_peak(pcm[: 2 * RATE]) - 1000) < 20
    assert strength(pcm[-4 * RATE :], 440) > 0.8
    heard_by_agent = g711.decode(carrier.recorded(number + "8200"), g711.Codec.PCMA)
    assert strength(heard_by_agent[-4 * RATE :], 440) > 0.8, "the client's echo of the agent's tone"
