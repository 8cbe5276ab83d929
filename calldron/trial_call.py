"""``calldron trunk test``: one call over one trunk, told as it happens."""

import asyncio
import time
from collections.abc import Callable

from calldron.bootstrap import make_engine
from calldron.config import Config
from calldron.dialer.ports import DialRequest, Trunk
from calldron.domain.events import Answered, Digit, Ended, LegEvent, Ringing, Role
from calldron.domain.numbers import normalise
from calldron.domain.outcome import Ending
from calldron.services import trial_calls, trunks

RING = 30.0
TALK = 5.0


async def place(settings: Config, name: str, number: str, say: Callable[[str], None]) -> bool:
    """Call ``number`` over the trunk ``name``; whether it was answered. Raises ``NotFound``, ``InvalidNumber``,
    ``EngineUnavailable``."""
    trunk = await asyncio.to_thread(_trunk, name)
    events: asyncio.Queue[LegEvent] = asyncio.Queue()
    engine = make_engine(settings)
    await engine.start()
    started = time.monotonic()
    try:
        request = DialRequest("trial", Role.CLIENT, normalise(number), trunk.caller_id, trunk, RING)
        leg = engine.dial(request, events.put_nowait)
        while True:
            event = await events.get()
            words = _told(event)
            if words:
                say(f"{time.monotonic() - started:6.2f} s  {words}")
            if isinstance(event, Answered):
                asyncio.get_running_loop().call_later(TALK, leg.hangup)
            if isinstance(event, Ended):
                return event.ending.answered
    finally:
        await engine.stop()


def _trunk(name: str) -> Trunk:
    row = trunks.named(name)
    return Trunk(row.id, row.name, row.host, row.port, row.transport, row.username, row.password, row.caller_id)


def _told(event: LegEvent) -> str:
    match event:
        case Ringing():
            return "ringing"
        case Answered():
            return f"answered; hanging up in {TALK:.0f} s"
        case Digit(_, key):
            return f"key {key} pressed"
        case Ended(_, ending):
            return _verdict(ending)
    return ""


def _verdict(ending: Ending) -> str:
    verdict = trial_calls.says(ending)
    code = f" (SIP {ending.sip_code})" if ending.sip_code else ""
    return f"{verdict.words}{code} {verdict.advice}".strip()
