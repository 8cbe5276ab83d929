"""The number plan, row by row, and what holds for any number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.engines.carrier.plan import (
    NOT_FOUND,
    Answer,
    Behaviour,
    EarlyMedia,
    Echo,
    Hangup,
    Play,
    Press,
    Refuse,
    Ring,
    Sound,
    Sustain,
    Wait,
    behaviour,
)

PLAN: dict[str, Behaviour] = {
    "0000": (Answer(), Wait(60), Hangup()),
    "0007": (Answer(), Wait(7), Hangup()),
    "1003": (Answer(), Wait(3), Press("0"), Wait(30), Hangup()),
    "1900": (Answer(), Wait(0), Press("9"), Wait(30), Hangup()),
    "2004": (Ring(), Wait(4), Answer(), Echo(), Wait(600), Hangup()),
    "2105": (EarlyMedia(), Play(Sound.ANNOUNCEMENT), Wait(5), Answer(), Wait(1), Press("1"), Wait(30), Hangup()),
    "2206": (EarlyMedia(), Play(Sound.ANNOUNCEMENT), Wait(6), Refuse(404, 1)),
    "3002": (Answer(), Wait(2), Hangup()),
    "3102": (Answer(), Wait(2), Press("1"), Hangup()),
    "4000": (Refuse(486, 17),),
    "4003": (Ring(), Wait(3), Refuse(486, 17)),
    "4100": (Ring(), Wait(300), Refuse(480, 19)),
    "4199": (Ring(), Wait(300), Refuse(480, 19)),
    "4200": (Wait(300), Refuse(480, 19)),
    "5001": (Refuse(404, 1),),
    "5003": (Refuse(403, 21),),
    "5004": (Refuse(480, 19),),
    "5005": (Refuse(503, 34),),
    "5006": (Refuse(500, 127),),
    "5007": (Refuse(484, 28),),
    "5008": (Refuse(410, 22),),
    "5009": (Refuse(501, 29),),
    "5010": (Refuse(488, 58),),
    "5011": (Refuse(502, 27),),
    "6000": (Answer(), Wait(0.5), Play(Sound.GREETING), Wait(30), Hangup()),
    "7000": (Answer(), Wait(0.4), Play(Sound.HELLO), Wait(30), Hangup()),
    "7002": (Answer(), Wait(0.4), Play(Sound.HELLO), Wait(2), Press("1"), Wait(30), Hangup()),
    "8001": (Ring(), Wait(1), Answer(), Sustain(Sound.TONE_440), Wait(60), Hangup()),
    "8100": (Ring(), Wait(0), Answer(), Sustain(Sound.TONE_880), Wait(60), Hangup()),
    "9503": (Answer(), Wait(3), Press("5"), Echo(), Wait(600), Hangup()),
}


@pytest.mark.parametrize("prefix", ["", "+7900555", "8"])
@pytest.mark.parametrize("last", PLAN)
def test_every_row(last: str, prefix: str) -> None:
    assert behaviour(prefix + last) == PLAN[last]


NO_NUMBERS = ["", "+", "100", "+700", "anonymous", "2000a", " 2000", "2000\n", "+ 2000", "++2000", "٢٠٠٠"]
IN_NO_ROW = ["2300", "3200", "4300", "5000", "5002", "5012", "5099", "6100", "7100", "8200"]


@pytest.mark.parametrize("number", NO_NUMBERS + IN_NO_ROW)
def test_what_is_in_no_row_is_not_found(number: str) -> None:
    assert behaviour(number) == (NOT_FOUND,)


@given(st.from_regex(r"\+?[0-9]{0,15}", fullmatch=True) | st.text())
def test_any_number_has_a_behaviour_that_a_call_can_follow_to_its_end(number: str) -> None:
    steps = behaviour(number)
    assert isinstance(steps[-1], Hangup | Refuse)
    answered = steps.index(Answer()) if Answer() in steps else len(steps)
    heard = next((at for at, step in enumerate(steps) if isinstance(step, Answer | EarlyMedia)), len(steps))
    for at, step in enumerate(steps):
        match step:
            case Refuse():
                assert at == len(steps) - 1 < answered
            case Hangup():
                assert at == len(steps) - 1 > answered
            case Ring() | EarlyMedia():
                assert at < answered
            case Press():
                assert at > answered
            case Play() | Sustain() | Echo():
                assert at > heard
    assert sum(step.seconds for step in steps if isinstance(step, Wait)) < 1000
