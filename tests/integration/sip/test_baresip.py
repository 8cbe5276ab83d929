"""A real softphone as the callee, in both laws."""

import numpy as np
import pytest
from lines import DialPeer
from peers.starting import StartPhone

from calldron.domain.events import Answered, Heard, Played
from calldron.domain.outcome import EndedBy
from calldron.engines.sip.engine import SipEngine
from calldron.media import tones

pytestmark = pytest.mark.asyncio(loop_scope="session")


def loudest(pcm: bytes) -> float:
    """The strongest frequency of 8 kHz s16le, Hz."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * 8000 / len(samples))


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_a_softphone_hears_the_intro_and_is_heard(
    engine: SipEngine, dial: DialPeer, baresip_callee: StartPhone, codec: str
) -> None:
    await engine.load_prompt("six hundred", tones.tone(600, 2.0))
    phone = baresip_callee(codec=codec)
    line = dial(phone.address, "sip:callee@127.0.0.1")
    await line.wait_for(Answered)
    line.leg.play("six hundred")
    line.leg.listen(1.5, 10.0)  # it echoes
    assert (await line.wait_for(Heard)).seconds > 0.5
    await line.wait_for(Played)
    line.leg.hangup()
    assert (await line.ended()).by is EndedBy.LOCAL
    phone.stop()
    assert abs(loudest(phone.heard()) - 600) < 10


async def test_a_softphone_that_speaks_leaves_a_message(
    engine: SipEngine, dial: DialPeer, baresip_callee: StartPhone
) -> None:
    phone = baresip_callee(says=tones.tone(440, 6.0))
    line = dial(phone.address, "sip:callee@127.0.0.1")
    await line.wait_for(Answered)
    line.leg.listen(3.0, 3.0)
    assert (await line.wait_for(Heard)).seconds > 1.5
