"""An engine whose legs do what a test tells them, and which remembers what it was asked to do."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from calldron.dialer.ports import DialRequest, Leg
from calldron.domain.events import Answered, Digit, Ended, LegEvent, Played, Ringing
from calldron.domain.outcome import EndedBy, Ending
from support.attempt_world import CANCELLED, HUNG_UP, LEFT


class ScriptedLeg:
    """``done`` is what was asked of it, in order. ``obeys``: a hangup ends it at once, as it ends a real leg soon."""

    def __init__(self, request: DialRequest, emit: Callable[[LegEvent], None], *, obeys: bool = True) -> None:
        self.request = request
        self.done: list[tuple[object, ...]] = []
        self.over = False
        self._emit = emit
        self._obeys = obeys
        self._answered = False
        self._left = False  # its first INVITE

    async def departed(self) -> None:
        """Its INVITE is never held up."""

    def play(self, prompt: str, *, loop: bool = False) -> None:
        self.done.append(("play", prompt, loop))

    def stop_playing(self) -> None:
        self.done.append(("stop playing",))

    def listen(self, seconds: float, silence: float) -> None:
        self.done.append(("listen", seconds, silence))

    def hangup(self) -> None:
        self.done.append(("hang up",))
        if self._obeys and not self.over:
            self.end(HUNG_UP if self._answered else CANCELLED)

    def ring(self) -> None:
        self._emit(Ringing(self.request.role))

    def answer(self) -> None:
        self._answered = True
        self._emit(Answered(self.request.role))

    def press(self, key: str) -> None:
        self._emit(Digit(self.request.role, key))

    def played(self) -> None:
        self._emit(Played(self.request.role))

    def leave(self) -> bool:
        """Let its INVITE leave, as a real leg does a little after the dial; where it may not, the leg is over."""
        if self.request.may_leave():
            self._left = True
            return True
        self.end(Ending(EndedBy.LOCAL, sent=self._left))
        return False

    def end(self, ending: Ending = LEFT) -> None:
        self.over = True
        self._emit(Ended(self.request.role, ending))


class ScriptedEngine:
    """Implements the dialer's ``Engine``. ``broken``: what the next dials raise, although an engine must not."""

    def __init__(self) -> None:
        self.legs: list[ScriptedLeg] = []
        self.bridges: list[tuple[Leg, Leg]] = []
        self.prompts: dict[str, bytes] = {}
        self.running = False
        self.broken: Exception | None = None
        self.seconds: float | None = 1.5  # length of the next recordings
        self.rendered: list[tuple[Path, Path]] = []
        self.render_error: Exception | None = None

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        for leg in self.legs:
            leg.hangup()
        self.running = False

    async def load_prompt(self, prompt: str, pcm: bytes) -> None:
        self.prompts[prompt] = pcm

    def knows_prompt(self, prompt: str) -> bool:
        return prompt in self.prompts

    def dial(self, request: DialRequest, emit: Callable[[LegEvent], None]) -> ScriptedLeg:
        if self.broken:
            raise self.broken
        leg = ScriptedLeg(request, emit)
        self.legs.append(leg)
        return leg

    def bridge(self, one: Leg, other: Leg) -> None:
        self.bridges.append((one, other))

    async def render(self, tracks: Path, target: Path) -> float | None:
        if self.render_error:
            raise self.render_error
        if self.seconds is not None:
            await asyncio.to_thread(_write, target)
        self.rendered.append((tracks, target))
        return self.seconds


def _write(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"mp3")
