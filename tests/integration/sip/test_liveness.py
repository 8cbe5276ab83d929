"""Calls that are up, with peers that live, refuse to say so, forgot the call, or died without a word."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from lines import HOST, DialPeer
from peers.asterisk import Asterisk
from peers.ports import wait_until
from peers.starting import StartCallee, StartPhone

from calldron.domain.events import Answered, Ended
from calldron.domain.outcome import EndedBy, Fault, Outcome, classify
from calldron.engines.sip.engine import SipEngine
from calldron.engines.sip.transaction import Timing

pytestmark = pytest.mark.asyncio(loop_scope="session")

NUMBER = "+74951234567"
EVERY = 0.5
TIMING = Timing(t1=0.05, t2=0.4, t4=0.5)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine() -> AsyncIterator[SipEngine]:
    """Asks often, and is soon done with waiting."""
    engine = SipEngine(host=HOST, port=0, timing=TIMING, liveness_interval=EVERY)
    await engine.start()
    yield engine
    await engine.stop()


async def test_who_answers_the_question_stays_up_whatever_the_answer(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("asked")
    line = dial(sipp.address, NUMBER)
    await line.wait_for(Answered)
    await asyncio.to_thread(wait_until, lambda: "> SIP/2.0 501" in "\n".join(sipp.messages()), "501 is said", 10)
    assert not line.told(Ended)
    line.leg.hangup()
    assert (await line.ended()).by is EndedBy.LOCAL
    result = await asyncio.to_thread(sipp.wait)
    assert result.ok, result


async def test_who_forgot_the_call_is_hung_up(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("forgetful_481")
    ending = await dial(sipp.address, NUMBER).ended()
    assert (ending.by, ending.answered) == (EndedBy.SILENCE, True)
    result = await asyncio.to_thread(sipp.wait)
    assert result.ok, result


async def test_who_says_nothing_is_hung_up(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("answer", tolerant=True)  # passes over what its scenario does not have
    ending = await dial(sipp.address, NUMBER).ended()
    assert (ending.by, ending.answered) == (EndedBy.SILENCE, True)
    assert len(sipp.received("OPTIONS")) > 1, "it is repeated"
    result = await asyncio.to_thread(sipp.wait)
    assert result.ok, result


async def test_who_is_killed_is_hung_up(sipp_callee: StartCallee, dial: DialPeer) -> None:
    sipp = sipp_callee("answer")
    line = dial(sipp.address, NUMBER)
    await line.wait_for(Answered)
    sipp.stop()
    loop = asyncio.get_running_loop()
    killed = loop.time()
    ending = await line.ended()
    assert loop.time() - killed < EVERY + TIMING.patience + 2
    assert (ending.by, ending.answered) == (EndedBy.SILENCE, True)
    assert classify(ending) == (Outcome.ANSWERED, Fault.NONE)


async def test_an_asterisk_that_passes_over_options_stays_up(carrier: Asterisk, dial: DialPeer, number: str) -> None:
    """Ours runs without ``res_pjsip_dlg_options``; without it no OPTIONS within a dialog is answered."""
    carrier.sip_trace()
    line = dial(carrier.address, number + "2000")
    await line.wait_for(Answered)

    def answers(method: str) -> list[str]:
        messages = [part for part in carrier.log().split("<--- ") if f"{number}2000" in part]
        return [part for part in messages if "\nSIP/2.0 200" in part and re.search(rf"CSeq: \d+ {method}", part)]

    await asyncio.to_thread(wait_until, lambda: len(answers("UPDATE")) >= 4, "four UPDATEs are answered", 15)
    assert answers("OPTIONS") == []
    assert not line.told(Ended)


async def test_a_softphone_that_lives_stays_up(dial: DialPeer, baresip_callee: StartPhone) -> None:
    line = dial(baresip_callee().address, "sip:callee@127.0.0.1")
    await line.wait_for(Answered)
    await line.listen(EVERY + 2 * TIMING.patience)
    assert not line.told(Ended)
