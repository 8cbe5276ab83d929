"""What a leg can be told to do, and what it may be told at any time without harm."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from lines import HOST, Dialling, Exchange, Line

from calldron.dialer.ports import Engine, Leg, Trunk
from calldron.domain.events import Answered, Digit, Ended, Heard, Played, Ringing, Role
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, classify
from calldron.media import tones

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHORT = "short"
LONG = "long"


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def prompts(engine: Engine) -> None:
    await engine.load_prompt(SHORT, tones.tone(600, 0.4))
    await engine.load_prompt(LONG, tones.tone(700, 60.0))


async def answered(line: Line) -> Line:
    await line.wait_for(Answered)
    return line


# ---------------------------------------------------------------- prompts


async def test_prompts_are_known_once_loaded_and_may_be_loaded_again(engine: Engine) -> None:
    assert engine.knows_prompt(SHORT)
    assert not engine.knows_prompt("never loaded")
    await engine.load_prompt(SHORT, tones.tone(600, 0.4))
    assert engine.knows_prompt(SHORT)


async def test_a_prompt_that_was_sent_whole_is_played(dial: Dialling) -> None:
    line = await answered(dial("2000"))
    began = asyncio.get_running_loop().time()
    line.leg.play(SHORT)
    played = await line.wait_for(Played)
    assert played == Played(Role.CLIENT)
    assert asyncio.get_running_loop().time() - began >= 0.35


def stopped(leg: Leg) -> None:
    leg.play(SHORT)
    leg.stop_playing()


def replaced(leg: Leg) -> None:
    leg.play(SHORT)
    leg.play(LONG)


def looped(leg: Leg) -> None:
    leg.play(SHORT, loop=True)


@pytest.mark.parametrize("command", [stopped, replaced, looped])
async def test_only_a_prompt_that_comes_to_its_end_is_played(dial: Dialling, command: Callable[[Leg], None]) -> None:
    line = await answered(dial("2000"))
    command(line.leg)
    await line.listen(1.0)  # longer than the short prompt takes
    assert not line.told(Played)
    line.leg.play(SHORT)
    await line.wait_for(Played)
    line.leg.hangup()
    await line.ended()
    assert len(line.told(Played)) == 1


async def test_a_stopped_prompt_falls_silent(dial: Dialling) -> None:
    line = await answered(dial("2000"))
    line.leg.play(LONG)
    assert await line.listen(0.6) > 0.3
    line.leg.stop_playing()
    await line.listen(0.3)  # what was on its way
    assert await line.listen(0.6) == 0


async def test_a_key_is_heard_while_a_prompt_plays_and_the_prompt_goes_on(dial: Dialling) -> None:
    line = await answered(dial("1700"))
    line.leg.play(SHORT)
    await line.wait_for(Digit)
    await line.wait_for(Played)
    assert [digit.key for digit in line.told(Digit)] == ["7"]


async def test_roles_are_those_of_the_request(dial: Dialling) -> None:
    line = dial("3100", role=Role.OPERATOR)
    ending = await line.ended()
    assert line.events == [Answered(Role.OPERATOR), Digit(Role.OPERATOR, "1"), Ended(Role.OPERATOR, ending)]


# ---------------------------------------------------------------- listening


async def test_listening_ends_when_the_voice_does(dial: Dialling) -> None:
    line = await answered(dial("7000"))
    line.leg.listen(20.0, 1.0)
    heard = await line.wait_for(Heard)
    assert heard.seconds == pytest.approx(0.6, abs=0.2)


async def test_listening_ends_when_its_time_is_over(dial: Dialling) -> None:
    line = await answered(dial("8000"))
    line.leg.listen(1.0, 5.0)
    heard = await line.wait_for(Heard)
    assert heard.seconds == pytest.approx(1.0, abs=0.2)


async def test_silence_is_no_voice(dial: Dialling) -> None:
    line = await answered(dial("0000"))
    line.leg.listen(20.0, 0.5)
    assert (await line.wait_for(Heard)).seconds == 0


async def test_what_was_heard_is_told_before_the_leg_ends(dial: Dialling) -> None:
    line = await answered(dial("3001"))
    line.leg.listen(30.0, 30.0)
    await line.ended()
    assert [type(event) for event in line.events] == [Answered, Heard, Ended]


async def test_sound_goes_both_ways(dial: Dialling) -> None:
    line = await answered(dial("2000"))
    line.leg.play(LONG)
    line.leg.listen(1.0, 5.0)
    assert (await line.wait_for(Heard)).seconds == pytest.approx(0.95, abs=0.2)


# ---------------------------------------------------------------- hanging up


async def test_hanging_up_before_the_answer_cancels(dial: Dialling) -> None:
    line = dial("4100")
    await line.wait_for(Ringing)
    line.leg.hangup()
    ending = await line.ended()
    assert ending == Ending(EndedBy.LOCAL, 487, reached=True)
    assert classify(ending) == (Outcome.CANCELED, Fault.NONE)
    seen = await dial.exchange.ending(line.number)
    assert (seen.by, seen.sip_code) == (EndedBy.REMOTE, 487)


@pytest.mark.parametrize("last", ["4100", "4200", "2000", "3000", "0000"])
async def test_hanging_up_at_once_leaves_nothing_behind(dial: Dialling, last: str) -> None:
    line = dial(last)
    line.leg.hangup()
    ending = await line.ended()
    assert ending.by is EndedBy.LOCAL
    assert Answered(Role.CLIENT) not in line.events
    if dial.exchange.carrier.invites[line.number]:
        await dial.exchange.ending(line.number)


async def test_hanging_up_after_the_answer_says_bye(dial: Dialling) -> None:
    line = await answered(dial("2000"))
    line.leg.hangup()
    assert (await line.ended()).by is EndedBy.LOCAL
    seen = await dial.exchange.ending(line.number)
    assert (seen.by, seen.answered) == (EndedBy.REMOTE, True)


async def test_commands_out_of_their_time_do_nothing(dial: Dialling) -> None:
    line = dial("2000")
    command_everything(line)
    await answered(line)
    line.leg.hangup()
    line.leg.hangup()
    command_everything(line)
    ending = await line.ended()
    command_everything(line)
    line.leg.hangup()
    assert ending.by is EndedBy.LOCAL


def command_everything(line: Line) -> None:
    line.leg.stop_playing()
    line.leg.play(SHORT)
    line.leg.listen(1.0, 1.0)
    line.leg.stop_playing()


# ---------------------------------------------------------------- what goes wrong


async def test_nobody_rings_longer_than_asked(dial: Dialling) -> None:
    line = dial("4100", ring_timeout=0.5)
    assert (await line.ended()).by is EndedBy.RING_TIMEOUT
    seen = await dial.exchange.ending(line.number)
    assert (seen.by, seen.sip_code) == (EndedBy.REMOTE, 487)


async def test_an_answer_ends_the_ring_timeout(dial: Dialling) -> None:
    line = await answered(dial("0003", ring_timeout=1.0))
    assert (await line.ended()).by is EndedBy.REMOTE


async def test_a_trunk_that_is_not_there(dial: Dialling) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    line = dial("0000", trunk=Trunk(2, "nobody", HOST, port), ring_timeout=2.0)
    ending = await line.ended()
    assert not ending.reached
    assert not ending.answered
    assert ending.by is EndedBy.SILENCE
    assert classify(ending) == (Outcome.FAILED, Fault.TRUNK)


@pytest.mark.parametrize("host", ["nowhere.invalid", "", "no host at all", "\r\nVia: x"])
async def test_a_trunk_with_an_impossible_host(dial: Dialling, host: str) -> None:
    line = dial("0000", trunk=Trunk(3, "nonsense", host, 5060))
    ending = await line.ended()
    assert (ending.by, ending.sip_code, ending.reached) == (EndedBy.SILENCE, None, False)


async def test_a_trunk_over_tcp(dial: Dialling, exchange: Exchange) -> None:
    trunk = Trunk(4, "tcp", HOST, exchange.carrier.port, transport="tcp")
    line = dial("3100", trunk=trunk)
    ending = await line.ended()
    assert replace(ending, q850=None) == Ending(EndedBy.REMOTE, 200, answered=True, reached=True)
    assert [digit.key for digit in line.told(Digit)] == ["1"]


# ---------------------------------------------------------------- the end


async def test_stop_ends_every_leg_whatever_its_state(make_engine: Callable[[], Engine], exchange: Exchange) -> None:
    engine = make_engine()
    await engine.start()
    dial = Dialling(engine, exchange)
    up, ringing, tried = dial("2000"), dial("4100"), dial("4200")
    await asyncio.gather(up.wait_for(Answered), ringing.wait_for(Ringing))
    fresh = dial("2000")
    await engine.stop()
    for line in (up, ringing, tried, fresh):
        assert len(line.told(Ended)) == 1
        assert line.told(Ended)[0].ending.by is EndedBy.LOCAL
    await dial.finish()
    for line in (up, ringing, tried):
        await exchange.ending(line.number)
