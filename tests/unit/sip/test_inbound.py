"""What an agent says to those who call it, against a caller that says exactly what the test writes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from support.sip_agents import ANSWER, OFFER, OURS, THEIRS, callee, ended, running
from support.sip_network import Network, Puppet
from support.virtual_time import virtual

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.message import Request
from calldron.engines.sip.wire import Peer

_SERIAL = count(1)


@asynccontextmanager
async def called(**settings: int) -> AsyncIterator[tuple[Network, list[InboundCall], Puppet]]:
    network = Network()
    calls: list[InboundCall] = []
    agent = callee(network, calls.append, **settings)
    puppet = await Puppet(network, OURS).start()
    puppet.peer = Peer("UDP", THEIRS, 5060)
    async with running(agent):
        yield network, calls, puppet


def request(method: str, uri: str = f"sip:b@{THEIRS}", body: bytes = b"", **headers: str) -> Request:
    serial = next(_SERIAL)
    fields = {
        "via": f"SIP/2.0/UDP {OURS}:5060;branch=z9hG4bK{serial}",
        "from": "<sip:a@example.com>;tag=a",
        "to": f"<{uri}>",
        "call-id": f"call-{serial}",
        "cseq": f"1 {method}",
        "contact": f"<sip:a@{OURS}:5060>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    if body:
        fields.setdefault("content-type", "application/sdp")
    return Request({name: [value] for name, value in fields.items()}, body, method, uri)


async def code_for(puppet: Puppet, one: Request) -> int:
    puppet.send(one)
    return (await puppet.response_any()).code


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (request("OPTIONS"), 200),
        (request("OPTIONS", require="nothingSupportsThis"), 420),
        (request("BYE"), 481),
        (request("UPDATE"), 481),
        (request("INFO"), 481),
        (request("PRACK"), 481),
        (request("CANCEL"), 481),
        (request("MESSAGE"), 405),
        (request("REFER"), 405),
        (request("SUBSCRIBE"), 405),
        (request("REGISTER"), 405),
        (request("NEWMETHOD"), 501),
        (request("INVITE", to="<sip:b@c>;tag=nobody"), 481),
        (request("INVITE", require="100rel"), 420),
        (request("INVITE", body=b"junk"), 488),
        (request("INVITE", body=b"x", content_type="text/html"), 415),
        (request("INVITE", "http://example.com"), 416),
        (request("INVITE", session_expires="30", supported="timer"), 422),
    ],
    ids=lambda value: value.method if isinstance(value, Request) else str(value),
)
@virtual
async def test_what_needs_no_call_is_answered_at_once(one: Request, code: int) -> None:
    async with called() as (_, calls, puppet):
        puppet.send(one)
        response = await puppet.response_any()
        assert response.code == code
        assert response.to.tag
        assert calls == []
        if code == 420:
            assert response.get("unsupported") in ("nothingSupportsThis", "100rel")
        if code in (405, 501) or (one.method == "OPTIONS" and code == 200):
            assert "INVITE" in response.options("allow")
        if code == 422:
            assert response.number("min-se") == 90


@virtual
async def test_an_agent_that_takes_no_calls_says_so() -> None:
    network = Network()
    agent = UserAgent(THEIRS, wire=network.wire(THEIRS))
    puppet = await Puppet(network, OURS).start()
    puppet.peer = Peer("UDP", THEIRS, 5060)
    async with running(agent):
        assert await code_for(puppet, request("INVITE")) == 480


@virtual
async def test_a_request_that_came_on_two_ways_is_one_call() -> None:
    async with called() as (_, calls, puppet):
        invite = request("INVITE", body=bytes(OFFER))
        puppet.send(invite)
        again = Request(
            {**invite.headers, "via": [f"SIP/2.0/UDP {OURS};branch=z9hG4bKother"]}, invite.body, "INVITE", invite.uri
        )
        assert await code_for(puppet, again) == 482
        assert len(calls) == 1


@virtual
async def test_the_answer_is_repeated_until_the_ack_and_for_32_seconds_at_most() -> None:
    async with called() as (network, (calls), puppet):
        puppet.send(request("INVITE", body=bytes(OFFER)))
        await asyncio.sleep(0.1)
        calls[0].answer(ANSWER)
        assert (await ended(calls[0])).by is EndedBy.SILENCE
        start = network.times(THEIRS, "200 INVITE")[0]
        repeats = [round(at - start, 1) for at in network.times(THEIRS, "200 INVITE")]
        assert repeats[:6] == [0, 0.5, 1.5, 3.5, 7.5, 11.5]
        assert repeats[-1] < 32
        assert network.times(THEIRS, "BYE")[0] - start == pytest.approx(32, abs=0.01)


@virtual
async def test_the_record_route_is_kept_and_used() -> None:
    async with called() as (_, calls, puppet):
        route = f"<sip:{OURS}:5060;lr>"
        puppet.send(request("INVITE", body=bytes(OFFER), record_route=route))
        await asyncio.sleep(0.1)
        calls[0].ring()
        assert (await puppet.response("180 INVITE")).getall("record-route") == [route]
        calls[0].answer(ANSWER)
        assert (await puppet.response("200 INVITE")).getall("record-route") == [route]
        calls[0].bye()
        assert (await puppet.request("BYE")).getall("route") == [route]


@virtual
async def test_a_bye_before_the_answer_ends_the_invite_too() -> None:
    async with called() as (_, calls, puppet):
        invite = request("INVITE", body=bytes(OFFER))
        puppet.send(invite)
        await asyncio.sleep(0.1)
        calls[0].ring()
        ringing = await puppet.response("180 INVITE")
        puppet.send(request("BYE", to=ringing.headers["to"][0], call_id=invite.call_id, cseq="2 BYE"))
        await puppet.response("200 BYE")
        await puppet.response("487 INVITE")
        assert await ended(calls[0]) == Ending(EndedBy.REMOTE, 487)


@virtual
async def test_a_cancel_after_the_answer_changes_nothing() -> None:
    async with called() as (_, calls, puppet):
        invite = request("INVITE", body=bytes(OFFER))
        puppet.send(invite)
        await asyncio.sleep(0.1)
        calls[0].answer(ANSWER)
        await puppet.response("200 INVITE")
        cancel = Request({**invite.headers, "cseq": ["1 CANCEL"]}, b"", "CANCEL", invite.uri)
        puppet.send(cancel)
        await puppet.response("200 CANCEL")
        assert not calls[0].ended.done()


@virtual
async def test_a_repeated_invite_gets_the_last_response_again() -> None:
    async with called() as (_, calls, puppet):
        invite = request("INVITE", body=bytes(OFFER))
        puppet.send(invite)
        await asyncio.sleep(0.1)
        calls[0].ring()
        await puppet.response("180 INVITE")
        puppet.send(invite)
        await puppet.response("180 INVITE")
        assert len(calls) == 1


@virtual
async def test_responses_go_to_the_port_the_via_names_or_where_rport_says() -> None:
    async with called() as (network, _, puppet):
        elsewhere = await Puppet(network, OURS, 6000).start()
        puppet.send(request("OPTIONS", via=f"SIP/2.0/UDP {OURS}:6000;branch=z9hG4bKa"))
        await elsewhere.response("200 OPTIONS")
        puppet.send(request("OPTIONS", via=f"SIP/2.0/UDP {OURS}:6000;rport;branch=z9hG4bKb"))
        response = await puppet.response("200 OPTIONS")
        assert response.via.params["rport"] == "5060"
        assert response.via.params["received"] == OURS


@virtual
async def test_a_peer_of_rfc_2543_is_understood() -> None:
    async with called() as (network, calls, puppet):
        invite = request("INVITE", body=bytes(OFFER), via=f"SIP/2.0/UDP {OURS}:5060")
        puppet.send(invite)
        puppet.send(invite)
        await asyncio.sleep(0.1)
        assert len(calls) == 1
        calls[0].reject(486)
        busy = await puppet.response("486 INVITE")
        ack = Request({**invite.headers, "to": busy.headers["to"], "cseq": ["1 ACK"]}, b"", "ACK", invite.uri)
        puppet.send(ack)
        await puppet.nothing(40)
        assert network.kinds(THEIRS) == ["486 INVITE"]


@virtual
async def test_malformed_messages_are_dropped() -> None:
    async with called() as (network, calls, puppet):
        for data in (b"", b"\x00" * 100, b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"):
            puppet.wire.send(data, puppet.peer)
        await puppet.nothing(10)
        assert calls == []
        assert await code_for(puppet, request("OPTIONS")) == 200
        assert len(network.log) == 6
