"""The ticker with its clocks in the test's hands, on real sockets."""

import socket
from collections.abc import Iterator

import pytest

from calldron.media import rtp
from calldron.media.endpoint import Endpoint
from calldron.media.events import FirstPacket, MediaEvent, SessionLost
from calldron.media.g711 import Codec
from calldron.media.plane import SLOT, Plane
from calldron.media.session import Negotiated, Session
from calldron.media.writer import Writer

HOST = "127.0.0.1"


class World:
    """A plane, time that passes only when it sleeps, and a far side for each session."""

    def __init__(self) -> None:
        self.now = 100.0
        self.stall = 0.0
        self.told: list[tuple[int, MediaEvent]] = []
        self.writer = Writer()
        self.plane = Plane(self.writer, lambda *told: self.told.append(told), clock=lambda: self.now, sleep=self.sleep)
        self.far: dict[int, socket.socket] = {}

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.stall
        self.stall = 0.0

    def open(self, number: int, *, connect: bool = True) -> Session:
        session = Session(number, Endpoint(HOST), self.plane._emit)
        self.plane.add(session)
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind((HOST, 0))
        far.setblocking(False)
        self.far[number] = far
        if connect:
            self.plane.connect(session, Negotiated(far.getsockname(), Codec.PCMA, 101, 101, True, True, latch=False))
        return session

    def run(self, seconds: float) -> None:
        until = self.now + seconds - SLOT / 2
        self.plane.after_slot = lambda: setattr(self.plane, "running", self.now < until)
        self.plane.running = True
        self.plane.run()

    def heard(self, number: int) -> list[rtp.Packet]:
        """What a far side got."""
        packets = []
        while True:
            try:
                packets.append(rtp.unpack(self.far[number].recv(2048)))
            except BlockingIOError:
                return packets

    def close(self) -> None:
        for session in list(self.plane.sessions.values()):
            self.plane.remove(session)
        for far in self.far.values():
            far.close()
        self.writer.stop()


@pytest.fixture
def world() -> Iterator[World]:
    one = World()
    yield one
    one.close()


def test_every_session_sends_fifty_packets_a_second(world: World) -> None:
    for number in range(100):
        world.open(number)
    world.run(1.0)
    assert {len(world.heard(number)) for number in range(100)} <= {50, 51}  # both ends of the second count
    assert world.plane.late_slots == 0


def test_time_lost_to_a_stall_is_made_up_for(world: World) -> None:
    world.open(1)
    world.run(0.1)
    world.stall = 0.2
    world.run(0.9)
    assert len(world.heard(1)) in {50, 51}
    assert world.plane.late_slots > 0
    assert world.plane.longest_delay == pytest.approx(0.2)
    assert world.plane.skipped_frames == 0


def test_a_machine_that_slept_skips_what_nobody_waits_for(world: World) -> None:
    world.open(1)
    world.run(0.1)
    world.stall = 100.0
    world.run(101.0)
    packets = world.heard(1)
    assert 50 <= len(packets) <= 56
    assert rtp.elapsed(packets[0].timestamp, packets[-1].timestamp) == pytest.approx(101 * 8000, rel=0.01)
    assert world.plane.skipped_frames == pytest.approx(5000, rel=0.01)


def test_an_error_costs_its_own_session_only(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = world.open(1), world.open(2)
    monkeypatch.setattr(bad, "outgoing", None)
    world.run(0.1)
    assert list(world.plane.sessions) == [2]
    assert [(number, type(event)) for number, event in world.told] == [(1, SessionLost)]
    assert len(world.heard(2)) == 5
    assert "session 1 is closed by an error" in caplog.text
    assert good.port


def test_an_error_in_receiving_costs_its_own_session_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = world.open(1), world.open(2)
    monkeypatch.setattr(bad, "_receiving", True)
    monkeypatch.setattr(bad, "counter", None)
    for number, session in ((1, bad), (2, good)):
        packet = rtp.Packet(Codec.PCMA, False, 1, 0, 7, bytes(160))
        world.far[number].sendto(rtp.pack(packet), (HOST, session.port))
    world.run(0.1)
    assert list(world.plane.sessions) == [2]
    assert (2, FirstPacket()) in world.told


def test_a_flood_from_the_far_side_is_read_at_a_bounded_pace(world: World) -> None:
    session = world.open(1)
    for sequence in range(250):
        packet = rtp.Packet(Codec.PCMA, False, sequence, sequence * 160, 7, bytes(160))
        world.far[1].sendto(rtp.pack(packet), (HOST, session.port))
    world.run(0.1)
    session.settle()
    assert session.counter.received <= 20


def test_removed_sessions_are_silent_and_their_descriptors_may_be_used_again(world: World) -> None:
    first = world.open(1)
    world.run(0.05)
    world.plane.remove(first)
    world.heard(1)
    world.open(2)
    world.run(0.1)
    assert world.heard(1) == []
    assert len(world.heard(2)) == 5


def test_a_session_that_latches_anew_goes_on_being_read(world: World) -> None:
    session = world.open(1)
    world.run(0.02)
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with elsewhere:
        elsewhere.bind((HOST, 0))
        world.plane.connect(session, Negotiated((HOST, 9), Codec.PCMA, 101, 101, True, True, latch=True))
        packet = rtp.Packet(Codec.PCMA, False, 1, 0, 7, bytes(160))
        elsewhere.sendto(rtp.pack(packet), (HOST, session.port))
        world.run(0.06)
    assert (1, FirstPacket()) in world.told


def test_few_sessions_share_slots_and_many_spread_over_all(world: World) -> None:
    for number in range(300):
        world.open(number, connect=False)
    sizes = [len(slot) for slot in world.plane._slots]
    assert sum(sizes) == 300
    assert max(sizes) <= 80
