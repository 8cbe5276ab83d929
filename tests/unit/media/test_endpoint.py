"""Real sockets on loopback: delivery there is immediate, so nothing has to be waited for."""

import contextlib
import itertools
import socket
from collections.abc import Iterator

import pytest

from calldron.media import rtp
from calldron.media.endpoint import Endpoint

HOST = "127.0.0.1"
SOUND = rtp.pack(rtp.Packet(8, False, 1, 0, 7, bytes(160)))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    one = Endpoint(HOST)
    yield one
    one.close()


@pytest.fixture
def peers() -> Iterator[list[socket.socket]]:
    """Three far sides."""
    sockets = []
    for _ in range(3):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((HOST, 0))
        one.setblocking(False)
        sockets.append(one)
    yield sockets
    for one in sockets:
        one.close()


def received(endpoint: Endpoint) -> list[bytes]:
    datagrams = []
    while True:
        try:
            datagrams.append(endpoint.receive(2048))
        except BlockingIOError:
            return datagrams


def test_ports_are_even_and_each_its_own() -> None:
    endpoints = [Endpoint(HOST) for _ in range(50)]
    ports = {one.port for one in endpoints}
    assert len(ports) == 50
    assert all(port % 2 == 0 for port in ports)
    for one in endpoints:
        one.close()


def test_ports_are_taken_in_turn_from_a_range_and_run_out() -> None:
    with contextlib.closing(Endpoint(HOST)) as one, contextlib.closing(Endpoint(HOST)) as other:
        free = [one.port, other.port]
    ports = itertools.cycle(free)
    with contextlib.closing(Endpoint(HOST, ports)) as one, contextlib.closing(Endpoint(HOST, ports)) as other:
        assert [one.port, other.port] == free
        with pytest.raises(OSError, match="no even port is free"):
            Endpoint(HOST, ports)


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(OSError, match="assign"):
        Endpoint("192.0.2.1")


def test_media_goes_both_ways(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    far = peers[0]
    endpoint.connect(far.getsockname(), latch=False)
    endpoint.send(b"there")
    assert far.recvfrom(99) == (b"there", (HOST, endpoint.port))
    far.sendto(b"back", (HOST, endpoint.port))
    assert received(endpoint) == [b"back"]


def test_others_are_not_heard_neither_before_nor_after(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    far, stranger, _ = peers
    stranger.sendto(SOUND, (HOST, endpoint.port))
    endpoint.connect(far.getsockname(), latch=False)
    stranger.sendto(SOUND, (HOST, endpoint.port))
    assert received(endpoint) == []


def test_a_far_side_that_moves_is_followed(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    old, new, _ = peers
    endpoint.connect(old.getsockname(), latch=False)
    endpoint.connect(new.getsockname(), latch=False)
    old.sendto(b"old", (HOST, endpoint.port))
    new.sendto(b"new", (HOST, endpoint.port))
    endpoint.send(b"there")
    assert received(endpoint) == [b"new"]
    assert new.recv(99) == b"there"


def test_the_first_who_sends_media_is_latched_on(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    named, actual, stranger = peers
    endpoint.connect(named.getsockname(), latch=True)
    endpoint.send(b"first")
    assert named.recv(99) == b"first"  # which opens our own NAT
    actual.sendto(SOUND, (HOST, endpoint.port))
    assert received(endpoint) == [SOUND]
    stranger.sendto(SOUND, (HOST, endpoint.port))
    assert received(endpoint) == []
    endpoint.send(b"second")
    assert actual.recv(99) == b"second"


@pytest.mark.parametrize("junk", [b"", b"\x00\x01\x00\x00" + bytes(16), b"\x80\xc8" + bytes(26)])
def test_junk_is_not_latched_on(endpoint: Endpoint, peers: list[socket.socket], junk: bytes) -> None:
    named, actual, stranger = peers
    endpoint.connect(named.getsockname(), latch=True)
    stranger.sendto(junk, (HOST, endpoint.port))
    assert received(endpoint) == [junk]
    actual.sendto(SOUND, (HOST, endpoint.port))
    assert received(endpoint) == [SOUND]


def test_what_was_queued_by_others_before_the_latch_is_dropped(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    named, actual, stranger = peers
    endpoint.connect(named.getsockname(), latch=True)
    actual.sendto(SOUND, (HOST, endpoint.port))
    stranger.sendto(SOUND + b"!", (HOST, endpoint.port))
    assert received(endpoint) == [SOUND]


@pytest.mark.parametrize("latch_before", [True, False])
def test_a_new_answer_latches_anew_on_the_same_port(
    endpoint: Endpoint, peers: list[socket.socket], latch_before: bool
) -> None:
    old, named, actual = peers
    port = endpoint.port
    endpoint.connect(old.getsockname(), latch_before)
    old.sendto(SOUND, (HOST, port))
    assert received(endpoint) == [SOUND]
    assert endpoint.connect(named.getsockname(), latch=True)
    assert endpoint.port == port
    actual.sendto(SOUND, (HOST, port))
    assert received(endpoint) == [SOUND]


def test_a_repeated_answer_changes_nothing(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    named, actual, _ = peers
    endpoint.connect(named.getsockname(), latch=True)
    actual.sendto(SOUND, (HOST, endpoint.port))
    received(endpoint)
    assert not endpoint.connect(named.getsockname(), latch=True)
    endpoint.send(b"there")
    assert actual.recv(99) == b"there"


def test_a_closed_far_side_is_an_error_once_and_not_for_ever(endpoint: Endpoint, peers: list[socket.socket]) -> None:
    far = peers[0]
    address = far.getsockname()
    endpoint.connect(address, latch=False)
    far.close()
    endpoint.send(b"lost")
    with pytest.raises(ConnectionRefusedError):
        endpoint.send(b"refused")
    reborn = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with reborn:
        reborn.bind(address)
        endpoint.send(b"heard")
        assert reborn.recv(99) == b"heard"


def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as far:
        try:
            far.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        one = Endpoint("::1")
        one.connect(("::1", far.getsockname()[1]), latch=False)
        one.send(b"there")
        assert far.recv(99) == b"there"
        one.close()
