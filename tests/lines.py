"""A real carrier, and call legs as tests hold them: everything a leg told, in order, and ways to wait for it."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Protocol, TypeVar

from calldron.dialer.ports import DialRequest, Engine, Trunk
from calldron.domain.events import Ended, Heard, LegEvent, Role
from calldron.domain.outcome import Ending
from calldron.engines.carrier.server import Carrier

E = TypeVar("E")

HOST = "127.0.0.1"

PATIENCE = 20.0
"""Seconds after which a test gives up waiting."""

_SERIAL = count(1)


class Line:
    """A leg that was dialled. ``early``: what it told before ``dial`` returned, which no engine may."""

    def __init__(self, engine: Engine, request: DialRequest) -> None:
        self.number = request.number
        self.events: list[LegEvent] = []
        self._news = asyncio.Event()
        self.leg = engine.dial(request, self._emit)
        self.early = list(self.events)

    def _emit(self, event: LegEvent) -> None:
        self.events.append(event)
        self._news.set()

    def told(self, kind: type[E]) -> list[E]:
        """The events of one kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[["Line"], bool]) -> None:
        """Wait until this holds; an assertion fails when it does not in time, or can't any more."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition(self):
                    assert not self.told(Ended), f"the leg ended without it: {self.events}"
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not told in {PATIENCE} s; so far: {self.events}") from None

    async def wait_for(self, kind: type[E], count: int = 1) -> E:
        """The ``count``-th event of a kind."""
        await self.until(lambda line: len(line.told(kind)) >= count)
        return self.told(kind)[count - 1]

    async def listen(self, seconds: float) -> float:
        """Let that much of the call pass; how many seconds of it were voice."""
        self.leg.listen(seconds, seconds + 1)
        return (await self.wait_for(Heard, len(self.told(Heard)) + 1)).seconds

    async def ended(self) -> Ending:
        """How the leg ended, once it did."""
        return (await self.wait_for(Ended)).ending


class DialPeer(Protocol):
    """Dials a number at a peer's address."""

    def __call__(
        self,
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
    ) -> Line: ...


class Exchange:
    """The carrier, and how its calls ended as it saw them."""

    def __init__(self) -> None:
        self.carrier = Carrier(HOST, 0, on_over=self._over)
        self._endings: dict[str, Ending] = {}
        self._news = asyncio.Event()

    async def ending(self, number: str) -> Ending:
        """The end of the call to this number, once the carrier released all of it."""
        async with asyncio.timeout(PATIENCE):
            while number not in self._endings:
                self._news.clear()
                await self._news.wait()
        return self._endings[number]

    def _over(self, number: str, ending: Ending) -> None:
        self._endings[number] = ending
        self._news.set()


class Dialling:
    """Dials through one engine; ``lines`` are all it dialled."""

    def __init__(self, engine: Engine, exchange: Exchange) -> None:
        self.engine = engine
        self.exchange = exchange
        self.lines: list[Line] = []

    def __call__(
        self,
        last: str,
        *,
        role: Role = Role.CLIENT,
        ring_timeout: float = 15.0,
        recording: Path | None = None,
        trunk: Trunk | None = None,
    ) -> Line:
        """Dial a number that was never dialled before and whose last digits are these."""
        request = DialRequest(
            leg_id=f"leg-{len(self.lines)}",
            role=role,
            number=f"+79{next(_SERIAL):05d}{last}",
            caller_id="+74950000000",
            trunk=trunk or Trunk(1, "carrier", HOST, self.exchange.carrier.port),
            ring_timeout=ring_timeout,
            recording=recording,
        )
        line = Line(self.engine, request)
        self.lines.append(line)
        return line

    async def finish(self) -> None:
        """Hang up what is up, then check what holds for every leg of every engine."""
        for line in self.lines:
            line.leg.hangup()
        for line in self.lines:
            await line.ended()
            assert line.early == [], "told before dial returned"
            assert [index for index, event in enumerate(line.events) if isinstance(event, Ended)] == [
                len(line.events) - 1
            ], f"not exactly one Ended, and that last: {line.events}"
            assert self.exchange.carrier.invites[line.number] <= 1, "dialled twice"
