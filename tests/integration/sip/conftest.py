"""Our engine against peers that we did not write."""

from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from lines import HOST, DialPeer, Line

from calldron.dialer.ports import DialRequest, Trunk
from calldron.domain.events import Ended, Role
from calldron.engines.sip.engine import SipEngine

_SERIAL = count(1)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def engine() -> AsyncIterator[SipEngine]:
    engine = SipEngine(host=HOST, port=0)
    await engine.start()
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def dial(engine: SipEngine) -> AsyncIterator[DialPeer]:
    lines: list[Line] = []

    def place(
        address: tuple[str, int],
        number: str,
        *,
        transport: str = "udp",
        username: str = "",
        password: str = "",
        ring_timeout: float = 15.0,
        recording: Path | None = None,
        role: Role = Role.CLIENT,
        caller_id: str = "+74950000000",
    ) -> Line:
        trunk = Trunk(1, "peer", *address, transport, username, password)
        line = Line(
            engine, DialRequest(f"leg-{next(_SERIAL)}", role, number, caller_id, trunk, ring_timeout, recording)
        )
        lines.append(line)
        return line

    yield place
    for line in lines:
        line.leg.hangup()
    for line in lines:
        await line.ended()
        assert line.early == [], "told before dial returned"
        assert isinstance(line.events[-1], Ended)
        assert len(line.told(Ended)) == 1


@pytest.fixture
def number() -> str:
    """The head of a number that no other test dials; the plan's four digits follow."""
    return f"+799{next(_SERIAL):05d}"
