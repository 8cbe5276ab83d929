"""The life of a batch: every switch in every state."""

from contextlib import AbstractContextManager, nullcontext

import pytest

from calldron.domain.batch import BatchState, Switch, switched, with_calls_added
from calldron.domain.errors import IllegalTransition

FRESH, RUNNING, PAUSED = BatchState.FRESH, BatchState.RUNNING, BatchState.PAUSED
FINISHED, STOPPED = BatchState.FINISHED, BatchState.STOPPED
START, PAUSE, RESUME, STOP = Switch.START, Switch.PAUSE, Switch.RESUME, Switch.STOP

# None: illegal.
SWITCHES: dict[BatchState, dict[Switch, BatchState | None]] = {
    FRESH: {START: RUNNING, PAUSE: None, RESUME: None, STOP: STOPPED},
    RUNNING: {START: RUNNING, PAUSE: PAUSED, RESUME: RUNNING, STOP: STOPPED},
    PAUSED: {START: None, PAUSE: PAUSED, RESUME: RUNNING, STOP: STOPPED},
    FINISHED: {START: None, PAUSE: None, RESUME: None, STOP: None},
    STOPPED: {START: None, PAUSE: None, RESUME: None, STOP: STOPPED},
}


@pytest.mark.parametrize(
    ("state", "switch", "following"),
    [(state, switch, following) for state, row in SWITCHES.items() for switch, following in row.items()],
)
def test_switch(state: BatchState, switch: Switch, following: BatchState | None) -> None:
    refused: AbstractContextManager[object] = (
        pytest.raises(IllegalTransition, match=f"is {state} can't {switch}") if following is None else nullcontext()
    )
    with refused:
        assert switched(state, switch) is following


def test_the_table_is_whole() -> None:
    assert {(state, switch) for state, row in SWITCHES.items() for switch in row} == {
        (state, switch) for state in BatchState for switch in Switch
    }


@pytest.mark.parametrize(
    ("state", "autostart", "following"),
    [
        (FRESH, True, RUNNING),
        (FRESH, False, FRESH),
        (RUNNING, True, RUNNING),
        (RUNNING, False, RUNNING),
        (PAUSED, True, PAUSED),
        (PAUSED, False, PAUSED),
        (FINISHED, True, RUNNING),
        (FINISHED, False, PAUSED),
    ],
)
def test_calls_added(state: BatchState, autostart: bool, following: BatchState) -> None:
    assert with_calls_added(state, autostart=autostart) is following


@pytest.mark.parametrize("autostart", [True, False])
def test_a_stopped_batch_takes_no_calls(autostart: bool) -> None:
    with pytest.raises(IllegalTransition, match="stopped"):
        with_calls_added(STOPPED, autostart=autostart)


@pytest.mark.parametrize("switch", [PAUSE, RESUME])
def test_a_paused_batch_can_go_on_and_pause_again(switch: Switch) -> None:
    state = switched(RUNNING, PAUSE)
    assert switched(switched(state, switch), PAUSE) is PAUSED
