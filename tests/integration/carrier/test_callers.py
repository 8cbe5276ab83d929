"""The carrier as callers that we did not write find it: SIPp does the signalling, a bare socket hears the media."""

import asyncio
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from lines import HOST, PATIENCE, Exchange

from calldron.domain.outcome import EndedBy
from calldron.engines.carrier.server import Carrier
from calldron.media import g711
from calldron.media.g711 import SAMPLE_RATE, Codec

HEADERS = """
      From: <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
      To: <sip:{number}@[remote_ip]:[remote_port]>{tag}
      Call-ID: [call_id]
      CSeq: {cseq}
      Contact: <sip:caller@[local_ip]:[local_port]>
      Max-Forwards: 70
"""

SDP = """v=0
      o=sipp 1 {version} IN IP4 {host}
      s=-
      c=IN IP4 {host}
      t=0 0
      m=audio {port} RTP/AVP {formats}
      a=rtpmap:96 telephone-event/8000
      a={direction}
"""


def sdp(port: int, formats: str = "0 96", *, version: int = 1, direction: str = "sendrecv", host: str = HOST) -> str:
    return SDP.format(port=port, formats=formats, version=version, direction=direction, host=host)


def request(method: str, number: str, sequence: int, body: str = "", *, dialog: bool = True, back: int = 0) -> str:
    """A ``<send>``. ``dialog``: with a To tag. ``back``: it belongs to the INVITE so many steps before."""
    uri = f"sip:{number}@[remote_ip]:[remote_port]" if back or not dialog else "[next_url]"
    headers = HEADERS.format(number=number, tag="[peer_tag_param]" if dialog else "", cseq=f"{sequence} {method}")
    content = "Content-Type: application/sdp\n      " if body else ""
    branch = f"[branch-{back}]" if back else "[branch]"
    return f"""<send{' retrans="500"' if method != "ACK" else ""}><![CDATA[
      {method} {uri} SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch={branch}
      {headers.strip()}
      {content}Content-Length: [len]

      {body}]]></send>"""


def expect(code: int, *, optional: bool = False, rrs: bool = False, holds: str = "") -> str:
    """A ``<recv>`` of a response. ``holds``: a regular expression that the message has to match."""
    attributes = ('optional="true" ' if optional else "") + ('rrs="true" ' if rrs else "")
    check = f'<action><ereg regexp="{holds}" search_in="msg" check_it="true" assign_to="1"/></action>' if holds else ""
    return f'<recv response="{code}" {attributes}>{check}</recv>'


def scenario(*steps: str) -> str:
    used = '<Reference variables="1"/>' if any('assign_to="1"' in step for step in steps) else ""
    return f'<?xml version="1.0"?>\n<scenario name="caller">{"".join(steps)}{used}</scenario>'


def call(number: str, body: str) -> tuple[str, ...]:
    """Steps up to the ACK of an answer that comes without ringing."""
    return (
        request("INVITE", number, 1, body, dialog=False),
        expect(100, optional=True),
        expect(200, rrs=True),
        request("ACK", number, 1),
    )


RECV_BYE = '<recv request="BYE"/>'
OK = """<send><![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

      ]]></send>"""


def hang_up(number: str, sequence: int = 2) -> tuple[str, ...]:
    return request("BYE", number, sequence), expect(200)


async def sipp(tmp_path: Path, port: int, xml: str) -> None:
    """Run a scenario once; what it says when it fails is the assertion's message."""
    file = tmp_path / "scenario.xml"
    file.write_text(xml)
    process = await asyncio.create_subprocess_exec(
        *(
            "sipp",
            f"{HOST}:{port}",
            "-sf",
            file.name,
            "-m",
            "1",
            "-i",
            HOST,
            "-nostdin",
            "-timeout",
            f"{PATIENCE:.0f}s",
        ),
        *("-timeout_error", "-trace_err", "-error_file", "errors.log"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    errors = tmp_path / "errors.log"
    assert process.returncode == 0, stderr.decode() + (errors.read_text() if errors.exists() else "")


@dataclass
class Packet:
    payload_type: int
    payload: bytes


class Ear(asyncio.DatagramProtocol):
    """What comes to a UDP port, as RTP packets without extensions (RFC 3550 section 5.1)."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.something = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.something.set()
        self.packets.append(Packet(data[1] & 0x7F, data[12:]))

    def sound(self) -> np.ndarray:
        octets = b"".join(packet.payload for packet in self.packets if packet.payload_type == Codec.PCMU)
        return g711.samples(octets, Codec.PCMU).astype(np.float32) / 32768


@pytest.fixture
async def ear() -> AsyncIterator[tuple[Ear, int]]:
    transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(
        Ear, local_addr=(HOST, 0), family=socket.AF_INET
    )
    yield ear, transport.get_extra_info("sockname")[1]
    transport.close()


@pytest.fixture
def media_of_others() -> set[int]:
    """Engines that last for the whole session may have theirs under this process too."""
    return media_processes()


@pytest.fixture
async def exchange(media_of_others: set[int]) -> AsyncIterator[Exchange]:
    exchange = Exchange()
    await exchange.carrier.start()
    yield exchange
    await exchange.carrier.stop()
    assert exchange.carrier.calls == 0


@pytest.fixture
def carrier(exchange: Exchange) -> Carrier:
    return exchange.carrier


def keys(ear: Ear) -> set[int]:
    return {struct.unpack_from("!B", packet.payload)[0] for packet in ear.packets if packet.payload_type == 96}


async def test_a_caller_that_offers_in_its_ack(carrier: Carrier, tmp_path: Path, ear: tuple[Ear, int]) -> None:
    heard, port = ear
    await sipp(
        tmp_path,
        carrier.port,
        scenario(
            request("INVITE", "+79000003101", 1, dialog=False),
            expect(100, optional=True),
            expect(200, rrs=True, holds="m=audio"),
            request("ACK", "+79000003101", 1, sdp(port)),
            RECV_BYE,
            OK,
        ),
    )
    assert keys(heard) == {1}


async def test_a_caller_without_telephone_events_hears_keys(
    carrier: Carrier, tmp_path: Path, ear: tuple[Ear, int]
) -> None:
    heard, port = ear
    await sipp(tmp_path, carrier.port, scenario(*call("+79000003101", sdp(port, "0")), RECV_BYE, OK))
    spectrum = np.abs(np.fft.rfft(heard.sound(), 8 * SAMPLE_RATE))
    row = 600 + np.argmax(spectrum[8 * 600 : 8 * 1000]) / 8
    column = 1100 + np.argmax(spectrum[8 * 1100 : 8 * 1700]) / 8
    assert row == pytest.approx(697, abs=8)
    assert column == pytest.approx(1209, abs=8)
    assert keys(heard) == set()


@pytest.mark.parametrize(
    "body",
    [sdp(4000, "18 96"), sdp(0), sdp(4000, host="phone.invalid"), "v=0", "junk"],
    ids=["G.729 only", "refused stream", "a name for an address", "no media", "no SDP"],
)
async def test_an_offer_with_nothing_for_us_is_refused(carrier: Carrier, tmp_path: Path, body: str) -> None:
    number = "+79000000000"
    ack = request("ACK", number, 1, back=3)
    await sipp(
        tmp_path,
        carrier.port,
        scenario(request("INVITE", number, 1, body, dialog=False), expect(100, optional=True), expect(488), ack),
    )


async def test_a_refusal_carries_its_cause(carrier: Carrier, tmp_path: Path) -> None:
    number = "+79000005003"
    await sipp(
        tmp_path,
        carrier.port,
        scenario(
            request("INVITE", number, 1, sdp(4000), dialog=False),
            expect(100, optional=True),
            expect(403, holds="Reason: Q.850;cause=21"),
            request("ACK", number, 1, back=3),
        ),
    )
    assert carrier.invites == {number: 1}


async def test_early_media_is_heard_before_the_answer(carrier: Carrier, tmp_path: Path, ear: tuple[Ear, int]) -> None:
    heard, port = ear
    number = "+79000002200"
    await sipp(
        tmp_path,
        carrier.port,
        scenario(
            request("INVITE", number, 1, sdp(port), dialog=False),
            expect(100, optional=True),
            expect(183, holds="m=audio"),
            expect(404),
            request("ACK", number, 1, back=4),
        ),
    )
    assert heard.sound().size / SAMPLE_RATE == pytest.approx(2.0, abs=0.3)
    assert np.abs(heard.sound()).max() > 0.1


async def test_a_caller_that_gives_up_is_forgotten_at_once(exchange: Exchange, tmp_path: Path) -> None:
    number = "+79000004100"
    await sipp(
        tmp_path,
        exchange.carrier.port,
        scenario(
            request("INVITE", number, 1, sdp(4000), dialog=False),
            expect(100, optional=True),
            expect(180),
            request("CANCEL", number, 1, dialog=False, back=3),
            expect(200),
            expect(487),
            request("ACK", number, 1, back=6),
        ),
    )
    ending = await exchange.ending(number)
    assert (ending.by, ending.sip_code) == (EndedBy.REMOTE, 487)
    assert exchange.carrier.calls == 0


async def test_a_caller_may_hold_and_resume(carrier: Carrier, tmp_path: Path, ear: tuple[Ear, int]) -> None:
    number, port = "+79000008000", ear[1]
    await sipp(
        tmp_path,
        carrier.port,
        scenario(
            request("INVITE", number, 1, sdp(port), dialog=False),
            expect(100, optional=True),
            expect(180),
            expect(200, rrs=True, holds="a=sendrecv"),
            request("ACK", number, 1),
            request("INVITE", number, 2, sdp(port, version=2, direction="sendonly")),
            expect(100, optional=True),
            expect(200, holds="o=- [0-9]+ 2 IN.*a=recvonly"),
            request("ACK", number, 2),
            request("INVITE", number, 3, sdp(port, version=3)),
            expect(100, optional=True),
            expect(200, holds="o=- [0-9]+ 3 IN.*a=sendrecv"),
            request("ACK", number, 3),
            *hang_up(number, 4),
        ),
    )
    assert carrier.invites == {number: 1}


async def test_stopping_hangs_up(carrier: Carrier, tmp_path: Path, ear: tuple[Ear, int]) -> None:
    heard, port = ear
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(sipp(tmp_path, carrier.port, scenario(*call("+79000000000", sdp(port)), RECV_BYE, OK)))
        await heard.something.wait()
        await carrier.stop()


async def test_the_death_of_the_media_process_ends_its_calls_and_no_later_ones(
    carrier: Carrier, media_of_others: set[int], tmp_path: Path, ear: tuple[Ear, int]
) -> None:
    heard, port = ear
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(sipp(tmp_path, carrier.port, scenario(*call("+79000000000", sdp(port)), RECV_BYE, OK)))
        await heard.something.wait()
        for pid in media_processes() - media_of_others:
            os.kill(pid, signal.SIGKILL)
    await sipp(tmp_path, carrier.port, scenario(*call("+79000003101", sdp(port)), RECV_BYE, OK))
    assert keys(heard) == {1}


def media_processes() -> set[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in children if b"calldron.media.child" in Path(f"/proc/{pid}/cmdline").read_bytes()}
