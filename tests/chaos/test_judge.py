"""The judge sees what it is there for: every promise, broken on paper."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos.judge import Evidence, judge
from chaos.ledger import Dial
from chaos.owner import Added, Owned, Switched
from chaos.plan import Act, BatchPlan, Deed
from chaos.programs import Life

NUMBER = "7920020050001"
OTHER = "7920020050002"


def dial(at: float, number: str = NUMBER, *, lasts: float | None = 1.0, life: int = 0, answered: bool = False) -> Dial:
    """One that rings at once; who does not answer is busy."""
    made = Dial(f"{number} {at}", number, 5060, at, life, rang=at, answered=at if answered else None)
    if lasts is not None:
        made.ended, made.code = at + lasts, "bye" if answered else "486"
    return made


def call(number: str, **fields: Any) -> dict[str, Any]:
    """As the API shows it."""
    usual = {"status": "answered", "result": None, "final": True, "dialed_at": "2026-11-24 00:00:00"}
    return {"id": number[-1], "phone_number": f"+{number}", **usual, **fields}


def evidence(*dials: Dial, attempts: int = 1, **more: Any) -> Evidence:
    """A round in which two numbers were to be called; nothing is wrong with it but what is given."""
    owned = Owned(BatchPlan("batch", attempts, 0, (NUMBER, OTHER)), "1", added=[Added((NUMBER, OTHER), ["1", "2"])])
    owned.says = {"id": "1", "calls": "2", "calls_left": "0", "status": "finished"}
    owned.calls = [call(NUMBER), call(OTHER)]
    fields: dict[str, Any] = {"batches": [owned], "carrier": [Life(0)], "nodes": [Life(0, 5060)]}
    return Evidence(dials=sorted(dials, key=lambda one: one.at), **{**fields, **more})


def test_a_round_without_a_fault_is_no_offence() -> None:
    assert judge(evidence(dial(1), dial(1.5, OTHER))) == []


def test_a_number_dialled_too_often() -> None:
    assert "never above attempts" in judge(evidence(dial(1), dial(5)))[0]
    assert judge(evidence(dial(1), dial(5), attempts=2)) == []


def test_who_answered_is_not_called_again() -> None:
    assert "never again once answered" in judge(evidence(dial(1, answered=True), dial(5), attempts=3))[0]
    assert judge(evidence(dial(1), dial(5, answered=True), attempts=3)) == []
    seen = evidence(dial(1, answered=True))
    seen.batches[0].calls[0]["status"] = "busy"
    assert "its call is busy" in judge(seen)[0]


def test_an_answer_of_a_carrier_that_died_with_it_may_be_unheard() -> None:
    unheard = dial(1, lasts=None, answered=True)
    lives = [Life(0, ended=1.1), Life(2)]
    assert judge(evidence(unheard, dial(5, life=1), attempts=2, carrier=lives)) == []
    lives = [Life(0, ended=1.5), Life(2)]
    assert "never again" in judge(evidence(unheard, dial(5, life=1), attempts=2, carrier=lives))[0]


def test_what_never_reached_the_number_is_no_dial_of_it() -> None:
    refused = Dial("refused", NUMBER, 5060, 1.0, 0, ended=1.0, code="503")
    died = Dial("died", NUMBER, 5060, 2.0, 0)
    lives = [Life(0, ended=3.0), Life(4)]
    assert judge(evidence(refused, died, dial(6, life=1), carrier=lives)) == []


def test_two_dialogs_of_one_call() -> None:
    assert "never two at once" in judge(evidence(dial(1, lasts=3), dial(3.9), attempts=2))[0]


@pytest.mark.parametrize(("opens", "closes"), [(10.0, None), (None, 3.0)])
def test_a_dial_outside_its_window(opens: float | None, closes: float | None) -> None:
    seen = evidence(dial(6))
    seen.batches[0].opens, seen.batches[0].closes = opens, closes
    assert "never outside the window" in judge(seen)[0]


def test_a_dial_after_a_pause_and_before_its_end() -> None:
    seen = evidence(dial(6))
    seen.batches[0].switched = [Switched(Deed.PAUSE, 2.9, 3.0)]
    assert "never once taken back" in judge(seen)[0]
    seen.batches[0].switched.append(Switched(Deed.RESUME, 5.5, 5.6))
    assert judge(seen) == []


def test_a_dial_after_its_batch_was_deleted() -> None:
    seen = evidence(dial(6))
    seen.batches[0].deleted = 3.0
    assert "never once taken back" in judge(seen)[0]


def test_a_dial_of_a_call_that_was_taken_back() -> None:
    seen = evidence(dial(6))
    seen.batches[0].taken_back = {NUMBER: 3.0}
    assert "taken back at 3.000" in judge(seen)[0]


def test_more_in_a_second_than_the_trunk_takes() -> None:
    crowd = [dial(1 + nth / 10, f"79200200500{nth:02}") for nth in range(30)]
    assert any("never above the rate" in broken for broken in judge(evidence(*crowd, cps=7)))
    assert not any("never above the rate" in broken for broken in judge(evidence(*crowd, cps=10)))
    burst = [dial(1 + nth / 100, f"79200200500{nth:02}") for nth in range(8)]
    assert any("8 INVITEs of the trunk in 0.070 s" in broken for broken in judge(evidence(*burst, cps=5)))


def test_more_dialogs_than_channels() -> None:
    crowd = [dial(1), dial(1.5, OTHER)]
    assert "2 of the trunk at 1.500, 1 allowed" in judge(evidence(*crowd, channels=1))[0]
    assert judge(evidence(*crowd, channels=2)) == []


def test_a_batch_above_limits_of_its_own() -> None:
    plan = BatchPlan("batch", 1, 0, (NUMBER, OTHER), cps=1, channels=1)
    owned = evidence().batches[0]
    owned.plan = plan
    broken = judge(evidence(dial(1), dial(1.5, OTHER), batches=[owned]))
    assert broken == ["never above the channels: 2 of batch 1 at 1.500, 1 allowed"]
    crowd = [dial(1 + nth / 10, number, lasts=0.05) for nth, number in enumerate((NUMBER, OTHER) * 3)]
    assert any("INVITEs of batch 1" in one for one in judge(evidence(*crowd, batches=[owned])))


def test_dialogs_of_the_dead_hold_no_channel() -> None:
    late = dial(3, OTHER)
    late.caller = 5061
    nodes = [Life(0, 5060, ended=2.0, killed=True), Life(2.5, 5061)]
    assert judge(evidence(dial(1, lasts=None), late, nodes=nodes, channels=1)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda calls: calls.pop(),
        lambda calls: calls[0].update(final=False),
        lambda calls: calls.append(call("7920020050003")),
        lambda calls: calls[0].update(phone_number="+7999"),
    ],
)
def test_calls_that_are_lost_open_or_from_nowhere(spoil: Callable[[list[dict[str, Any]]], None]) -> None:
    seen = evidence()
    batch, calls = seen.batches[0].says, seen.batches[0].calls
    spoil(calls)
    batch["calls"], batch["calls_left"] = str(len(calls)), str(sum(not one["final"] for one in calls))
    assert any("nothing accepted is lost" in broken for broken in judge(seen))


def test_a_call_that_was_canceled_though_nobody_asked() -> None:
    seen = evidence()
    owned = seen.batches[0]
    owned.before_stop = [call(NUMBER, status="canceled", result=None)]
    assert any("nothing is canceled unasked" in broken for broken in judge(seen))
    owned.plan = replace(owned.plan, acts=(Act(1.0, Deed.CANCEL, index=0),))
    assert judge(seen) == []
    owned.before_stop = [call(OTHER, status="canceled", result="callback_failed")]
    assert judge(seen) == []


def test_a_request_without_an_answer_is_done_wholly_or_not_at_all() -> None:
    seen = evidence()
    seen.batches[0].added.append(Added(("7920020050003", "7920020050004")))
    batch, calls = seen.batches[0].says, seen.batches[0].calls
    assert judge(seen) == []
    calls.append(call("7920020050003"))
    batch["calls"] = "3"
    assert "nothing accepted is lost" in judge(seen)[0]
    calls.append(call("7920020050004"))
    batch["calls"] = "4"
    assert judge(seen) == []


def test_a_call_that_rang_and_says_it_was_never_dialled() -> None:
    seen = evidence(dial(1))
    seen.batches[0].calls[0]["dialed_at"] = None
    assert "nothing dialled unseen" in judge(seen)[0]
    assert "no call is for it" in judge(evidence(dial(1, "7920020059999")))[0]


def test_counters_that_are_wrong() -> None:
    for field, value in (("calls", "3"), ("calls_left", "1"), ("status", "running")):
        seen = evidence()
        seen.batches[0].says[field] = value
        assert "counters are exact" in judge(seen)[0]


def test_somebody_is_left_on_the_line() -> None:
    assert "nobody is left on the line" in judge(evidence(dial(1, lasts=None)))[0]


def test_what_ends_or_fails_by_itself() -> None:
    assert "nothing ends by itself" in judge(evidence(falls=[(3.0, 5.0, "dialer0")]))[0]
    assert "the api answers" in judge(evidence(errors=[(5.0, "POST: 500")]))[0]
    assert judge(evidence(falls=[(3.0, 5.0, "dialer0")], errors=[(5.0, "POST: 500")], excused=[(4.0, 5.5)])) == []
