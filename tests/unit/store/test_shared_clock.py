"""One time for all nodes: the database's, carried on by a clock that nobody sets."""

from datetime import UTC, datetime, timedelta

import pytest
from support.clock import HandClock

from calldron.domain.errors import StoreUnavailable
from calldron.store.shared_clock import EVERY, Monotonic, Reading, SharedClock

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class ServerClock:
    """A database's clock, ``ahead`` of a machine's monotonic one; whoever asks waits ``there`` and ``back``."""

    def __init__(self, machine: HandClock) -> None:
        self.ahead = timedelta()
        self.there = self.back = 0.0
        self.away = False
        self._machine = machine

    async def look(self, monotonic: Monotonic) -> Reading:
        if self.away:
            raise StoreUnavailable("gone")
        asked = monotonic()
        shown = NOON + timedelta(seconds=asked + self.there) + self.ahead
        return Reading(shown, asked, asked + self.there + self.back)


@pytest.fixture
def machine() -> HandClock:
    return HandClock(datetime(1999, 1, 1, tzinfo=UTC))


async def test_it_shows_the_database_s_time_whatever_the_machine_s(machine: HandClock) -> None:
    server = ServerClock(machine)
    clock = SharedClock(machine, server.look)
    await clock.synchronise()
    assert clock.now() == NOON
    machine.turn(90)
    assert clock.now() == NOON + timedelta(seconds=90)
    assert clock.monotonic() == 90


async def test_it_is_wrong_by_half_of_the_way_at_most(machine: HandClock) -> None:
    server = ServerClock(machine)
    server.there, server.back = 0.004, 0.0
    clock = SharedClock(machine, server.look)
    await clock.synchronise()
    assert abs(clock.now() - NOON) <= timedelta(milliseconds=2)


async def test_it_follows_the_database_s_clock_and_goes_on_without_it(machine: HandClock) -> None:
    server = ServerClock(machine)
    clock = SharedClock(machine, server.look)
    await clock.synchronise()
    server.ahead = timedelta(hours=1)
    await clock.synchronise()
    assert clock.now() == NOON + timedelta(hours=1)
    server.away = True
    with pytest.raises(StoreUnavailable):
        await clock.synchronise()
    machine.turn(EVERY)
    assert clock.now() == NOON + timedelta(hours=1, seconds=EVERY)


def test_a_clock_that_was_never_set_shows_nothing(machine: HandClock) -> None:
    with pytest.raises(RuntimeError):
        SharedClock(machine, ServerClock(machine).look).now()
