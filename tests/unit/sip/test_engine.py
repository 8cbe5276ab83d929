"""Legs: signalling and media told as one story, with the real media process, against an agent that is led by hand."""

import asyncio
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
from lines import Line
from support.clock import settled
from support.virtual_time import freeze, virtual

from calldron.dialer.ports import DialRequest, Trunk
from calldron.domain.errors import EngineUnavailable
from calldron.domain.events import Answered, Digit, Ended, Heard, Ringing, Role
from calldron.domain.outcome import EndedBy, Ending
from calldron.engines.sip.agent import UserAgent
from calldron.engines.sip.engine import SipEngine
from calldron.engines.sip.inbound import InboundCall
from calldron.engines.sip.pacer import BURST, INTERVAL, Pacer
from calldron.engines.sip.rendering import Renderer
from calldron.media import sdp
from calldron.media.client import MediaServer, MediaSession
from calldron.media.events import FirstPacket, MediaEvent
from calldron.media.sdp import Audio, Direction

HOST = "127.0.0.1"
NOISE = np.random.default_rng(1).normal(0, 8000, 16000).clip(-30000, 30000).astype("<i2").tobytes()


class Far:
    """The far side of one call, with media of its own."""

    def __init__(self, agent: UserAgent, media: MediaServer, calls: "asyncio.Queue[InboundCall]") -> None:
        self.agent = agent
        self.media = media
        self._calls = calls

    async def answer(self) -> tuple[InboundCall, MediaSession]:
        call, session, ours = await self.described(lambda _: None)
        call.answer(ours)
        return call, session

    async def described(
        self, on_event: Callable[[MediaEvent], None]
    ) -> tuple[InboundCall, MediaSession, sdp.Description]:
        async with asyncio.timeout(10):
            call = await self._calls.get()
        assert call.offer is not None
        session = await self.media.open(HOST, on_event)
        ours = sdp.answer(call.offer, HOST, session.port, session_id=1)
        agreed = sdp.agree(ours, call.offer)
        session.connect(agreed.remote, agreed.codec, agreed.telephone_event)
        return call, session, ours

    async def ringing(self) -> InboundCall:
        async with asyncio.timeout(10):
            call = await self._calls.get()
        call.ring()
        return call


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    calls: asyncio.Queue[InboundCall] = asyncio.Queue()
    media = MediaServer()
    agent = UserAgent(HOST, 0, on_invite=calls.put_nowait)
    await media.start()
    await media.load_prompt("noise", NOISE)
    await agent.start()
    yield Far(agent, media, calls)
    await agent.stop()
    await media.stop()


@pytest.fixture
async def engine() -> AsyncIterator[SipEngine]:
    engine = SipEngine(host=HOST, port=0)
    await engine.start()
    yield engine
    await engine.stop()


def dial(engine: SipEngine, far: Far, recording: Path | None = None) -> Line:
    trunk = Trunk(1, "far", HOST, far.agent.port)
    return Line(engine, DialRequest("leg", Role.CLIENT, "+74951234567", "", trunk, 30.0, recording))


async def test_what_was_heard_counts_though_the_far_side_hung_up_meanwhile(engine: SipEngine, far: Far) -> None:
    line = dial(engine, far)
    call, session = await far.answer()
    await line.wait_for(Answered)
    line.leg.listen(30.0, 30.0)
    session.play("noise")
    await asyncio.sleep(1.0)  # that much of it is to be heard
    call.bye()
    await line.ended()
    (heard,) = line.told(Heard)
    assert 0.5 < heard.seconds < 1.5
    assert [type(event) for event in line.events] == [Answered, Heard, Ended]


async def test_a_key_that_comes_both_ways_is_one_press(engine: SipEngine, far: Far) -> None:
    line = dial(engine, far)
    call, session = await far.answer()
    await line.wait_for(Answered)
    session.press("5")
    call.send_digit("5")
    await line.wait_for(Digit)
    call.send_digit("6")
    await line.wait_for(Digit, 2)
    call.send_digit("6")
    await line.wait_for(Digit, 3)
    session.press("7")
    await line.wait_for(Digit, 4)
    assert [digit.key for digit in line.told(Digit)] == ["5", "6", "6", "7"]


async def test_a_leg_whose_media_process_died_is_hung_up_and_the_next_one_is_served(
    engine: SipEngine, far: Far
) -> None:
    line = dial(engine, far)
    call, _ = await far.answer()
    await line.wait_for(Answered)
    line.leg.listen(30.0, 30.0)
    assert engine._media.pid is not None
    os.kill(engine._media.pid, signal.SIGKILL)
    ending = await line.ended()
    assert (ending.by, ending.answered) == (EndedBy.MEDIA, True)
    assert (await call.ended).by is EndedBy.REMOTE
    assert [type(event) for event in line.events] == [Answered, Heard, Ended]
    again = dial(engine, far)
    await far.answer()
    await again.wait_for(Answered)
    again.leg.hangup()
    await again.ended()


async def test_a_full_disk_costs_the_recording_and_not_the_call(engine: SipEngine, far: Far, tmp_path: Path) -> None:
    line = dial(engine, far, tmp_path / "tracks")
    assert engine._media.pid is not None
    resource.prlimit(engine._media.pid, resource.RLIMIT_FSIZE, (4096, 4096))  # half a second: the disk fills up
    _, session = await far.answer()
    await line.wait_for(Answered)
    line.leg.listen(3.0, 3.0)
    session.play("noise")
    await line.wait_for(Heard)
    session.press("5")
    await line.wait_for(Digit)
    line.leg.hangup()
    assert (await line.ended()).by is EndedBy.LOCAL
    seconds = await engine.render(tmp_path / "tracks", tmp_path / "call.mp3")
    assert seconds == pytest.approx(0.5, abs=0.1), "what was there before is kept"


async def test_an_invite_waits_for_its_turn(engine: SipEngine, far: Far) -> None:
    trunk = Trunk(1, "far", HOST, far.agent.port)
    left: list[bool] = []

    def may_leave() -> bool:
        left.append(True)
        return False

    its_turn = asyncio.Event()
    asked = asyncio.Event()

    async def turn() -> None:
        asked.set()
        await its_turn.wait()

    line = Line(
        engine, DialRequest("leg", Role.CLIENT, "+74951234567", "", trunk, 30.0, turn=turn, may_leave=may_leave)
    )
    await asked.wait()
    assert not left
    its_turn.set()
    await line.ended()
    assert left


async def test_a_leg_that_is_hung_up_before_its_turn_waits_no_longer(engine: SipEngine, far: Far) -> None:
    trunk = Trunk(1, "far", HOST, far.agent.port)
    waiting = asyncio.Event()

    async def turn() -> None:
        waiting.set()
        await asyncio.Event().wait()

    line = Line(engine, DialRequest("leg", Role.CLIENT, "+74951234567", "", trunk, 30.0, turn=turn))
    await waiting.wait()
    line.leg.hangup()
    assert await line.ended() == Ending(EndedBy.LOCAL, sent=False)


async def test_a_leg_whose_invite_may_not_leave_is_over_without_one(engine: SipEngine, far: Far) -> None:
    trunk = Trunk(1, "far", HOST, far.agent.port)
    asked: list[bool] = []

    def may_leave() -> bool:
        asked.append(True)
        return False

    line = Line(engine, DialRequest("leg", Role.CLIENT, "+74951234567", "", trunk, 30.0, may_leave=may_leave))
    assert not asked, "not asked at the dial but when it would leave"
    assert await line.ended() == Ending(EndedBy.LOCAL, sent=False)
    await line.leg.departed()
    assert asked == [True]
    assert far.agent.calls == 0


async def test_a_leg_without_media_was_not_dialled(far: Far) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1] // 2 * 2
        engine = SipEngine(host=HOST, port=0, rtp_ports=range(port, port + 2))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as even:
            if taken.getsockname()[1] != port:
                even.bind((HOST, port))
            await engine.start()
            assert await dial(engine, far).ended() == Ending(EndedBy.MEDIA, sent=False)
            await engine.stop()


async def test_a_prompt_that_is_not_there_ends_the_leg_instead_of_keeping_a_person_on_a_silent_line(
    engine: SipEngine, far: Far
) -> None:
    line = dial(engine, far)
    await far.answer()
    await line.wait_for(Answered)
    line.leg.play("never loaded")
    assert (await line.ended()).by is EndedBy.MEDIA


async def test_hold_is_answered_and_its_end_too(engine: SipEngine, far: Far) -> None:
    line = dial(engine, far)
    call, session = await far.answer()
    await line.wait_for(Answered)
    answers: asyncio.Queue[sdp.Description] = asyncio.Queue()
    call.on_reanswer = answers.put_nowait
    assert call.offer is not None
    assert call.offer.audio is not None
    versions = [call.offer.version]
    for direction, expected in ((Direction.SENDONLY, Direction.RECVONLY), (Direction.SENDRECV, Direction.SENDRECV)):
        call.reoffer(Audio(HOST, session.port, (call.offer.audio.codecs[0],), 101, direction))
        async with asyncio.timeout(10):
            answer = await answers.get()
        assert answer.audio is not None
        assert answer.audio.direction is expected
        assert answer.audio.port == call.offer.audio.port
        versions.append(answer.version)
    assert versions == sorted(set(versions))
    line.leg.hangup()
    await line.ended()


async def test_early_media_is_only_listened_to(engine: SipEngine, far: Far) -> None:
    line = dial(engine, far)
    heard: asyncio.Queue[MediaEvent] = asyncio.Queue()
    call, _session, ours = await far.described(heard.put_nowait)
    call.ring(183, ours)
    await line.wait_for(Ringing)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(heard.get(), 0.5)
    call.answer(ours)
    await line.wait_for(Answered)
    assert await asyncio.wait_for(heard.get(), 10) == FirstPacket()
    line.leg.hangup()
    await line.ended()


async def test_ringing_is_told_once(engine: SipEngine, far: Far) -> None:
    line = dial(engine, far)
    call = await far.ringing()
    call.ring(181)
    call.ring(180)
    await line.wait_for(Ringing)
    call.reject(486)
    await line.ended()
    assert [type(event) for event in line.events] == [Ringing, Ended]


async def test_a_port_that_is_taken_is_said_in_words(far: Far) -> None:
    engine = SipEngine(host=HOST, port=far.agent.port)
    with pytest.raises(EngineUnavailable, match=rf"{HOST}:{far.agent.port}.*in use"):
        await engine.start()


async def test_an_address_that_is_not_ours_is_said_in_words() -> None:
    with pytest.raises(EngineUnavailable, match=r"192\.0\.2\.1"):
        await SipEngine(host="192.0.2.1", port=0).start()


async def test_what_is_dialled_while_the_engine_stops_ends_at_once(engine: SipEngine, far: Far) -> None:
    await engine.stop()
    line = dial(engine, far)
    assert line.early == []
    assert (await line.ended()).by is EndedBy.LOCAL


async def test_a_renderer_that_was_killed_is_replaced(engine: SipEngine, tmp_path: Path) -> None:
    assert await engine.render(tmp_path / "nothing", tmp_path / "call.mp3") is None
    pool = engine._renderer._pool
    assert pool is not None
    (worker,) = pool._processes
    os.kill(worker, signal.SIGKILL)
    assert await engine.render(tmp_path / "nothing", tmp_path / "call.mp3") is None, "a new one takes over"


@virtual
async def test_a_thousand_actions_are_spread_and_the_first_waits_for_nothing() -> None:
    loop = asyncio.get_running_loop()
    pacer = Pacer()
    times: list[float] = []
    for _ in range(1000):
        pacer.submit(lambda: times.append(loop.time()))
    assert len(times) == 1
    await asyncio.sleep(1000 * INTERVAL)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == 1000
    assert min(gaps) == pytest.approx(INTERVAL)
    await asyncio.sleep(1)
    pacer.submit(lambda: times.append(loop.time()))
    assert times[-1] == loop.time()


@virtual
async def test_a_busy_event_loop_makes_no_action_wait_for_those_before_it() -> None:
    loop = asyncio.get_running_loop()
    pacer = Pacer()
    times: list[float] = []
    for _ in range(100):
        pacer.submit(lambda: times.append(loop.time()))
    while len(times) < 100:
        freeze(4 * INTERVAL)  # each turn of the loop takes so long
        await asyncio.sleep(0)
    assert times[-1] - times[0] < 105 * INTERVAL
    for _ in range(100):
        pacer.submit(lambda: times.append(loop.time()))
    freeze(1)
    await asyncio.sleep(0.5 * INTERVAL)
    assert len(times) <= 101 + BURST, "nor is what a long sleep held up one burst"


_PARENT = """
import asyncio, sys, time
from pathlib import Path
from calldron.engines.sip.rendering import Renderer

async def main():
    renderer = Renderer()
    await renderer.render(Path(sys.argv[1]), Path(sys.argv[1]) / "call.mp3")
    print(*renderer._pool._processes, flush=True)
    await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_renderers_do_not_outlive_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(30):
        worker = psutil.Process(int(await parent.stdout.readline()))
        parent.kill()
        await parent.wait()
    assert await asyncio.to_thread(psutil.wait_procs, [worker], 10) == ([worker], [])


async def test_every_recording_of_a_mixing_process_that_was_killed_is_mixed_by_the_next_one(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    renderer = Renderer()
    try:
        await renderer.render(tmp_path, tmp_path / "first.mp3")
        assert renderer._pool is not None
        (worker,) = map(psutil.Process, renderer._pool._processes)
        worker.suspend()
        mixes = [asyncio.create_task(renderer.render(tmp_path, tmp_path / f"{n}.mp3")) for n in range(3)]
        await settled()
        worker.kill()
        async with asyncio.timeout(30):
            assert await asyncio.gather(*mixes) == [None] * 3
    finally:
        await renderer.stop()
    left = set(psutil.Process().children()) - before
    assert [one for one in left if "spawn_main" in " ".join(one.cmdline())] == []
