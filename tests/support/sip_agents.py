"""User agents on a network in memory, and what their calls were told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from calldron.domain.outcome import Ending
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.invitation import Invitation
from calldron.engines.sip.message import Request
from calldron.engines.sip.outbound import OutboundCall
from calldron.media import sdp
from calldron.media.sdp import Description
from support.sip_network import Network, Puppet

OURS = "192.0.2.1"
THEIRS = "192.0.2.2"
NUMBER = "+74951234567"
OFFER = sdp.offer(OURS, 4000, session_id=1)
ANSWER = sdp.answer(OFFER, THEIRS, 5000, session_id=2)
BODY = bytes(ANSWER)


class Told:
    """What an outbound call told, in order."""

    def __init__(self, call: OutboundCall) -> None:
        self.call = call
        self.events: list[tuple[Any, ...]] = []
        call.on_progress = lambda code, body: self.events.append(("progress", code, body is not None))
        call.on_answer = self._answered
        call.on_bye = lambda: self.events.append(("bye",))
        call.on_digit = lambda key: self.events.append(("digit", key))
        self.answered = asyncio.Event()

    def _answered(self, answer: Description) -> None:
        self.events.append(("answer", answer.audio))
        self.answered.set()


@asynccontextmanager
async def running(*agents: UserAgent) -> AsyncIterator[None]:
    for agent in agents:
        await agent.start()
    yield
    for agent in agents:
        await agent.stop()


def caller(network: Network, **settings: Any) -> UserAgent:
    """The agent under test, at ``OURS``."""
    return UserAgent(OURS, wire=network.wire(OURS), **settings)


def callee(network: Network, on_invite: Callable[[InboundCall], None], **settings: Any) -> UserAgent:
    """An agent that takes calls, at ``THEIRS``."""
    return UserAgent(THEIRS, wire=network.wire(THEIRS), on_invite=on_invite, **settings)


def place(agent: UserAgent, number: str = NUMBER, **settings: Any) -> Told:
    """Call somebody at ``THEIRS``."""
    return Told(agent.call(Invitation(number, THEIRS, **settings), OFFER))


async def ended(call: OutboundCall | InboundCall, within: float = 300.0) -> Ending:
    async with asyncio.timeout(within):
        return await asyncio.shield(call.ended)


@asynccontextmanager
async def against_a_puppet(**settings: Any) -> AsyncIterator[tuple[Network, UserAgent, Puppet]]:
    """Our agent, and a trunk that says what the test writes."""
    network = Network()
    agent = caller(network, **settings)
    puppet = await Puppet(network, THEIRS).start()
    async with running(agent):
        yield network, agent, puppet
        # The agent says goodbye to whatever the test left standing; the puppet answers nothing any more.


async def talking(
    agent: UserAgent, puppet: Puppet, *, username: str = "", password: str = "", **headers: str
) -> tuple[Told, Request]:
    """A call that the puppet answered, with these header fields."""
    told = place(agent, username=username, password=password)
    invite = await puppet.request("INVITE")
    puppet.respond(invite, 200, body=BODY, headers={name.replace("_", "-"): [value] for name, value in headers.items()})
    await puppet.request("ACK")
    return told, invite


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what raises no event that a test could await; at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (see above)
            await asyncio.sleep(0.005)
