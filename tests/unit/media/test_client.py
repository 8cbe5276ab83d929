"""The real media process, over loopback."""

import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from support.clock import settled

from calldron.media import client
from calldron.media.client import MediaServer, MediaSession
from calldron.media.errors import MediaUnavailable, UnknownPrompt
from calldron.media.events import (
    DigitPressed,
    FirstPacket,
    MediaEvent,
    MediaStats,
    PromptPlayed,
    SessionLost,
    VoiceHeard,
)
from calldron.media.g711 import Codec, encode
from calldron.media.recording import mix
from calldron.media.track import HEADER_SIZE

HOST = "127.0.0.1"
UNSPECIFIED = "0.0.0.0"  # noqa: S104 - as a far side says it, nothing is bound to it
EVENTS = 101
DEADLINE = 10.0
TONE = (8000 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)).astype("<i2").tobytes()


@pytest.fixture
async def server() -> AsyncIterator[MediaServer]:
    one = MediaServer()
    await one.start()
    yield one
    await one.stop()


class Ear:
    """Collects a session's events and waits for one."""

    def __init__(self) -> None:
        self.events: list[MediaEvent] = []
        self._came = asyncio.Event()

    def __call__(self, event: MediaEvent) -> None:
        self.events.append(event)
        self._came.set()

    async def until(self, *awaited: MediaEvent) -> None:
        async with asyncio.timeout(DEADLINE):
            while not all(event in self.events for event in awaited):
                self._came.clear()
                await self._came.wait()


async def pair(server: MediaServer, codec: Codec = Codec.PCMA) -> tuple[MediaSession, Ear, MediaSession, Ear]:
    """Two sessions that talk to each other."""
    ear, other_ear = Ear(), Ear()
    one, other = await server.open(HOST, ear), await server.open(HOST, other_ear)
    one.connect((HOST, other.port), codec, EVENTS)
    other.connect((HOST, one.port), codec, EVENTS)
    return one, ear, other, other_ear


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def eventually(condition: Callable[[], bool]) -> None:
    """For what nothing tells of: what another process did to the disk, or that it died."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("codec", Codec)
async def test_a_prompt_is_heard_bit_exact_and_recorded(server: MediaServer, tmp_path: Path, codec: Codec) -> None:
    await server.load_prompt("tone", TONE)
    one, ear, other, other_ear = await pair(server, codec)
    one.record(tmp_path, "one")
    other.record(tmp_path, "other")
    other.listen(30, 0.3)
    one.play("tone")
    await ear.until(FirstPacket(), PromptPlayed())
    await other_ear.until(VoiceHeard(0.5))
    sent, got = await one.close(), await other.close()
    assert (got.lost, got.recorded, sent.recorded) == (0, True, True)
    assert 0 <= sent.sent - got.received <= 2  # what was in flight
    octets = encode(TONE, codec)
    assert (tmp_path / "one.prompt.g711").read_bytes()[HEADER_SIZE:] == octets
    assert octets in (tmp_path / "other.heard.g711").read_bytes()
    length = await asyncio.to_thread(mix, tmp_path, tmp_path / "call.mp3")
    assert length is not None
    assert length >= 0.8


async def test_keys_arrive_in_order(server: MediaServer) -> None:
    one, _, _, other_ear = await pair(server)
    one.press("159*", 0.04)
    one.press("D", 0.04)
    await other_ear.until(DigitPressed("D"))
    assert [event.key for event in other_ear.events if isinstance(event, DigitPressed)] == list("159*D")


async def test_two_callers_hear_each_other_through_a_bridge(server: MediaServer, tmp_path: Path) -> None:
    await server.load_prompt("tone", TONE)
    caller, _, our_caller, _ = await pair(server, Codec.PCMA)
    agent, agent_ear, our_agent, _ = await pair(server, Codec.PCMU)
    our_caller.bridge(our_agent)
    agent.record(tmp_path, "agent")
    agent.listen(30, 0.3)
    caller.play("tone")
    caller.press("7")
    await agent_ear.until(VoiceHeard(0.5), DigitPressed("7"))
    our_caller.unbridge()
    for session in (caller, our_caller, agent, our_agent):
        assert (await session.close()).lost == 0


async def test_an_echo_comes_back(server: MediaServer) -> None:
    await server.load_prompt("tone", TONE)
    one, ear, other, _ = await pair(server)
    other.echo()
    one.listen(30, 0.5)
    one.play("tone")
    await ear.until(VoiceHeard(0.5))


async def test_an_unknown_prompt_and_a_bad_key_are_refused(server: MediaServer) -> None:
    session = await server.open(HOST, Ear())
    assert not server.knows_prompt("tone")
    with pytest.raises(UnknownPrompt, match="'tone' is not loaded"):
        session.play("tone")
    with pytest.raises(ValueError, match="not one of the keys"):
        session.press("12x")
    with pytest.raises(ValueError, match="16-bit samples"):
        await server.load_prompt("odd", b"\0\0\0")
    await session.close()


@pytest.mark.parametrize("remote", [("example.com", 4000), ("::1", 4000), (HOST, 0), (HOST, 70000)])
async def test_an_address_that_cannot_be_is_refused(server: MediaServer, remote: tuple[str, int]) -> None:
    session = await server.open(HOST, Ear())
    with pytest.raises(ValueError, match=r"."):
        session.connect(remote, Codec.PCMA, EVENTS)
    await session.close()


async def test_a_hold_without_an_address_sends_nothing_and_ends(server: MediaServer) -> None:
    await server.load_prompt("tone", TONE)
    one, ear, other, _ = await pair(server)
    await ear.until(FirstPacket())
    one.connect((UNSPECIFIED, 4000), Codec.PCMA, EVENTS)
    one.play("tone")
    one.connect((HOST, other.port), Codec.PCMA, EVENTS)
    await ear.until(PromptPlayed())


async def test_an_address_that_is_not_ours_has_no_port(server: MediaServer) -> None:
    with pytest.raises(MediaUnavailable, match="no RTP port on 192\\.0\\.2\\.1"):
        await server.open("192.0.2.1", Ear())


async def test_ports_come_from_the_range_until_there_are_none() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        first = probe.getsockname()[1] & ~1
    server = MediaServer(ports=range(first, first + 2))
    await server.start()
    try:
        session = await server.open(HOST, Ear())
        assert session.port == first
        with pytest.raises(MediaUnavailable, match="no even port is free"):
            await server.open(HOST, Ear())
        await session.close()
        assert (await server.open(HOST, Ear())).port == first
    finally:
        await server.stop()


async def test_a_bad_command_costs_its_own_session_only(server: MediaServer) -> None:
    one, ear, other, other_ear = await pair(server)
    one._do("listen", "nonsense", None)
    async with asyncio.timeout(DEADLINE):
        while not any(isinstance(event, SessionLost) for event in ear.events):
            ear._came.clear()
            await ear._came.wait()
    assert await one.close() == MediaStats()
    one.stop_playing()
    other.listen(0.1, 0.1)
    await other_ear.until(VoiceHeard(0.0))
    assert not any(isinstance(event, SessionLost) for event in other_ear.events)
    assert (await other.close()).sent > 0


async def test_closing_twice_tells_the_same_and_events_end(server: MediaServer) -> None:
    await server.load_prompt("tone", TONE)
    one, ear, _, _ = await pair(server)
    await ear.until(FirstPacket())
    one.play("tone")
    first = await one.close()
    told = list(ear.events)
    assert await one.close() == first
    assert first.sent > 0
    one.play("tone")
    assert ear.events == told


async def test_an_owner_that_fails_does_not_disturb_others(
    server: MediaServer, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: MediaEvent) -> None:
        raise RuntimeError("owner")

    ear = Ear()
    one, other = await server.open(HOST, fail), await server.open(HOST, ear)
    one.connect((HOST, other.port), Codec.PCMA, EVENTS)
    other.connect((HOST, one.port), Codec.PCMA, EVENTS)
    one.press("1")
    await ear.until(FirstPacket(), DigitPressed("1"))
    await eventually(lambda: "the owner of media session" in caplog.text)


async def test_a_process_that_dies_is_replaced_with_its_prompts(tmp_path: Path) -> None:
    lost = asyncio.Event()
    server = MediaServer(on_lost=lost.set)
    await server.start()
    try:
        await server.load_prompt("tone", TONE)
        one, ear, _, other_ear = await pair(server)
        one.record(tmp_path, "one")
        await ear.until(FirstPacket())
        dead = server.pid
        assert dead
        os.kill(dead, signal.SIGKILL)
        gone = SessionLost("the media process ended: signal 9")
        await ear.until(gone)
        await other_ear.until(gone)
        await asyncio.wait_for(lost.wait(), DEADLINE)
        assert await one.close() == MediaStats()
        one, ear, _, other_ear = await pair(server)
        assert server.pid != dead
        one.play("tone")
        await ear.until(PromptPlayed())
    finally:
        await server.stop()


async def test_a_process_that_hangs_is_replaced_even_if_the_owner_fails_on_it() -> None:
    lost = asyncio.Event()

    def fail() -> None:
        lost.set()
        raise RuntimeError("owner")

    server = MediaServer(on_lost=fail)
    await server.start()
    try:
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        await asyncio.wait_for(lost.wait(), 2 * DEADLINE)
        await (await server.open(HOST, Ear())).close()
    finally:
        await server.stop()


async def test_a_port_is_still_waited_for_after_the_whole_program_stood_still(
    server: MediaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    clock, frozen = loop.time, 60.0
    process = server.pid or 0
    os.kill(process, signal.SIGSTOP)
    try:
        opening = asyncio.create_task(server.open(HOST, Ear()))
        await settled()
        monkeypatch.setattr(loop, "time", lambda: clock() + frozen)
        await asyncio.wait({opening}, timeout=0.1)  # the program wakes: what was due in those seconds is late
    finally:
        os.kill(process, signal.SIGCONT)
    await (await asyncio.wait_for(opening, DEADLINE)).close()


async def test_at_most_about_a_second_of_recording_dies_with_the_process(server: MediaServer, tmp_path: Path) -> None:
    await server.load_prompt("tone", TONE)
    one, _, other, _ = await pair(server)
    other.record(tmp_path, "other")
    one.play("tone", loop=True)
    track = tmp_path / "other.heard.g711"
    await eventually(lambda: track.exists() and track.stat().st_size >= 8000)
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    await eventually(lambda: not alive(server.pid or 0))
    assert mix(tmp_path, tmp_path / "call.mp3") == pytest.approx((track.stat().st_size - HEADER_SIZE) / 8000)


async def test_stopping_writes_what_is_left_and_leaves_no_process(tmp_path: Path) -> None:
    server = MediaServer()
    await server.start()
    await server.load_prompt("tone", TONE)
    one, ear, _, _ = await pair(server)
    one.record(tmp_path, "one")
    one.play("tone")
    await ear.until(PromptPlayed())
    pid = server.pid
    assert pid
    await server.stop()
    assert not alive(pid)
    assert (tmp_path / "one.prompt.g711").stat().st_size == HEADER_SIZE + len(TONE) // 2
    with pytest.raises(MediaUnavailable):
        await asyncio.wait_for(server.open(HOST, Ear()), DEADLINE)


async def test_signals_meant_for_the_parent_do_not_end_it(server: MediaServer) -> None:
    assert server.pid
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(server.pid, number)
    session = await server.open(HOST, Ear())
    await session.close()


async def test_a_server_that_cannot_start_says_so_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    monkeypatch.setattr(client, "_START", 0.1)
    server = MediaServer()
    with pytest.raises(MediaUnavailable, match="does not start"):
        await server.start()
    assert server.pid is None
    with pytest.raises(MediaUnavailable, match="is stopped"):
        await server.open(HOST, Ear())


async def test_no_orphan_outlives_a_killed_parent() -> None:
    program = """
        import asyncio, sys
        from calldron.media.client import MediaServer
        async def main():
            server = MediaServer()
            await server.start()
            print(server.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(program), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert parent.stdout
        child = int(await parent.stdout.readline())
        assert alive(child)
    finally:
        parent.kill()
        await parent.wait()
    await eventually(lambda: not alive(child))


async def test_many_sessions_come_and_go(server: MediaServer, tmp_path: Path) -> None:
    await server.load_prompt("tone", TONE)
    await (await server.open(HOST, Ear())).close()  # so the prompt has arrived
    assert server.pid
    process = psutil.Process(server.pid)
    before = process.num_fds()

    async def call(number: int) -> MediaStats:
        one, ear, other, _ = await pair(server)
        one.record(tmp_path / str(number), "one")
        one.play("tone")
        await ear.until(FirstPacket())
        await other.close()
        return await one.close()

    for _ in range(3):
        results = await asyncio.gather(*(call(number) for number in range(50)))
        assert all(stats.recorded for stats in results)
    assert process.num_fds() == before
