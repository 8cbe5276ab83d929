"""The far side of a call that is up is asked whether it lives; where it is dead the call ends."""

import asyncio
import random

import pytest
from support.sip_agents import ANSWER, OURS, THEIRS, against_a_puppet, callee, caller, ended, place, running, talking
from support.sip_network import DELAY, Network, Puppet
from support.virtual_time import freeze, virtual

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.message import Request

SILENCE = Ending(EndedBy.SILENCE, 200, answered=True, reached=True)
EVERY = 30
INSISTS = 8
TIMER_F = 32
DEAD = EVERY + INSISTS + TIMER_F


def now() -> float:
    return asyncio.get_running_loop().time()


async def asked(puppet: Puppet, at: float) -> Request:
    """The next message is the question, at that second of the call."""
    question = await puppet.request("OPTIONS")
    assert now() == pytest.approx(at, abs=0.5)
    return question


async def said_goodbye(puppet: Puppet) -> Request:
    """The BYE, which is answered; what is repeated before it is passed over."""
    while (message := await puppet.expect_any()).cseq.method != "BYE":
        pass
    assert isinstance(message, Request)
    puppet.respond(message, 200)
    return message


@virtual
async def test_who_answers_is_asked_again_and_again() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, invite = await talking(agent, puppet, record_route=f"<sip:{THEIRS};lr>")
        for turn in range(1, 11):
            question = await asked(puppet, turn * EVERY)
            assert question.call_id == invite.call_id
            assert question.cseq.number == invite.cseq.number + turn
            assert (question.from_.tag, question.to.tag) == (invite.from_.tag, "puppet")
            assert question.getall("route") == [f"<sip:{THEIRS};lr>"]
            assert question.get("accept") == "application/sdp"
            puppet.respond(question, 200)
        told.call.hangup()
        assert (await said_goodbye(puppet)).cseq.number == invite.cseq.number + 11


@pytest.mark.parametrize("code", [302, 403, 404, 405, 407, 488, 500, 501, 503, 603])
@virtual
async def test_a_refusal_shows_life_too(code: int) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        puppet.respond(await asked(puppet, EVERY), code)
        puppet.respond(await asked(puppet, 2 * EVERY), code)
        assert not told.call.ended.done()


@virtual
async def test_the_question_is_asked_with_credentials_where_they_are_wanted() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet, username="joe", password="secret")
        question = await asked(puppet, EVERY)
        puppet.respond(question, 407, headers={"proxy-authenticate": ['Digest realm="r", nonce="1"']})
        again = await asked(puppet, EVERY)
        assert again.cseq.number == question.cseq.number + 1
        assert 'username="joe"' in again.get("proxy-authorization")
        puppet.respond(again, 200)
        await asked(puppet, 2 * EVERY)
        assert not told.call.ended.done()


@pytest.mark.parametrize("code", [408, 481])
@virtual
async def test_who_does_not_know_the_call_is_hung_up(code: int) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        question = await asked(puppet, EVERY)
        puppet.respond(question, code)
        bye = await puppet.request("BYE")
        assert bye.cseq.number == question.cseq.number + 1
        puppet.respond(bye, 481)
        assert await ended(told.call) == SILENCE
        await told.call.released
        await puppet.nothing(100)


@virtual
async def test_who_does_not_answer_is_hung_up_after_a_minute() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, _ = await talking(agent, puppet)
        assert await ended(told.call) == SILENCE
        assert now() == pytest.approx(DEAD, abs=0.2)
        await said_goodbye(puppet)
        await told.call.released
        questions = len(network.times(OURS, "OPTIONS"))
        await asyncio.sleep(100)
        assert len(network.times(OURS, "OPTIONS")) == questions


@virtual
async def test_a_provisional_response_is_a_proxys_and_shows_nothing() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, _ = await talking(agent, puppet)
        puppet.respond(await asked(puppet, EVERY), 100)
        assert await ended(told.call) == SILENCE
        assert now() == pytest.approx(DEAD, abs=0.2)
        assert len({question.cseq.number for question in network.sent(OURS, "OPTIONS")}) == 1


@virtual
async def test_an_address_where_nobody_listens_is_dead_after_a_minute() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        await puppet.wire.stop()
        assert await ended(told.call) == SILENCE
        assert EVERY + TIMER_F - 5 < now() < EVERY + TIMER_F + 1


@virtual
async def test_a_proxy_that_is_started_again_loses_no_call() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        await puppet.wire.stop()
        await asyncio.sleep(EVERY + 10)
        await puppet.start()
        puppet.respond(await asked(puppet, EVERY + 12), 200)
        puppet.respond(await asked(puppet, 2 * EVERY + 12), 200)
        assert not told.call.ended.done()


# ---------------------------------------------------------------- other signs of life


@virtual
async def test_a_refresh_that_was_answered_is_as_good() -> None:
    async with against_a_puppet(session_interval=100) as (_, agent, puppet):
        await talking(agent, puppet, session_expires="100;refresher=uac", allow="UPDATE")
        puppet.respond(await asked(puppet, 30), 200)
        refresh = await puppet.request("UPDATE")
        assert now() == pytest.approx(50, abs=0.2)
        puppet.respond(refresh, 200, headers={"session-expires": ["100;refresher=uac"]})
        await asked(puppet, 80)


@pytest.mark.parametrize(("allow", "method"), [("UPDATE", "UPDATE"), ("INVITE", "INVITE")])
@virtual
async def test_a_refresh_under_way_is_not_overtaken(allow: str, method: str) -> None:
    """Else it would be refused with 500 for its CSeq, and the session expire."""
    async with against_a_puppet(session_interval=100) as (network, agent, puppet):
        told, _ = await talking(agent, puppet, session_expires="100;refresher=uac", allow=allow)
        puppet.respond(await asked(puppet, 30), 200)
        refresh = await puppet.request(method)
        await asyncio.sleep(14)
        assert network.times(OURS, "OPTIONS") == [pytest.approx(30, abs=0.2)]
        puppet.forget()
        puppet.respond(
            refresh, 200, body=bytes(ANSWER) if method == "INVITE" else b"", headers={"session-expires": ["100"]}
        )
        if method == "INVITE":
            await puppet.request("ACK")
        await asked(puppet, 2 * EVERY + TIMER_F)
        assert not told.call.ended.done()


@virtual
async def test_a_reinvite_that_never_comes_to_an_end_does_not_hide_a_death() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        assert ANSWER.audio is not None
        told.call.reoffer(ANSWER.audio)
        puppet.respond(await puppet.request("INVITE"), 100)
        assert await ended(told.call) == SILENCE
        assert now() == pytest.approx(EVERY + 2 * TIMER_F, abs=0.2)


@virtual
async def test_who_asks_something_of_us_lives() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, invite = await talking(agent, puppet)
        network.fate = lambda data, *_: () if data.startswith(b"OPTIONS") else (DELAY,)
        await asyncio.sleep(EVERY + 5)
        puppet.send(puppet.in_dialog(invite, "INFO", 2))
        await puppet.response("200 INFO")
        await puppet.nothing(EVERY)
        assert await ended(told.call) == SILENCE
        assert now() == pytest.approx(5 + EVERY + DEAD, abs=0.2)


# ---------------------------------------------------------------- who passes over OPTIONS


@pytest.mark.parametrize(("allow", "method"), [("UPDATE", "UPDATE"), ("INVITE", "INVITE")])
@virtual
async def test_who_passes_the_question_over_is_asked_to_refresh_the_session(allow: str, method: str) -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, _ = await talking(agent, puppet, allow=allow)
        network.fate = lambda data, *_: () if data.startswith(b"OPTIONS") else (DELAY,)
        refreshed = []
        for _ in range(4):
            refresh = await puppet.request(method)
            refreshed.append(round(now()))
            assert refresh.get("session-expires") is None
            puppet.respond(refresh, 200, body=refresh.body)
            if method == "INVITE":
                assert refresh.body == bytes(told.call.offer), "nothing changes"
                await puppet.request("ACK")
        assert refreshed == [38, 68, 98, 128]
        assert max(network.times(OURS, "OPTIONS")) < 38 + TIMER_F, "asked in vain once"
        assert not told.call.ended.done()
        assert await ended(told.call) == SILENCE
        assert now() == pytest.approx(158 + TIMER_F, abs=0.5)


@virtual
async def test_a_late_answer_is_one_and_the_next_question_is_the_cheap_one_again() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        await talking(agent, puppet, allow="UPDATE")
        question = await asked(puppet, EVERY)
        while (message := await puppet.expect_any()).cseq.method == "OPTIONS":
            pass
        assert isinstance(message, Request)
        puppet.respond(message, 200)
        puppet.respond(question, 200)
        await asked(puppet, EVERY + INSISTS + EVERY)


@virtual
async def test_both_sides_notice_a_network_that_died() -> None:
    network = Network()
    taken: list[InboundCall] = []

    def take(call: InboundCall) -> None:
        taken.append(call)
        call.answer(ANSWER)

    us, them = caller(network), callee(network, take)
    async with running(us, them):
        told = place(us)
        await told.answered.wait()
        await asyncio.sleep(300)
        assert not told.call.ended.done()
        network.fate = lambda *_: ()
        died = now()
        for call in (told.call, taken[0]):
            assert await ended(call) == SILENCE
        assert now() - died < DEAD + 1


# ---------------------------------------------------------------- frozen


@pytest.mark.parametrize("asleep", [20, 60, 3600])
@virtual
async def test_an_answer_that_came_while_we_were_frozen_is_read_first(asleep: float) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        question = await asked(puppet, EVERY)
        freeze(asleep)
        puppet.respond(question, 200)
        await asyncio.sleep(5)
        assert not told.call.ended.done()


@pytest.mark.parametrize("asleep", [60, 3600])
@virtual
async def test_who_was_frozen_asks_when_it_wakes(asleep: float) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        freeze(asleep)
        puppet.respond(await asked(puppet, asleep + 1), 200)
        await asked(puppet, asleep + 1 + EVERY)
        assert not told.call.ended.done()


@virtual
async def test_a_refused_datagram_read_after_a_freeze_is_one_miss_of_many() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        await puppet.wire.stop()
        await asyncio.sleep(EVERY - 1)
        asyncio.get_running_loop().call_later(1.005, freeze, 60)  # the question is on its way
        await asyncio.sleep(2)
        assert now() > 90
        await puppet.start()
        puppet.respond(await puppet.request("OPTIONS"), 200)
        await asyncio.sleep(5)
        assert not told.call.ended.done()


# ---------------------------------------------------------------- the end of the call


@virtual
async def test_a_call_that_ends_while_the_question_is_under_way() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, invite = await talking(agent, puppet)
        question = await asked(puppet, EVERY)
        puppet.send(puppet.in_dialog(invite, "BYE", 2))
        await puppet.response("200 BYE")
        puppet.respond(question, 481)
        assert (await ended(told.call)).by is EndedBy.REMOTE
        await puppet.nothing(100)
        assert network.kinds(OURS).count("BYE") == 0


@pytest.mark.parametrize("code", [200, 481])
@pytest.mark.parametrize("late", [False, True])
@virtual
async def test_our_bye_decides_where_it_crosses_the_answer(code: int, late: bool) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        question = await asked(puppet, EVERY)
        told.call.hangup()
        bye = await puppet.request("BYE")
        answers = [(question, code), (bye, 200)]
        for request, said in reversed(answers) if late else answers:
            puppet.respond(request, said)
            await asyncio.sleep(0.1)
        assert (await ended(told.call)).by is EndedBy.LOCAL
        await puppet.nothing(100)


@virtual
async def test_nothing_is_asked_while_our_bye_is_on_its_way() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, _ = await talking(agent, puppet)
        await asyncio.sleep(EVERY - 1)
        told.call.hangup()
        await told.call.released
        assert now() > EVERY + 1
        assert network.times(OURS, "OPTIONS") == []


@virtual
async def test_an_interval_of_0_asks_nothing() -> None:
    async with against_a_puppet(liveness_interval=0) as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        await puppet.nothing(1000)
        assert not told.call.ended.done()


@virtual
async def test_a_network_that_loses_every_fifth_message_ends_no_call() -> None:
    dice = random.Random(1)
    network = Network()
    us, them = caller(network), callee(network, lambda call: call.answer(ANSWER))
    async with running(us, them):
        told = place(us)
        await told.answered.wait()
        network.fate = lambda *_: () if dice.random() < 0.2 else (DELAY,)
        await asyncio.sleep(3600)
        assert not told.call.ended.done()
