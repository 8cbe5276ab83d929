"""Several dialers on one PostgreSQL: what one machine promises holds on many."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import installation
import psycopg
import pytest
import pytest_asyncio
from installation import Installation, intro
from peers.ports import HOST
from peers.postgres import Postgres
from support.refusing_carrier import RefusingCarrier

pytestmark = [pytest.mark.asyncio(loop_scope="function"), pytest.mark.timeout(300)]

LEASE = "3"
_SERIAL = count(1)


@pytest.fixture
def database_url(postgres_server: Postgres) -> str:
    return postgres_server.create_database(f"many_dialers_{next(_SERIAL)}")


@pytest_asyncio.fixture
async def calldron(tmp_path: Path, database_url: str) -> AsyncIterator[Installation]:
    running = await installation.start(tmp_path, database_url=database_url, lease_seconds=LEASE)
    yield running
    await running.stop()


@pytest.fixture
def refusing() -> Iterator[RefusingCarrier]:
    carrier = RefusingCarrier()
    yield carrier
    carrier.close()


async def test_one_of_two_dialers_is_killed_and_everyone_is_called_at_most_once(
    calldron: Installation, database_url: str
) -> None:
    for name in ("one", "two"):
        calldron.start_dialer(name, max_calls="20")

    async def both_dial() -> bool | None:
        logs = [(calldron.home / f"{name}.log").read_text() for name in ("one", "two")]
        return True if all("dialer ready" in log for log in logs) else None

    await calldron.until(both_dial, "both dialers are ready")
    numbers = [f"+7999{index:03d}3004" for index in range(80)]
    batch = await calldron.batch(ring_timeout=5)
    calls = await calldron.calls(batch, *numbers)

    async def both_hold_calls() -> bool | None:
        with psycopg.connect(database_url) as connection:
            holders = connection.execute("SELECT DISTINCT node FROM store_attempt WHERE ended_at IS NULL").fetchall()
        return True if len(holders) == 2 else None

    await calldron.until(both_hold_calls, "the dialers share the batch")
    await calldron.kill_dialer("one")
    statuses = Counter([(await calldron.final(batch, call))["status"] for call in calls])
    assert statuses.keys() == {"answered", "unknown"}
    assert statuses["unknown"] <= 20
    assert max(calldron.carrier.invites.values()) == 1
    assert sum(calldron.carrier.invites.values()) >= statuses["answered"]
    assert (await calldron.api.get(f"/v1/batches/{batch}")).json()["status"] == "finished"


async def test_each_dialer_of_a_machine_finds_again_what_one_left(calldron: Installation) -> None:
    calldron.start_dialer("one")
    batch = await calldron.batch(**intro(60.0))
    (call,) = await calldron.calls(batch, "+79990012000")

    async def tracks_are_on_disk() -> bool | None:
        tracks = [file for file in calldron.home.glob("tracks*/**/*") if file.is_file()]
        return True if sum(file.stat().st_size for file in tracks) > 8000 else None

    await calldron.until(tracks_are_on_disk, "tracks")
    await calldron.kill_dialer("one")
    for name in ("one", "two"):
        calldron.start_dialer(name)
    assert (await calldron.final(batch, call))["status"] == "unknown"
    assert len(await calldron.recording(batch, call)) > 1000
    assert calldron.carrier.invites["+79990012000"] == 1


@pytest.mark.parametrize(
    ("limited", "cps", "calls"), [("trunk", 200, 500), ("trunk", 20, 100), ("batch", 20, 100), ("account", 20, 100)]
)
async def test_no_second_at_the_carrier_has_more_calls_than_the_limit(
    calldron: Installation, refusing: RefusingCarrier, limited: str, cps: int, calls: int
) -> None:
    """By the clock of the kernel at the carrier's end, in whatever second you look."""
    await calldron.command("trunk", "remove", "counting")
    trunk_cps = str(cps) if limited == "trunk" else "0"
    await calldron.command("trunk", "add", "refusing", f"sip:{HOST}:{refusing.port}", "--cps", trunk_cps)
    if limited == "account":
        await calldron.command("account", "set", "owner@example.org", "--cps", str(cps))
    for number in range(4):
        calldron.start_dialer(f"dialer {number}")
    limits = {"cps": cps} if limited == "batch" else {}
    batch = await calldron.batch(autostart=False, **limits)
    numbers = [f"+7999{index:03d}0000" for index in range(calls)]
    await calldron.calls(batch, *numbers)
    await calldron.api.post(f"/v1/batches/{batch}/start")

    async def finished() -> bool | None:
        shown = (await calldron.api.get(f"/v1/batches/{batch}")).json()
        return True if shown["status"] == "finished" else None

    await calldron.until(finished, "the batch is called", patience=180)
    assert Counter(invite.number for invite in refusing.invites) == dict.fromkeys(numbers, 1)
    assert refusing.most_within(1.0) <= cps
