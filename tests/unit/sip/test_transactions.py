"""The transaction machines, timer by timer (RFC 3261 section 17, RFC 6026), and what loss and doubles do to them."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.engines.sip.client_transaction import InviteClient, NonInviteClient, ack_for
from calldron.engines.sip.message import Request, Response, parse
from calldron.engines.sip.server_transaction import InviteServer, NonInviteServer
from calldron.engines.sip.transaction import Commands, Deliver, End, Fail, Failure, Send, Start, Stop, Timer, Timing

TIMING = Timing()
Machine = InviteClient | NonInviteClient | InviteServer | NonInviteServer


def request(method: str = "INVITE") -> Request:
    return Request(
        {
            "via": ["SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKone;rport", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKtwo"],
            "max-forwards": ["70"],
            "from": ["<sip:a@192.0.2.1>;tag=a"],
            "to": ["<sip:b@192.0.2.2>"],
            "call-id": ["c"],
            "cseq": [f"7 {method}"],
            "route": ["<sip:proxy;lr>"],
        },
        method=method,
        uri="sip:b@192.0.2.2",
    )


def response(code: int, method: str = "INVITE") -> Response:
    return request(method).response(code, to_tag="b")


class Run:
    """A machine with its timers on a clock that is turned by hand."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.now = 0.0
        self.timers: dict[Timer, float] = {}
        self.sent: list[tuple[float, str]] = []
        self.delivered: list[int] = []
        self.failures: list[Failure] = []
        self.ended_at: float | None = None
        self._do(machine.start())

    def _do(self, commands: Commands) -> None:
        for command in commands:
            assert self.ended_at is None, "a machine that ended does nothing more"
            match command:
                case Send(data):
                    message = parse(data)
                    what = message.method if isinstance(message, Request) else str(message.code)
                    self.sent.append((round(self.now, 3), what))
                case Start(timer, seconds):
                    self.timers[timer] = self.now + seconds
                case Stop(timer):
                    self.timers.pop(timer, None)
                case Deliver(message):
                    self.delivered.append(message.code)
                case Fail(failure):
                    self.failures.append(failure)
                case End():
                    self.ended_at = self.now
                    self.timers.clear()

    def feed(self, *events: Request | Response | Failure) -> "Run":
        for event in events:
            self._do(self.machine.feed(event))  # type: ignore[arg-type]  # each test feeds its machine's own alphabet
        return self

    def until(self, end: float) -> "Run":
        while self.timers and min(self.timers.values()) <= end:
            timer = min(self.timers, key=lambda one: self.timers[one])
            self.now = self.timers.pop(timer)
            self._do(self.machine.feed(timer))
        self.now = end
        return self

    def times(self, what: str) -> list[float]:
        return [at for at, sent in self.sent if sent == what]


def invite_client(*, reliable: bool = False) -> Run:
    return Run(InviteClient(request(), TIMING, reliable=reliable))


def client(*, reliable: bool = False) -> Run:
    return Run(NonInviteClient(request("BYE"), TIMING, reliable=reliable))


def invite_server(*, reliable: bool = False) -> Run:
    return Run(InviteServer(request(), TIMING, reliable=reliable))


def server(*, reliable: bool = False) -> Run:
    return Run(NonInviteServer(TIMING, reliable=reliable))


# ---------------------------------------------------------------- INVITE client


def test_invite_is_repeated_by_timer_a_until_timer_b() -> None:
    run = invite_client().until(100)
    assert run.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert run.failures == [Failure.TIMEOUT]
    assert run.ended_at == 32


def test_invite_over_tcp_is_sent_once() -> None:
    run = invite_client(reliable=True).until(100)
    assert run.times("INVITE") == [0]
    assert run.ended_at == 32


def test_a_provisional_response_ends_the_repeats_and_timer_b() -> None:
    run = invite_client().until(1).feed(response(100)).until(1000)
    assert run.times("INVITE") == [0, 0.5]
    assert (run.delivered, run.failures, run.ended_at) == ([100], [], None)


@pytest.mark.parametrize("first", [(), (100, 180)])
def test_a_refusal_is_acknowledged_each_time_for_32_seconds(first: Iterable[int]) -> None:
    run = invite_client().feed(*map(response, (*first, 486)))
    run.until(1).feed(response(486)).until(31).feed(response(486)).until(100)
    assert run.times("ACK") == [0, 1, 31]
    assert run.delivered == [*first, 486]
    assert run.ended_at == 32


def test_a_refusal_over_tcp_ends_at_once() -> None:
    run = invite_client(reliable=True).feed(response(486))
    assert (run.times("ACK"), run.ended_at) == ([0], 0)


def test_a_2xx_is_passed_up_each_time_until_timer_m_and_not_acknowledged_here() -> None:
    run = invite_client().feed(response(200)).until(5).feed(response(200), response(180), response(486)).until(100)
    assert run.delivered == [200, 200]
    assert run.times("ACK") == []
    assert run.ended_at == 32


def test_transport_failure_ends_an_invite_that_waits_for_its_first_response() -> None:
    assert invite_client().feed(Failure.TRANSPORT).failures == [Failure.TRANSPORT]
    assert invite_client().feed(response(100), Failure.TRANSPORT).failures == []


def test_the_ack_is_of_the_invites_transaction() -> None:
    ack = ack_for(request(), response(486))
    assert ack.getall("via") == request().getall("via")[:1]
    assert ack.headers["route"] == ["<sip:proxy;lr>"]
    assert ack.to.tag == "b"
    assert str(ack.cseq) == "7 ACK"
    assert ack.uri == "sip:b@192.0.2.2"


# ---------------------------------------------------------------- non-INVITE client


def test_a_request_is_repeated_by_timer_e_up_to_t2_until_timer_f() -> None:
    run = client().until(100)
    assert run.times("BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert run.failures == [Failure.TIMEOUT]
    assert run.ended_at == 32


def test_after_a_provisional_response_it_is_repeated_every_t2() -> None:
    run = client().until(0.7).feed(response(100, "BYE")).until(100)
    assert run.times("BYE")[:4] == [0, 0.5, 1.5, 5.5]
    assert run.failures == [Failure.TIMEOUT]


def test_its_final_response_is_passed_up_once_and_absorbed_for_t4() -> None:
    run = client().feed(response(200, "BYE"), response(200, "BYE")).until(3).feed(response(200, "BYE")).until(100)
    assert (run.delivered, run.ended_at, run.times("BYE")) == ([200], 5, [0])


def test_over_tcp_it_is_sent_once_and_ends_with_its_response() -> None:
    run = client(reliable=True).until(10).feed(response(200, "BYE"))
    assert (run.times("BYE"), run.ended_at) == ([0], 10)


def test_transport_failure_ends_a_request() -> None:
    assert client().feed(Failure.TRANSPORT).failures == [Failure.TRANSPORT]


# ---------------------------------------------------------------- INVITE server


def test_100_is_sent_after_200_ms_where_nothing_else_was() -> None:
    assert invite_server().until(10).sent == [(0.2, "100")]
    assert invite_server().until(0.1).feed(response(180)).until(10).sent == [(0.1, "180")]


def test_a_repeated_invite_gets_the_last_provisional_response_again() -> None:
    run = invite_server().feed(request()).until(1).feed(request(), response(183), request())
    assert [what for _, what in run.sent] == ["100", "100", "183", "183"]


def test_a_refusal_is_repeated_by_timer_g_until_timer_h() -> None:
    run = invite_server().feed(response(486)).until(100)
    assert run.times("486") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert (run.failures, run.ended_at) == ([Failure.TIMEOUT], 32)


def test_the_ack_ends_the_repeats_and_is_absorbed_for_t4() -> None:
    run = invite_server().feed(response(486)).until(1).feed(request("ACK")).until(2).feed(request("ACK"), request())
    run.until(100)
    assert run.times("486") == [0, 0.5]
    assert (run.failures, run.ended_at) == ([], 6)


def test_over_tcp_a_refusal_is_sent_once_and_ends_with_its_ack() -> None:
    run = invite_server(reliable=True).feed(response(486)).until(10).feed(request("ACK"))
    assert (run.times("486"), run.ended_at) == ([0], 10)


def test_after_a_2xx_the_user_repeats_and_invites_are_absorbed_until_timer_l() -> None:
    run = invite_server().feed(response(200), request(), response(200), response(486)).until(100)
    assert [what for _, what in run.sent] == ["200", "200"]
    assert run.ended_at == 32


# ---------------------------------------------------------------- non-INVITE server


def test_a_repeated_request_gets_the_response_again_until_timer_j() -> None:
    run = server().feed(request("BYE"), response(200, "BYE")).until(31).feed(request("BYE")).until(100)
    assert run.sent == [(0, "200"), (31, "200")]
    assert run.ended_at == 32


def test_over_tcp_a_response_ends_it() -> None:
    assert server(reliable=True).feed(response(100, "BYE"), request("BYE"), response(200, "BYE")).ended_at == 0


# ---------------------------------------------------------------- whatever comes, in whatever order

MOMENTS = st.floats(0, 40)
CLIENT_EVENTS = st.one_of(st.sampled_from([100, 180, 200, 302, 486, 603]), st.just(Failure.TRANSPORT))


@given(st.booleans(), st.booleans(), st.lists(st.tuples(MOMENTS, CLIENT_EVENTS), max_size=8))
def test_a_client_always_ends_and_tells_its_end_once(
    invite: bool, reliable: bool, events: list[tuple[float, int | Failure]]
) -> None:
    run = invite_client(reliable=reliable) if invite else client(reliable=reliable)
    method = "INVITE" if invite else "BYE"
    for at, event in sorted(events, key=lambda one: one[0]):
        run.until(at).feed(response(event, method) if isinstance(event, int) else event)
    finals = [code for code in run.delivered if code >= 200]
    if not ((invite and 100 in run.delivered) or 180 in run.delivered) or finals or run.failures:
        run.until(200)
        assert run.ended_at is not None
        assert run.failures or finals
    assert len(run.failures) + (1 if finals else 0) <= 1
    assert finals == finals[:1] or set(finals) == {200}
    assert len(run.times("ACK")) >= (1 if finals and finals[0] >= 300 and invite else 0)


SERVER_EVENTS = st.sampled_from([180, 200, 486, "INVITE", "ACK"])


@given(st.booleans(), st.lists(st.tuples(MOMENTS, SERVER_EVENTS), max_size=8))
def test_a_server_that_answers_always_ends(reliable: bool, events: list[tuple[float, int | str]]) -> None:
    run = invite_server(reliable=reliable)
    for at, event in sorted(events, key=lambda one: one[0]):
        run.until(at).feed(response(event) if isinstance(event, int) else request(event))
    run.feed(response(480)).until(200)
    assert run.ended_at is not None
    finals = {what for _, what in run.sent if what in ("200", "486", "480")}
    assert len(finals) == 1, "one final response, whatever the user asks for"
