"""Trunks of other habits: keys by INFO, only the other law, a stronger digest, TCP; and a caller who never says ACK."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from lines import HOST, DialPeer
from peers import sipp
from peers.asterisk import Asterisk

from calldron.domain.events import Answered, Digit, Heard, Role
from calldron.engines.carrier.server import Carrier
from calldron.engines.sip.engine import SipEngine
from calldron.media import g711

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("trunk", ["infotrunk", "ulawtrunk"])
async def test_a_key_is_heard_once_however_it_comes(carrier: Asterisk, dial: DialPeer, number: str, trunk: str) -> None:
    line = dial(carrier.address, number + "1601", username=trunk, caller_id="")
    assert (await line.wait_for(Digit)).key == "6"
    line.leg.hangup()
    await line.ended()
    assert len(line.told(Digit)) == 1


async def test_the_digest_of_rfc_8760_is_answered(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    line = dial(carrier.address, number + "3000", username="sha256trunk", password="carrier-secret", caller_id="")
    assert (await line.ended()).sip_code == 200


async def test_a_call_over_tcp(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    line = dial(carrier.address, number + "1401", transport="tcp")
    assert (await line.wait_for(Digit)).key == "4"
    line.leg.hangup()
    assert (await line.ended()).sip_code == 200


async def test_legs_of_different_laws_hear_each_other(
    carrier: Asterisk, engine: SipEngine, dial: DialPeer, number: str
) -> None:
    """The client speaks only mu-law and echoes; the agent has A-law and a tone of 440 Hz, and records what it hears."""
    client = dial(carrier.address, number + "2000", username="ulawtrunk", caller_id="")
    agent = dial(carrier.address, number + "8200", role=Role.OPERATOR)
    await client.wait_for(Answered)
    await agent.wait_for(Answered)
    engine.bridge(client.leg, agent.leg)
    client.leg.listen(2.5, 10.0)
    assert (await client.wait_for(Heard)).seconds > 1.5
    for line in (client, agent):
        line.leg.hangup()
        await line.ended()
    heard = g711.samples(carrier.recorded(number + "8200"), g711.Codec.PCMA)[-8000:].astype(float)
    power = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) ** 2
    assert power[430:451].sum() > 0.8 * power.sum()


@pytest.mark.timeout(90)
async def test_an_answer_that_nobody_acknowledges_is_repeated_and_then_taken_back(tmp_path: Path) -> None:
    sandbox = Carrier(HOST, 0)
    await sandbox.start()
    try:
        result, _ = await asyncio.to_thread(
            sipp.call, tmp_path, "uac_no_ack", (HOST, sandbox.port), "+79990002000", seconds=60
        )
    finally:
        await sandbox.stop()
    assert result.ok, result
