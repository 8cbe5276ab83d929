"""Calls that go out, against a trunk that says exactly what the test writes: the odd branches of RFC 3261."""

import asyncio

import pytest
from support.sip_agents import (
    ANSWER,
    BODY,
    NUMBER,
    OFFER,
    OURS,
    THEIRS,
    Told,
    against_a_puppet,
    caller,
    ended,
    place,
    running,
    talking,
)
from support.sip_network import Network
from support.virtual_time import freeze, virtual

from calldron.domain.outcome import EndedBy, Ending, refused_by_trunk
from calldron.engines.sip.invitation import Invitation
from calldron.engines.sip.message import Response
from calldron.engines.sip.transaction import Timing
from calldron.media import sdp
from calldron.media.sdp import Description

ANSWERED = Ending(EndedBy.LOCAL, 200, answered=True, reached=True)


def agrees(answer: Description) -> None:
    """What an owner does with an answer: refuse it where nothing is in common."""
    sdp.agree(OFFER, answer)


# ---------------------------------------------------------------- the INVITE


@virtual
async def test_what_an_invite_says() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent, caller_id="+79990001122", username="joe", password="secret")
        invite = await puppet.request("INVITE")
        assert invite.uri == f"sip:{NUMBER}@{THEIRS}:5060"
        assert invite.headers["to"] == [f"<sip:{NUMBER}@{THEIRS}:5060>"]
        assert invite.from_.uri == f"sip:+79990001122@{THEIRS}"
        assert invite.get("p-asserted-identity") == f"<sip:+79990001122@{THEIRS}>"
        assert invite.get("max-forwards") == "70"
        assert invite.options("supported") == {"timer", "100rel"}
        assert invite.contact is not None
        assert invite.contact.uri == f"sip:+79990001122@{OURS}:5060"
        assert sdp.parse(invite.body) == OFFER
        assert "secret" not in bytes(invite).decode()
        told.call.hangup()


@pytest.mark.parametrize(
    ("caller_id", "username", "user"),
    [("", "joe", "joe"), ("", "", "anonymous"), ("+7 (495)\r\nX: 1", "", "+7%20(495)%0D%0AX%3A%201")],
)
@virtual
async def test_who_calls(caller_id: str, username: str, user: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        place(agent, caller_id=caller_id, username=username)
        invite = await puppet.request("INVITE")
        assert invite.from_.uri == f"sip:{user}@{THEIRS}"


@pytest.mark.parametrize(
    ("number", "uri"),
    [
        ("sip:bob@example.com;user=phone", "sip:bob@example.com;user=phone"),
        ("*21#", f"sip:*21%23@{THEIRS}:5060"),
        ("1@evil.example", f"sip:1%40evil.example@{THEIRS}:5060"),
        ("1\r\nX: y", f"sip:1%0D%0AX%3A%20y@{THEIRS}:5060"),
    ],
)
@virtual
async def test_what_is_dialled(number: str, uri: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        place(agent, number)
        assert (await puppet.request("INVITE")).uri == uri


@virtual
async def test_over_tcp_the_contact_says_so() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        place(agent, transport="TCP")
        invite = await puppet.request("INVITE")
        assert puppet.peer.transport == "TCP"
        assert invite.contact is not None
        assert invite.contact.uri.endswith(";transport=tcp")
        assert invite.uri.endswith(";transport=tcp")
        assert invite.via.transport == "TCP"


@pytest.mark.parametrize("number", ["sip:", "sip:a@b:99999", "sip:a b@c", "sips:x@\r\ny"])
@virtual
async def test_a_uri_that_is_none_is_not_dialled(number: str) -> None:
    async with against_a_puppet() as (network, agent, _):
        told = place(agent, number)
        assert await ended(told.call) == Ending(EndedBy.REMOTE, 484, sent=False)
        assert network.log == []


# ---------------------------------------------------------------- provisional responses


@virtual
async def test_early_media_is_passed_up_and_may_stand_for_the_answer() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        puppet.respond(invite, 100)
        puppet.respond(invite, 183, body=BODY)
        puppet.respond(invite, 180)
        puppet.respond(invite, 200)
        await puppet.request("ACK")
        assert told.events == [("progress", 183, True), ("progress", 180, False), ("answer", ANSWER.audio)]


@virtual
async def test_reliable_responses_are_acknowledged_in_order_and_once() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")

        def reliable(code: int, rseq: int) -> None:
            puppet.respond(invite, code, headers={"require": ["100rel"], "rseq": [str(rseq)]})

        reliable(183, 7)
        prack = await puppet.request("PRACK")
        assert prack.get("rack") == "7 1 INVITE"
        assert prack.cseq.number == 2
        puppet.respond(prack, 200)
        reliable(183, 7)  # again, though it was acknowledged
        reliable(180, 9)  # ahead of its time
        reliable(180, 8)
        prack = await puppet.request("PRACK")
        assert prack.get("rack") == "8 1 INVITE"
        puppet.respond(prack, 200)
        puppet.respond(invite, 200, body=BODY)
        ack = await puppet.request("ACK")
        assert ack.cseq.number == 1
        assert [event[:2] for event in told.events] == [("progress", 183), ("progress", 180), ("answer", ANSWER.audio)]
        told.call.hangup()
        assert (await puppet.request("BYE")).cseq.number == 4


# ---------------------------------------------------------------- the answer


@virtual
async def test_each_repeated_200_is_acknowledged_with_the_same_ack() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        for _ in range(3):
            puppet.respond(invite, 200, body=BODY)
        acks = [await puppet.request("ACK") for _ in range(3)]
        assert len({bytes(ack) for ack in acks}) == 1
        told.call.hangup()
        puppet.respond(await puppet.request("BYE"), 200)
        await ended(told.call)
        await asyncio.sleep(10)
        puppet.respond(invite, 200, body=BODY)  # it never got one
        await puppet.request("ACK")
        assert len(told.events) == 1


@virtual
async def test_the_route_of_the_200_is_taken_by_what_follows() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        routes = [f"<sip:far.example;lr>, <sip:{THEIRS};lr>"]
        puppet.respond(invite, 200, body=BODY, contact="sip:deep@10.9.8.7", headers={"record-route": routes})
        ack = await puppet.request("ACK")
        assert ack.uri == "sip:deep@10.9.8.7"
        assert ack.getall("route") == [f"<sip:{THEIRS};lr>", "<sip:far.example;lr>"]
        told.call.hangup()
        bye = await puppet.request("BYE")
        assert bye.getall("route") == ack.getall("route")
        assert bye.via.branch != ack.via.branch != invite.via.branch


@pytest.mark.parametrize(
    ("contact", "transport"),
    [
        (f"sip:b@{THEIRS}:5060", "TCP"),  # left out, as peers on TCP often do: the connection is there
        (f"sip:b@{THEIRS}:5060;transport=TCP", "TCP"),
        (f"sip:b@{THEIRS}:5060;transport=udp", "UDP"),
    ],
)
@virtual
async def test_the_answer_to_a_call_over_tcp_says_what_follows_it(contact: str, transport: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        place(agent, transport="tcp")
        puppet.respond(await puppet.request("INVITE"), 200, body=BODY, contact=contact)
        await puppet.request("ACK")
        assert puppet.peer.transport == transport


@virtual
async def test_a_response_that_is_for_somebody_else_is_dropped() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        invite.headers["via"] = [*invite.headers["via"], "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx"]
        puppet.respond(invite, 180)
        await asyncio.sleep(1)
        assert told.events == []


@virtual
async def test_a_strict_router_becomes_the_request_uri() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        place(agent)
        invite = await puppet.request("INVITE")
        puppet.respond(
            invite, 200, body=BODY, contact="sip:deep@10.9.8.7", headers={"record-route": [f"<sip:{THEIRS}>"]}
        )
        ack = await puppet.request("ACK")
        assert ack.uri == f"sip:{THEIRS}"
        assert ack.getall("route") == ["<sip:deep@10.9.8.7>"]


@virtual
async def test_another_branch_of_a_fork_is_acknowledged_and_ended() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        puppet.respond(invite, 180, tag="one")
        puppet.respond(invite, 180, tag="two")
        puppet.respond(invite, 200, tag="one", body=BODY)
        assert (await puppet.request("ACK")).to.tag == "one"
        puppet.respond(invite, 200, tag="two", body=BODY)
        assert (await puppet.request("ACK")).to.tag == "two"
        bye = await puppet.request("BYE")
        assert bye.to.tag == "two"
        puppet.respond(bye, 200)
        await puppet.nothing(20)
        assert not told.call.ended.done()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        BODY.replace(b"PCMA", b"G729").replace(b"AVP 8 ", b"AVP 18 "),
        BODY.replace(b"audio 5000", b"audio 0"),
    ],
)
@virtual
async def test_an_answer_without_usable_media_is_hung_up_on(body: bytes) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        told.call.on_answer = agrees
        puppet.respond(await puppet.request("INVITE"), 200, body=body)
        await puppet.request("ACK")
        puppet.respond(await puppet.request("BYE"), 200)
        assert await ended(told.call) == Ending(EndedBy.MEDIA, 200, answered=True, reached=True)


@pytest.mark.parametrize("contact", ["tel:+7495", "sips:a@b", "sip:a@b;transport=sctp", "sip:["])
@virtual
async def test_an_answer_from_where_nobody_can_be_reached_ends_the_call(contact: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        puppet.respond(await puppet.request("INVITE"), 200, body=BODY, contact=contact)
        assert (await ended(told.call)).by is EndedBy.SILENCE


# ---------------------------------------------------------------- refusals that are tried again


@pytest.mark.parametrize(
    ("code", "asks", "answers"),
    [(401, "www-authenticate", "authorization"), (407, "proxy-authenticate", "proxy-authorization")],
)
@virtual
async def test_a_challenge_is_answered_and_the_ack_carries_it_too(code: int, asks: str, answers: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent, username="joe", password="secret")
        first = await puppet.request("INVITE")
        puppet.respond(first, code, headers={asks: ['Digest realm="r", nonce="1", qop="auth"']})
        await puppet.request("ACK")
        second = await puppet.request("INVITE")
        assert second.cseq.number == first.cseq.number + 1
        assert second.via.branch != first.via.branch
        assert second.call_id == first.call_id
        assert second.from_.tag == first.from_.tag
        assert second.to.tag == ""
        assert answers in second.headers
        puppet.respond(second, 200, body=BODY)
        ack = await puppet.request("ACK")
        assert ack.headers[answers] == second.headers[answers]
        told.call.hangup()
        bye = await puppet.request("BYE")
        puppet.respond(bye, code, headers={asks: ['Digest realm="r", nonce="2", qop="auth"']})
        again = await puppet.request("BYE")
        assert again.cseq.number == bye.cseq.number + 1
        assert 'nonce="2"' in again.headers[answers][0]
        puppet.respond(again, 200)
        assert await ended(told.call) == ANSWERED


@virtual
async def test_a_wrong_password_ends_the_call_with_the_second_challenge() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent, username="joe", password="wrong")
        for nonce in ("1", "2"):
            invite = await puppet.request("INVITE")
            puppet.respond(invite, 407, headers={"proxy-authenticate": [f'Digest realm="r", nonce="{nonce}"']})
            await puppet.request("ACK")
        assert await ended(told.call) == Ending(EndedBy.REMOTE, 407)
        assert network.kinds(OURS).count("INVITE") == 2


@virtual
async def test_a_redirect_is_followed_by_its_user_part_to_the_same_trunk() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent)
        contacts = [
            "<sip:low@evil.example>;q=0.1",
            '"B, C" <sip:high@evil.example>;q=0.9, <sip:mid@evil.example>;q=0.5',
        ]
        puppet.respond(await puppet.request("INVITE"), 302, headers={"contact": contacts})
        await puppet.request("ACK")
        second = await puppet.request("INVITE")
        assert second.uri == f"sip:high@{THEIRS}:5060"
        puppet.respond(second, 302, headers={"contact": contacts})
        await puppet.request("ACK")
        third = await puppet.request("INVITE")
        assert third.uri == f"sip:mid@{THEIRS}:5060"
        puppet.respond(third, 302, headers={"contact": contacts})
        await puppet.request("ACK")
        assert await ended(told.call) == Ending(EndedBy.REMOTE, 302)
        assert {other.host for _, _, other, _ in network.log} == {OURS, THEIRS}


@pytest.mark.parametrize("contact", ["<sip:evil.example>", "*", f"<sip:{NUMBER}@elsewhere.example>", "<mailto:a@b>"])
@virtual
async def test_a_redirect_to_nowhere_new_ends_the_call(contact: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        puppet.respond(await puppet.request("INVITE"), 302, headers={"contact": [contact]})
        assert await ended(told.call) == Ending(EndedBy.REMOTE, 302)


@pytest.mark.parametrize("min_se", ["90", "0", "x"])
@virtual
async def test_a_422_that_asks_for_what_was_offered_ends_the_call(min_se: str) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        puppet.respond(await puppet.request("INVITE"), 422, headers={"min-se": [min_se]})
        assert (await ended(told.call)).sip_code == 422


# ---------------------------------------------------------------- taken back


@virtual
async def test_nothing_is_sent_for_a_call_that_is_taken_back_at_once() -> None:
    async with against_a_puppet() as (network, agent, _):
        told = place(agent)
        told.call.hangup()
        assert await ended(told.call) == Ending(EndedBy.LOCAL, sent=False)
        await asyncio.sleep(10)
        assert network.log == []


@pytest.mark.parametrize("code", [100, 180])
@virtual
async def test_cancel_waits_for_a_provisional_response(code: int) -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        told.call.hangup()
        await asyncio.sleep(3)
        assert "CANCEL" not in network.kinds(OURS)
        puppet.forget()
        puppet.respond(invite, code)
        cancel = await puppet.request("CANCEL")
        assert cancel.via.branch == invite.via.branch
        assert cancel.uri == invite.uri
        assert (cancel.cseq.number, cancel.to.tag) == (invite.cseq.number, "")
        puppet.respond(cancel, 200)
        puppet.respond(invite, 487)
        await puppet.request("ACK")
        assert await ended(told.call) == Ending(EndedBy.LOCAL, 487, reached=code > 100)


@virtual
async def test_a_refusal_that_crosses_the_wish_to_cancel_needs_none() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        told.call.hangup()
        puppet.respond(invite, 486)
        await puppet.request("ACK")
        assert await ended(told.call) == Ending(EndedBy.LOCAL, 486, reached=True)


@virtual
async def test_a_challenge_is_not_answered_for_a_call_that_is_taken_back() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent, username="joe", password="secret")
        invite = await puppet.request("INVITE")
        told.call.hangup()
        puppet.respond(invite, 401, headers={"www-authenticate": ['Digest realm="r", nonce="1"']})
        await puppet.request("ACK")
        assert (await ended(told.call)).by is EndedBy.LOCAL
        assert network.kinds(OURS).count("INVITE") == 1


@virtual
async def test_a_cancel_that_nobody_honours_ends_after_64_t1() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent, ring_timeout=10)
        puppet.respond(await puppet.request("INVITE"), 180)
        assert await ended(told.call) == Ending(EndedBy.RING_TIMEOUT, reached=True)
        assert 42 <= asyncio.get_running_loop().time() <= 42.1


# ---------------------------------------------------------------- silence


@virtual
async def test_a_silent_trunk_is_given_up_by_timer_b() -> None:
    async with against_a_puppet() as (network, agent, _):
        told = place(agent, ring_timeout=120)
        assert await ended(told.call) == Ending(EndedBy.SILENCE)
        assert asyncio.get_running_loop().time() == pytest.approx(32)
        assert network.times(OURS, "INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


@virtual
async def test_t1_and_the_bound_on_silence_are_set_by_the_owner() -> None:
    async with against_a_puppet(timing=Timing(t1=0.1, no_reply=2)) as (network, agent, _):
        told = place(agent)
        assert await ended(told.call) == Ending(EndedBy.SILENCE)
        assert asyncio.get_running_loop().time() == pytest.approx(2)
        await asyncio.sleep(20)
        assert network.times(OURS, "INVITE") == [0, 0.1, 0.3, 0.7, 1.5], "nobody waits for it any more"


@pytest.mark.parametrize("wakes", [180, 200])
@virtual
async def test_a_trunk_that_wakes_up_after_its_call_was_given_up_is_told(wakes: int) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent, ring_timeout=5)
        invite = await puppet.request("INVITE")
        assert await ended(told.call) == Ending(EndedBy.SILENCE)
        puppet.forget()
        puppet.respond(invite, wakes, body=BODY)
        if wakes == 200:
            await puppet.request("ACK")
            puppet.respond(await puppet.request("BYE"), 200)
        else:
            puppet.respond(await puppet.request("CANCEL"), 200)
            puppet.respond(invite, 487)
            await puppet.request("ACK")
        assert told.events == []


@virtual
async def test_a_trunk_that_refuses_packets_is_silent_at_once() -> None:
    network = Network()
    agent = caller(network)
    async with running(agent):
        told = place(agent)
        assert await ended(told.call) == Ending(EndedBy.SILENCE)
        assert asyncio.get_running_loop().time() < 1


@virtual
async def test_a_bye_to_who_is_gone_ends_the_call() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        hung_up = asyncio.get_running_loop().time()
        told.call.hangup()
        assert await ended(told.call) == ANSWERED
        assert asyncio.get_running_loop().time() == hung_up, "over for us once BYE is on its way"
        await told.call.released
        assert 32 <= asyncio.get_running_loop().time() <= 33


@pytest.mark.parametrize("host", ["", "no host at all", "\r\nVia: x", "a" * 300])
@virtual
async def test_a_trunk_without_a_host_is_silent(host: str) -> None:
    async with against_a_puppet() as (network, agent, _):
        told = Told(agent.call(Invitation(NUMBER, host), OFFER))
        assert await ended(told.call) == Ending(EndedBy.SILENCE, sent=False)
        assert network.log == []


# ---------------------------------------------------------------- whose refusal it is


@pytest.mark.parametrize(
    ("provisional", "code", "refused"),
    [
        *((code, final, True) for code in (None, 100) for final in (401, 403, 407, 503)),
        *((code, final, False) for code in (180, 183) for final in (401, 403, 407, 503)),
        *((code, final, False) for code in (None, 100) for final in (404, 408, 480, 486, 500, 603)),
    ],
)
@virtual
async def test_who_refused_the_trunk_or_the_callee_s_side(provisional: int | None, code: int, refused: bool) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        invite = await puppet.request("INVITE")
        if provisional:
            puppet.respond(invite, provisional)
        puppet.respond(invite, code)
        assert refused_by_trunk(await ended(told.call)) is refused


@pytest.mark.parametrize(("provisional", "refused"), [(None, True), (100, True), (180, False), (183, False)])
@virtual
async def test_a_trunk_that_falls_silent_refused_unless_the_callee_s_side_had_spoken(
    provisional: int | None, refused: bool
) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent, username="joe", password="secret", ring_timeout=120)
        invite = await puppet.request("INVITE")
        if provisional:
            puppet.respond(invite, provisional)
        puppet.respond(invite, 401, headers={"www-authenticate": ['Digest realm="r", nonce="1"']})
        ending = await ended(told.call)  # the INVITE that answers the challenge is never replied to
        assert ending.by is EndedBy.SILENCE
        assert refused_by_trunk(ending) is refused


@pytest.mark.parametrize(
    ("value", "seconds"), [("120", 120), ("18000;duration=3600", 18000), ("5 (I'm in a meeting)", 5), ("soon", None)]
)
@virtual
async def test_how_long_a_refusal_asks_to_wait(value: str, seconds: float | None) -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent)
        puppet.respond(await puppet.request("INVITE"), 503, headers={"retry-after": [value]})
        assert (await ended(told.call)).retry_after == seconds


# ---------------------------------------------------------------- INVITEs that may not leave, and frozen processes


@virtual
async def test_an_invite_that_may_not_leave_does_not() -> None:
    async with against_a_puppet() as (network, agent, _):
        told = place(agent, may_leave=lambda: False)
        assert await ended(told.call) == Ending(EndedBy.LOCAL, sent=False)
        await asyncio.sleep(40)
        assert network.log == []


@virtual
async def test_a_challenge_is_not_answered_where_the_invite_may_leave_no_more() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        leave = [True, False]
        told = place(agent, username="joe", password="secret", may_leave=lambda: leave.pop(0))
        invite = await puppet.request("INVITE")
        puppet.respond(invite, 401, headers={"www-authenticate": ['Digest realm="r", nonce="1"']})
        await puppet.request("ACK")
        assert await ended(told.call) == Ending(EndedBy.LOCAL)
        assert network.kinds(OURS).count("INVITE") == 1


@pytest.mark.parametrize("asleep", [32, 60, 3600])
@virtual
async def test_who_was_frozen_beyond_timer_b_sends_no_invite_again(asleep: float) -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent, ring_timeout=120)
        await puppet.request("INVITE")
        freeze(asleep)
        ending = await ended(told.call)
        assert network.times(OURS, "INVITE") == [0]
        assert ending.by is EndedBy.SILENCE
        assert ending.reached == (asleep >= 60), "who did not listen can't say that nobody spoke"


@virtual
async def test_who_was_frozen_for_less_goes_on_repeating() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent, ring_timeout=120)
        await puppet.request("INVITE")
        freeze(20)
        assert await ended(told.call) == Ending(EndedBy.SILENCE)
        assert len(network.times(OURS, "INVITE")) > 1
        assert max(network.times(OURS, "INVITE")) < 32


@pytest.mark.parametrize("ring_timeout", [5, 120])
@virtual
async def test_what_came_while_we_were_frozen_is_read_before_the_trunk_counts_as_silent(ring_timeout: float) -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told = place(agent, ring_timeout=ring_timeout)
        invite = await puppet.request("INVITE")
        freeze(60)
        puppet.respond(invite, 200, body=BODY)
        await puppet.request("ACK")
        told.call.hangup()
        puppet.respond(await puppet.request("BYE"), 200)
        assert await ended(told.call) == ANSWERED
        assert network.times(OURS, "INVITE") == [0]


@virtual
async def test_a_phone_that_rings_after_a_freeze_is_cancelled() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told = place(agent, ring_timeout=120)
        invite = await puppet.request("INVITE")
        told.call.hangup()
        freeze(60)
        puppet.respond(invite, 180)
        puppet.respond(await puppet.request("CANCEL"), 200)
        puppet.respond(invite, 487)
        assert await ended(told.call) == Ending(EndedBy.LOCAL, 487, reached=True)


@virtual
async def test_a_bye_is_repeated_even_late() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        told.call.hangup()
        await puppet.request("BYE")
        freeze(60)
        puppet.respond(await puppet.request("BYE"), 481)
        await told.call.released


# ---------------------------------------------------------------- requests within the call


@virtual
async def test_what_a_call_answers_to_requests() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, invite = await talking(agent, puppet)
        number = 1

        async def asked(method: str, body: bytes = b"", **headers: str) -> int:
            nonlocal number
            number += 1
            request = puppet.in_dialog(invite, method, number, **headers)
            request.body = body
            puppet.send(request)
            message = await puppet.expect_any()
            assert isinstance(message, Response)
            return message.code

        assert await asked("OPTIONS") == 200
        assert await asked("INFO", b"Signal=5\r\nDuration=160\r\n", content_type="application/dtmf-relay") == 200
        assert await asked("INFO", b"#", content_type="application/dtmf") == 200
        assert await asked("INFO", b"Signal= *\r\n", content_type="Application/DTMF-Relay; x=y") == 200
        assert await asked("INFO", b"Signal=hello", content_type="application/dtmf-relay") == 200
        assert await asked("INFO", b"\xff\xfe", content_type="application/dtmf") == 200
        assert await asked("INFO") == 200
        assert await asked("REFER", refer_to="<sip:evil@example.com>") == 603
        assert await asked("MESSAGE") == 405
        assert await asked("NOTIFY", event="refer") == 405
        assert await asked("JUMP") == 501
        assert await asked("PRACK", rack="1 1 INVITE") == 481
        assert await asked("UPDATE", require="precondition") == 420
        assert await asked("UPDATE") == 200
        assert await asked("UPDATE", session_expires="60", supported="timer") == 422
        assert await asked("UPDATE", b"junk", content_type="application/sdp") == 488
        assert await asked("UPDATE", b"hello", content_type="text/plain") == 488
        assert await asked("UPDATE", BODY, content_type="application/sdp") == 200
        number = 2
        assert await asked("OPTIONS") == 500, "a number that was passed already"
        number = 90
        assert await asked("BYE", reason='SIP;cause=200, Q.850;cause=16;text="x;y"') == 200
        assert await asked("OPTIONS") == 481
        assert await ended(told.call) == Ending(EndedBy.REMOTE, 200, 16, answered=True, reached=True)
        assert [event[1] for event in told.events if event[0] == "digit"] == ["5", "#", "*"]


@virtual
async def test_a_reinvite_is_answered_until_it_is_acknowledged() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, invite = await talking(agent, puppet)
        reinvite = puppet.in_dialog(invite, "INVITE", 2, content_type="application/sdp")
        reinvite.body = BODY
        puppet.send(reinvite)
        await asyncio.sleep(4)
        assert network.kinds(OURS).count("200 INVITE") == 4  # at 0, 0.5, 1.5 and 3.5 s
        puppet.send(puppet.in_dialog(invite, "ACK", 2))
        await asyncio.sleep(40)
        assert network.kinds(OURS).count("200 INVITE") == 4
        assert not told.call.ended.done()
        answer = sdp.parse(network.sent(OURS, "200 INVITE")[0].body)
        assert (answer.session_id, answer.version) == (OFFER.session_id, OFFER.version + 1)


@virtual
async def test_a_reinvite_that_nobody_acknowledges_ends_the_call() -> None:
    async with against_a_puppet() as (network, agent, puppet):
        told, invite = await talking(agent, puppet)
        reinvite = puppet.in_dialog(invite, "INVITE", 2, content_type="application/sdp")
        reinvite.body = BODY
        puppet.send(reinvite)
        assert (await ended(told.call)).by is EndedBy.SILENCE
        assert network.times(OURS, "BYE")[0] == pytest.approx(32, abs=0.1)


@virtual
async def test_a_reinvite_without_offer_gets_ours_and_its_ack_answers_it() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, invite = await talking(agent, puppet)
        answers: list[sdp.Description] = []
        told.call.on_reanswer = answers.append
        puppet.send(puppet.in_dialog(invite, "INVITE", 2))
        response = await puppet.response("200 INVITE")
        assert sdp.parse(response.body) == OFFER
        ack = puppet.in_dialog(invite, "ACK", 2, content_type="application/sdp")
        ack.body = BODY
        puppet.send(ack)
        await asyncio.sleep(1)
        assert answers == [ANSWER]


@virtual
async def test_an_offer_before_the_answer_crosses_it() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        place(agent)
        invite = await puppet.request("INVITE")
        puppet.respond(invite, 180)
        await asyncio.sleep(1)
        update = puppet.in_dialog(invite, "UPDATE", 1, content_type="application/sdp")
        update.body = BODY
        puppet.send(update)
        await puppet.response("491 UPDATE")
        puppet.send(puppet.in_dialog(invite, "UPDATE", 2))
        await puppet.response("200 UPDATE")


@virtual
async def test_the_target_follows_a_reinvite() -> None:
    async with against_a_puppet() as (_, agent, puppet):
        told, invite = await talking(agent, puppet)
        moved = puppet.in_dialog(invite, "UPDATE", 2)
        moved.headers["contact"] = [f"<sip:moved@{THEIRS}:5060>"]
        puppet.send(moved)
        await puppet.response("200 UPDATE")
        told.call.hangup()
        assert (await puppet.request("BYE")).uri == f"sip:moved@{THEIRS}:5060"


@virtual
async def test_a_session_is_refreshed_by_reinvite_where_update_is_not_allowed() -> None:
    async with against_a_puppet(session_interval=120, liveness_interval=0) as (_, agent, puppet):
        told, _ = await talking(agent, puppet, session_expires="100;refresher=uac", allow="INVITE, ACK, BYE")
        reinvite = await puppet.request("INVITE")
        assert asyncio.get_running_loop().time() == pytest.approx(50, abs=0.1)
        assert reinvite.get("session-expires") == "100;refresher=uac"
        assert sdp.parse(reinvite.body) == OFFER
        puppet.respond(reinvite, 200, body=BODY, headers={"session-expires": ["100;refresher=uac"]})
        await puppet.request("ACK")
        puppet.respond(await puppet.request("INVITE"), 481)
        await puppet.request("ACK")
        puppet.respond(await puppet.request("BYE"), 481)
        assert (await ended(told.call)).by is EndedBy.SILENCE


@virtual
async def test_an_update_that_is_not_implemented_gives_way_to_reinvite() -> None:
    async with against_a_puppet(session_interval=120, liveness_interval=0) as (_, agent, puppet):
        await talking(agent, puppet, session_expires="100;refresher=uac", allow="INVITE, UPDATE")
        puppet.respond(await puppet.request("UPDATE"), 501)
        puppet.respond(await puppet.request("INVITE"), 200, body=BODY)
        await puppet.request("ACK")


@virtual
async def test_a_session_the_other_side_does_not_refresh_expires() -> None:
    async with against_a_puppet(liveness_interval=0) as (network, agent, puppet):
        await talking(agent, puppet, session_expires="90;refresher=uas")
        await puppet.request("BYE")
        assert network.times(OURS, "BYE") == [pytest.approx(60, abs=0.1)]


@virtual
async def test_without_a_session_timer_a_call_lasts() -> None:
    async with against_a_puppet(liveness_interval=0) as (_, agent, puppet):
        told, _ = await talking(agent, puppet)
        await puppet.nothing(24 * 3600)
        assert not told.call.ended.done()
