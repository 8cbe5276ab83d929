"""Agent against agent: calls answered, refused, taken back, changed; over a network that is faithful or not."""

import asyncio
import random
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sip_agents import ANSWER, NUMBER, THEIRS, Told, callee, caller, ended, place, running
from support.sip_network import Network, Puppet
from support.virtual_time import virtual

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.message import Request
from calldron.engines.sip.wire import Peer
from calldron.media import sdp
from calldron.media.sdp import Audio, Description, Direction

ANSWERED = Ending(EndedBy.LOCAL, 200, answered=True, reached=True)
LEFT = Ending(EndedBy.REMOTE, 200, answered=True, reached=True)


class Desk:
    """Takes calls; ``calls`` are those that came."""

    def __init__(self, *, answer: bool = False) -> None:
        self.calls: list[InboundCall] = []
        self.events: list[tuple[str, object]] = []
        self.came = asyncio.Event()
        self._answer = answer

    def __call__(self, call: InboundCall) -> None:
        self.calls.append(call)
        self.came.set()
        call.on_cancel = lambda: self.events.append(("cancel", None))
        call.on_bye = lambda: self.events.append(("bye", None))
        call.on_digit = lambda key: self.events.append(("digit", key))
        call.on_established = lambda answer: self.events.append(("established", answer))
        if self._answer:
            call.ring()
            call.answer(ANSWER)


async def until_came(desk: Desk) -> InboundCall:
    await desk.came.wait()
    return desk.calls[0]


@virtual
async def test_a_call_is_answered_and_the_caller_hangs_up() -> None:
    network, desk = Network(), Desk()
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us, caller_id="+79990001122")
        inbound = await until_came(desk)
        assert (inbound.number, inbound.caller) == (NUMBER, "+79990001122")
        assert inbound.offer is not None
        inbound.ring(183, ANSWER)
        inbound.ring()
        inbound.answer(ANSWER)
        await told.answered.wait()
        told.call.hangup(reason_q850=16)
        assert await ended(told.call) == Ending(EndedBy.LOCAL, 200, 16, answered=True, reached=True)
        assert await ended(inbound) == Ending(EndedBy.REMOTE, 200, 16, answered=True, reached=True)
        assert told.events == [("progress", 183, True), ("progress", 180, False), ("answer", ANSWER.audio)]
        assert desk.events == [("established", None), ("bye", None)]
        await told.call.released
        assert us.calls == them.calls == 0
    assert network.kinds("192.0.2.1") == ["INVITE", "ACK", "BYE"]
    assert network.kinds(THEIRS) == ["183 INVITE", "180 INVITE", "200 INVITE", "200 BYE"]


@virtual
async def test_the_callee_hangs_up() -> None:
    network, desk = Network(), Desk(answer=True)
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us)
        await told.answered.wait()
        desk.calls[0].bye()
        assert await ended(told.call) == LEFT
        assert await ended(desk.calls[0]) == ANSWERED
        assert told.events[-1] == ("bye",)


@virtual
async def test_both_hang_up_at_once() -> None:
    network, desk = Network(), Desk(answer=True)
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us)
        await told.answered.wait()
        await asyncio.sleep(1)
        told.call.hangup()
        desk.calls[0].bye()
        assert await ended(told.call) == ANSWERED
        assert await ended(desk.calls[0]) == ANSWERED
    assert network.kinds(THEIRS).count("BYE") == 1


@pytest.mark.parametrize(
    ("code", "reached"), [(486, True), (404, True), (603, True), (480, True), (403, False), (503, False), (500, False)]
)
@virtual
async def test_a_refusal_is_told_with_its_cause(code: int, reached: bool) -> None:
    network, desk = Network(), Desk()
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us)
        (await until_came(desk)).reject(code, reason_q850=34, headers=[("Retry-After", "120 (lunch)")])
        assert await ended(told.call) == Ending(EndedBy.REMOTE, code, 34, reached=reached, retry_after=120)
        assert await ended(desk.calls[0]) == Ending(EndedBy.LOCAL, code, 34)
        assert told.events == []


@virtual
async def test_a_call_is_taken_back_while_it_rings() -> None:
    network, desk = Network(), Desk()
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us)
        (await until_came(desk)).ring()
        await asyncio.sleep(1)
        told.call.hangup()
        told.call.hangup()
        assert await ended(told.call) == Ending(EndedBy.LOCAL, 487, reached=True)
        assert await ended(desk.calls[0]) == Ending(EndedBy.REMOTE, 487)
        assert desk.events == [("cancel", None)]
        desk.calls[0].answer(ANSWER)  # too late: nothing happens
    assert network.kinds("192.0.2.1") == ["INVITE", "CANCEL", "ACK"]


@virtual
async def test_nobody_answers_in_time() -> None:
    network, desk = Network(), Desk()
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us, ring_timeout=25)
        (await until_came(desk)).ring()
        assert await ended(told.call) == Ending(EndedBy.RING_TIMEOUT, 487, reached=True)
        assert network.times("192.0.2.1", "CANCEL") == [25]


@virtual
async def test_an_answer_that_crosses_the_cancel_is_ended_by_bye() -> None:
    network, desk = Network(), Desk()
    us, them = caller(network), callee(network, desk)
    async with running(us, them):
        told = place(us)
        inbound = await until_came(desk)
        inbound.ring()
        await asyncio.sleep(1)
        told.call.hangup()
        inbound.answer(ANSWER)  # the CANCEL is on its way
        assert await ended(told.call) == ANSWERED
        assert await ended(inbound) == LEFT
        assert not told.answered.is_set()
    assert network.kinds("192.0.2.1") == ["INVITE", "CANCEL", "ACK", "BYE"]


@virtual
async def test_an_answer_to_an_invite_without_offer_is_an_offer() -> None:
    network, desk = Network(), Desk()
    them = callee(network, desk)
    puppet = await Puppet(network, "192.0.2.1").start()
    async with running(them):
        puppet.peer = Peer("UDP", THEIRS, 5060)
        invite = _bare_invite()
        puppet.send(invite)
        inbound = await until_came(desk)
        assert inbound.offer is None
        inbound.answer(ANSWER)
        answer = await puppet.response("200 INVITE")
        ack = puppet.in_dialog(invite, "ACK", 1)
        ack.headers |= {"to": answer.headers["to"], "from": invite.headers["from"], "content-type": ["application/sdp"]}
        ack.body = bytes(ANSWER)
        puppet.send(ack)
        await asyncio.sleep(1)
        assert desk.events == [("established", ANSWER)]


def _bare_invite() -> Request:
    return Request(
        {
            "via": ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbare"],
            "from": ["<sip:a@192.0.2.1>;tag=a"],
            "to": [f"<sip:b@{THEIRS}>"],
            "call-id": ["bare"],
            "cseq": ["1 INVITE"],
            "contact": ["<sip:a@192.0.2.1>"],
        },
        method="INVITE",
        uri=f"sip:b@{THEIRS}",
    )


# ---------------------------------------------------------------- within the call


async def up(network: Network, **settings: int) -> tuple[Told, InboundCall, list[object]]:
    """A call that is up; the list is of agents, to be kept and stopped."""
    desk = Desk(answer=True)
    us, them = caller(network, **settings), callee(network, desk, **settings)
    await us.start()
    await them.start()
    told = place(us)
    await told.answered.wait()
    await asyncio.sleep(1)
    return told, desk.calls[0], [us, them]


@virtual
async def test_keys_by_info_go_both_ways() -> None:
    told, inbound, _ = await up(Network())
    heard: list[str] = []
    inbound.on_digit = heard.append
    told.call.send_digit("5")
    inbound.send_digit("#")
    await asyncio.sleep(1)
    assert heard == ["5"]
    assert told.events[-1] == ("digit", "#")


@virtual
async def test_hold_and_resume() -> None:
    network = Network()
    told, inbound, _ = await up(network)
    offers: list[Direction] = []
    answers: list[Direction] = []

    def reinvited(offer: Description | None) -> Description:
        assert offer is not None
        assert offer.audio is not None
        offers.append(offer.audio.direction)
        return sdp.answer(offer, "192.0.2.1", 4000, session_id=1, version=2)

    told.call.on_reinvite = reinvited
    inbound.on_reanswer = lambda answer: answers.append(answer.audio.direction if answer.audio else Direction.INACTIVE)
    audio = ANSWER.audio
    assert audio is not None
    for direction in (Direction.SENDONLY, Direction.SENDRECV):
        inbound.reoffer(Audio(audio.host, audio.port, audio.codecs, audio.telephone_event, direction))
        await asyncio.sleep(1)
    assert offers == [Direction.SENDONLY, Direction.SENDRECV]
    assert answers == [Direction.RECVONLY, Direction.SENDRECV]
    assert network.kinds(THEIRS).count("ACK") == 2


@virtual
async def test_a_refused_change_leaves_the_call_up() -> None:
    network = Network()
    told, inbound, _ = await up(network)
    told.call.on_reinvite = lambda _: None
    assert ANSWER.audio is not None
    inbound.reoffer(ANSWER.audio)
    await asyncio.sleep(100)
    assert "488 INVITE" in network.kinds("192.0.2.1")
    assert not told.call.ended.done()
    assert not inbound.ended.done()


@virtual
async def test_offers_that_cross_are_both_refused_and_made_again_in_turn() -> None:
    network = Network()
    told, inbound, _ = await up(network)
    assert ANSWER.audio is not None
    told.call.reoffer(ANSWER.audio)
    inbound.reoffer(ANSWER.audio)
    await asyncio.sleep(30)
    assert network.kinds("192.0.2.1").count("491 INVITE") == 1
    assert network.kinds(THEIRS).count("491 INVITE") == 1
    again = [at for host in ("192.0.2.1", THEIRS) for at in network.times(host, "INVITE")[-1:]]
    first = network.times(THEIRS, "INVITE")[0]
    # RFC 3261 section 14.1: the caller waits 2.1 to 4 s, the callee 0 to 2 s.
    assert 2.1 <= again[0] - first <= 4.1
    assert 0 <= again[1] - first <= 2.1
    assert not told.call.ended.done()


@virtual
async def test_the_session_is_refreshed_at_half_time_for_as_long_as_it_lasts() -> None:
    network = Network()
    told, inbound, _ = await up(network, session_interval=120)
    await asyncio.sleep(600)
    assert not told.call.ended.done()
    assert not inbound.ended.done()
    gaps = [later - earlier for earlier, later in pairwise(network.times("192.0.2.1", "UPDATE"))]
    assert len(gaps) >= 8
    assert all(59.9 < gap < 60.1 for gap in gaps)
    told.call.hangup()
    assert await ended(told.call) == ANSWERED


@virtual
async def test_a_session_whose_other_side_vanished_ends_when_it_expires() -> None:
    network = Network()
    told, inbound, _ = await up(network, session_interval=120, liveness_interval=0)
    network.fate = lambda *_: ()
    began = asyncio.get_running_loop().time()
    assert (await ended(inbound)).by is EndedBy.SILENCE  # the side that waits for the refresh
    # BYE 32 s before the end of the session, and then nobody answers it for 32 s.
    assert 86 <= asyncio.get_running_loop().time() - began <= 89
    await inbound.released
    assert 118 <= asyncio.get_running_loop().time() - began <= 121
    assert (await ended(told.call)).by is EndedBy.SILENCE


@virtual
async def test_an_interval_that_is_too_small_is_raised() -> None:
    network, desk = Network(), Desk(answer=True)
    us, them = caller(network, session_interval=100), callee(network, desk, min_se=300)
    async with running(us, them):
        told = place(us)
        await told.answered.wait()
        assert network.kinds(THEIRS)[0] == "422 INVITE"
        invite = network.sent("192.0.2.1", "INVITE")[-1]
        assert invite.number("session-expires") == 300
        assert invite.number("min-se") == 300
        assert len(desk.calls) == 1


# ---------------------------------------------------------------- stopping


@virtual
async def test_stop_ends_calls_of_every_phase() -> None:
    network, desk = Network(), Desk()
    us, them = caller(network), callee(network, desk)
    await us.start()
    await them.start()
    fresh, ringing, talking = place(us), place(us), place(us)
    await asyncio.sleep(1)
    desk.calls[1].ring()
    desk.calls[2].answer(ANSWER)
    await talking.answered.wait()
    await us.stop()
    for told in (fresh, ringing, talking):
        assert told.call.ended.result().by is EndedBy.LOCAL
    await asyncio.sleep(100)
    assert all(call.ended.done() for call in desk.calls)
    await them.stop()


@virtual
async def test_stop_waits_for_nobody_for_ever() -> None:
    network, desk = Network(), Desk(answer=True)
    us, them = caller(network), callee(network, desk)
    await us.start()
    await them.start()
    told = place(us)
    await told.answered.wait()
    network.fate = lambda *_: ()
    await us.stop()
    assert told.call.ended.result().answered
    with pytest.raises(RuntimeError):
        place(us)
    await them.stop()


# ---------------------------------------------------------------- loss


def unreliable(seed: int, loss: float) -> Network:
    """Loses, doubles and reorders, the same way for the same seed."""
    dice = random.Random(seed)

    def fate(_data: bytes, _one: Peer, _other: Peer) -> Iterable[float]:
        if dice.random() < loss:
            return ()
        copies = 2 if dice.random() < 0.2 else 1
        return [dice.uniform(0.005, 0.7) for _ in range(copies)]

    return Network(fate)


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.2, 0.4]), st.sampled_from(["answer", "refuse", "cancel"]))
@settings(max_examples=60)
def test_calls_over_a_bad_network_end_the_same_on_both_sides(seed: int, loss: float, what: str) -> None:
    _over_a_bad_network(seed, loss, what)


@virtual
async def _over_a_bad_network(seed: int, loss: float, what: str) -> None:
    network, desk = unreliable(seed, loss), Desk(answer=what == "answer")
    us, them = caller(network), callee(network, desk)
    await us.start()
    await them.start()
    told = place(us, ring_timeout=60)
    loop = asyncio.get_running_loop()
    refusing = asyncio.create_task(_refuse(desk)) if what == "refuse" else None
    if what == "cancel":
        loop.call_later(3, told.call.hangup)
    loop.call_later(20, told.call.hangup)
    ending = await ended(told.call)
    if refusing:
        refusing.cancel()  # every INVITE may have been lost
    await asyncio.sleep(100)
    for call in desk.calls:
        call.reject(480)  # a phone does not ring for ever: the caller may have gone without being heard
    await asyncio.sleep(100)
    assert len(desk.calls) <= 1, "a repeated INVITE is no second call"
    assert sum(event[0] == "answer" for event in told.events) <= 1
    if desk.calls:
        theirs = await ended(desk.calls[0])
        if ending.by is EndedBy.LOCAL and ending.sip_code in (200, 487):
            assert theirs.answered == ending.answered
    if what == "refuse" and ending.sip_code is not None:
        assert ending.sip_code in (486, 487)
    assert us.calls == them.calls == 0
    assert _forgotten(us)
    assert _forgotten(them)
    await us.stop()
    await them.stop()


async def _refuse(desk: Desk) -> None:
    (await until_came(desk)).reject(486)


def _forgotten(agent: object) -> bool:
    """Whether the agent holds nothing of calls that are long over."""
    core = agent._core  # type: ignore[attr-defined]  # what is not held cannot be seen from outside
    layer = core.layer
    return not (layer._clients or layer._servers or layer._by_peer or core._dialogs)
