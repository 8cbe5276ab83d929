"""What Asterisk can't do: SIPp follows a scenario to the letter and fails where we don't."""

import asyncio
from pathlib import Path

import pytest
from lines import DialPeer
from peers.sipp import Sipp, SippResult
from peers.starting import StartCallee

from calldron.domain.events import Answered, Ended, Ringing
from calldron.domain.outcome import EndedBy, Fault, Outcome, classify

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "+74951234567"


async def followed(sipp: Sipp) -> SippResult:
    """The scenario's end; an assertion fails where it was not followed."""
    result = await asyncio.to_thread(sipp.wait)
    assert result.ok, result
    return result


@pytest.mark.parametrize(
    ("scenario", "code", "outcome", "fault"),
    [
        ("decline_603", 603, Outcome.REJECTED, Fault.CALLEE),
        ("busy", 486, Outcome.BUSY, Fault.CALLEE),
        ("overloaded_503", 503, Outcome.FAILED, Fault.TRUNK),
        ("wrong_password_407", 407, Outcome.FAILED, Fault.OURS),
    ],
)
async def test_a_refusal(
    sipp_callee: StartCallee, dial: DialPeer, scenario: str, code: int, outcome: Outcome, fault: Fault
) -> None:
    sipp = sipp_callee(scenario)
    line = dial(sipp.address, NUMBER, username="joe", password="secret")
    ending = await line.ended()
    assert (ending.by, ending.sip_code) == (EndedBy.REMOTE, code)
    assert classify(ending) == (outcome, fault)
    await followed(sipp)


@pytest.mark.parametrize(
    "scenario",
    [
        "answer",
        "early_media",
        "reliable_183",
        "moved_302",
        "late_200",
        "stale_nonce_407",
        "sha256_401",
        "upper_case_transport",
        "hold",
        "update_refresh",
    ],
)
async def test_an_answer_however_it_comes(sipp_callee: StartCallee, dial: DialPeer, scenario: str) -> None:
    sipp = sipp_callee(scenario)
    line = dial(sipp.address, NUMBER, username="joe", password="secret")
    await line.wait_for(Answered)
    if scenario in ("hold", "update_refresh"):
        method = "INVITE" if scenario == "hold" else "UPDATE"
        await asyncio.to_thread(_until_answered, sipp, method)
    line.leg.hangup()
    ending = await line.ended()
    assert (ending.by, ending.sip_code, ending.answered) == (EndedBy.LOCAL, 200, True)
    await followed(sipp)


def _until_answered(sipp: Sipp, method: str) -> None:
    from peers.ports import wait_until

    wanted = 2 if method == "INVITE" else 1

    def answered() -> bool:
        ours = [message for message in sipp.received("SIP/2.0 200") if f" {method}" in message.split("CSeq:")[1][:20]]
        return len(ours) >= wanted

    wait_until(answered, f"{method} is answered", 10)


async def test_each_repeated_200_is_acknowledged(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("repeated_200", tolerant=True)
    line = dial(sipp.address, NUMBER)
    await line.wait_for(Answered)
    await asyncio.to_thread(_until_acks, sipp, 3)
    line.leg.hangup()
    await line.ended()
    assert len(line.told(Answered)) == 1
    await followed(sipp)


def _until_acks(sipp: Sipp, count: int) -> None:
    from peers.ports import wait_until

    wait_until(lambda: len(sipp.received("ACK")) >= count, f"{count} ACKs", 15)


async def test_a_200_that_crosses_our_cancel_is_acknowledged_and_ended(
    sipp_callee: StartCallee, dial: DialPeer
) -> None:
    sipp = sipp_callee("crossing_cancel")
    line = dial(sipp.address, NUMBER)
    await line.wait_for(Ringing)
    line.leg.hangup()
    ending = await line.ended()
    assert ending.answered, "a person was reached"
    await followed(sipp)


async def test_cancel_while_it_rings(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("ring_for_ever")
    line = dial(sipp.address, NUMBER)
    await line.wait_for(Ringing)
    line.leg.hangup()
    ending = await line.ended()
    assert (ending.by, ending.sip_code) == (EndedBy.LOCAL, 487)
    await followed(sipp)


async def test_trying_alone_is_cancelled_by_the_ring_timeout(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("trying_only")
    line = dial(sipp.address, NUMBER, ring_timeout=1.0)
    ending = await line.ended()
    assert ending.by is EndedBy.RING_TIMEOUT
    assert not ending.reached
    assert not line.told(Ringing)
    await followed(sipp)


async def test_bye_at_once(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("early_bye")
    line = dial(sipp.address, NUMBER)
    ending = await line.ended()
    assert (ending.by, ending.answered) == (EndedBy.REMOTE, True)
    assert [type(event) for event in line.events][-2:] == [Answered, Ended]
    await followed(sipp)


async def test_silence_is_the_trunks_fault(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("silence", tolerant=True)
    line = dial(sipp.address, NUMBER, ring_timeout=5.0)
    ending = await line.ended()
    assert not ending.reached
    assert classify(ending) in {(Outcome.FAILED, Fault.TRUNK), (Outcome.NO_ANSWER, Fault.CALLEE)}
    assert ending.by is EndedBy.SILENCE


async def test_a_port_where_nobody_listens_is_told_at_once(dial: DialPeer) -> None:
    from peers.ports import HOST, free_port

    line = dial((HOST, free_port()), NUMBER)
    ending = await line.ended()
    assert ending.by is EndedBy.SILENCE


async def test_tcp_where_nobody_listens_is_told_at_once(dial: DialPeer) -> None:
    from peers.ports import HOST, free_port

    line = dial((HOST, free_port()), NUMBER, transport="tcp")
    ending = await line.ended()
    assert ending.by is EndedBy.SILENCE


async def test_fifty_calls_at_once_are_fifty_invites(sipp_callee: StartCallee, dial: DialPeer, tmp_path: Path) -> None:
    sipp = sipp_callee("answer", calls=50, seconds=40)
    lines = [dial(sipp.address, f"+7495000{index:04d}") for index in range(50)]
    for line in lines:
        await line.wait_for(Answered)
    for line in lines:
        line.leg.hangup()
    for line in lines:
        assert (await line.ended()).sip_code == 200
    assert (await followed(sipp)).successful == 50
    targets = [message.split("\r\n")[0].split("\n")[0] for message in sipp.received("INVITE")]
    assert len(targets) == len(set(targets)) == 50
