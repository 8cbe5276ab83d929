"""The real sockets on loopback: UDP and TCP, who refuses, and what a hostile stream does."""

import asyncio
import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sip_agents import until

from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip import tcp
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.errors import MessageError
from calldron.engines.sip.framing import Framer
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.invitation import Invitation
from calldron.engines.sip.message import MAX_HEADER_BYTES
from calldron.engines.sip.sockets import Sockets
from calldron.engines.sip.wire import Peer
from calldron.media import sdp

HOST = "127.0.0.1"
OFFER = sdp.offer(HOST, 4000, session_id=1)
ANSWER = sdp.answer(OFFER, HOST, 5000, session_id=2)
MESSAGE = (
    b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:x@y>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 3\r\n\r\nabc"
)


def answering(call: InboundCall) -> None:
    call.ring()
    call.answer(ANSWER)


@pytest.mark.parametrize("transport", ["udp", "tcp", "TCP"])
async def test_a_call(transport: str) -> None:
    us, them = UserAgent(HOST, 0), UserAgent(HOST, 0, on_invite=answering)
    await us.start()
    await them.start()
    call = us.call(Invitation("+7495", HOST, them.port, transport), OFFER)
    call.on_answer = lambda _: call.hangup()
    async with asyncio.timeout(10):
        assert await call.ended == Ending(EndedBy.LOCAL, 200, answered=True, reached=True)
    await us.stop()
    await them.stop()


async def test_a_name_is_resolved() -> None:
    us, them = UserAgent(HOST, 0), UserAgent(HOST, 0, on_invite=answering)
    await us.start()
    await them.start()
    call = us.call(Invitation("+7495", "localhost", them.port), OFFER)
    call.on_answer = lambda _: call.hangup()
    async with asyncio.timeout(10):
        assert (await call.ended).answered
    await us.stop()
    await them.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_port_where_nobody_listens_is_told_at_once(transport: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((HOST, 0))
        port = one.getsockname()[1]
    us = UserAgent(HOST, 0)
    await us.start()
    call = us.call(Invitation("+7495", HOST, port, transport), OFFER)
    async with asyncio.timeout(5):
        assert await call.ended == Ending(EndedBy.SILENCE)
    await us.stop()


async def test_who_refuses_costs_others_nothing() -> None:
    """The error of a datagram to one peer comes up when the next one is sent, which must go out all the same."""
    lost: asyncio.Queue[Peer] = asyncio.Queue()
    came: asyncio.Queue[bytes] = asyncio.Queue()
    wire, other = Sockets(HOST, 0, transports=("udp",)), Sockets(HOST, 0, transports=("udp",))
    await wire.start(lambda _data, _peer: None, lost.put_nowait)
    await other.start(lambda data, _peer: came.put_nowait(data), lambda _peer: None)
    dead = Peer("UDP", HOST, 9)
    for number in range(20):
        wire.send(b"to nobody", dead)
        wire.send(b"to somebody %d" % number, Peer("UDP", HOST, other.port))
    async with asyncio.timeout(5):
        for number in range(20):
            assert await came.get() == b"to somebody %d" % number
        assert await lost.get() == dead
    await wire.stop()
    await other.stop()


@pytest.mark.parametrize("turns", [0, 1, 2])  # of the loop: none is enough to connect
async def test_what_waited_for_a_connection_while_we_were_frozen_is_not_sent(
    monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr(tcp, "CONNECT_TIMEOUT", 0.05)
    lost: asyncio.Queue[Peer] = asyncio.Queue()
    came: asyncio.Queue[bytes] = asyncio.Queue()
    wire, other = Sockets(HOST, 0), Sockets(HOST, 0)
    await wire.start(lambda _data, _peer: None, lost.put_nowait)
    await other.start(lambda data, _peer: came.put_nowait(data), lambda _peer: None)
    peer = Peer("TCP", HOST, other.port)
    wire.send(b"INVITE of then\r\n\r\n", peer)
    for _ in range(turns):
        await asyncio.sleep(0)
    threading.Event().wait(0.1)  # the process stands still
    async with asyncio.timeout(5):
        assert await lost.get() == peer
    assert came.empty()
    await wire.stop()
    await other.stop()


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open() -> None:
    one = Sockets(HOST, 0)
    await one.start(lambda _data, _peer: None, lambda _peer: None)
    with pytest.raises(OSError, match="in use"):
        await Sockets(HOST, one.port).start(lambda _data, _peer: None, lambda _peer: None)
    await one.stop()


async def test_the_address_that_is_told_is_that_of_the_route_or_the_one_that_was_set() -> None:
    anywhere = Sockets("0.0.0.0", 0)  # noqa: S104 (never bound)
    assert anywhere.local(Peer("UDP", HOST, 5060))[0] == HOST
    behind_nat = Sockets(HOST, 0, advertise="203.0.113.1")
    assert behind_nat.local(Peer("UDP", HOST, 5060))[0] == "203.0.113.1"
    assert behind_nat.source(HOST) == HOST


async def test_a_stream_is_answered_pinged_and_cut_where_it_is_hostile() -> None:
    agent = UserAgent(HOST, 0)
    await agent.start()
    async with asyncio.timeout(10):
        reader, writer = await asyncio.open_connection(HOST, agent.port)
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        for part in (
            MESSAGE[:10],
            MESSAGE[10:150],
            MESSAGE[150:] + MESSAGE[:60],
            MESSAGE[60:].replace(b"x\r", b"x2\r"),
        ):
            writer.write(part)
            await writer.drain()
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"SIP/2.0 200 OK")
        writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 99999999\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
    await agent.stop()


async def test_a_response_finds_its_way_when_the_connection_is_gone() -> None:
    calls: asyncio.Queue[InboundCall] = asyncio.Queue()
    agent = UserAgent(HOST, 0, on_invite=calls.put_nowait)
    await agent.start()
    connected: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await connected.put(reader)

    server = await asyncio.start_server(accept, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(10):
        _, writer = await asyncio.open_connection(HOST, agent.port)
        writer.write(
            MESSAGE.replace(b"OPTIONS", b"INVITE")
            .replace(b"127.0.0.1:1", b"127.0.0.1:%d" % port)
            .replace(b"Content-Length: 3\r\n\r\nabc", b"Content-Length: 0\r\n\r\n")
            .replace(b"sip:x ", b"sip:x@y ")
        )
        call = await calls.get()
        caller = Peer("TCP", *writer.get_extra_info("sockname"))
        assert agent.wire.connected(caller)
        writer.close()
        await writer.wait_closed()
        await until(lambda: not agent.wire.connected(caller))
        call.reject(486)
        reader = await connected.get()
        assert (await reader.readline()).startswith(b"SIP/2.0 ")
    server.close()
    await agent.stop()


# ---------------------------------------------------------------- framing


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(1, 4), st.sampled_from([b"", b"\r\n", b"\r\n\r\n"]))
def test_a_stream_is_cut_into_the_same_messages_however_it_arrives(cuts: list[int], count: int, between: bytes) -> None:
    stream = between + between.join([MESSAGE] * count) + between
    framer = Framer()
    messages: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        piece, stream = stream[:cut], stream[cut:]
        messages += framer.feed(piece)
    assert [message for message in messages if message] == [MESSAGE] * count


@pytest.mark.parametrize(
    "stream",
    [
        b"x" * (MAX_HEADER_BYTES + 1),
        b"OPTIONS sip:x SIP/2.0\r\nVia: x\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 999999\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nX: " + b"x" * MAX_HEADER_BYTES + b"\r\nl: 0\r\n\r\n",
    ],
)
def test_a_stream_that_cannot_be_followed_is_given_up(stream: bytes) -> None:
    with pytest.raises(MessageError):
        Framer().feed(stream)


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_junk_is_a_message_or_an_error(pieces: list[bytes]) -> None:
    framer = Framer()
    try:
        for piece in pieces:
            framer.feed(piece)
    except MessageError:
        return
