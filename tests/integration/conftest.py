"""The peers of the integration tests. Install them with `scripts/peers` and `scripts/asterisk` (`make test` does)."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from peers import asterisk, baresip, sipp
from peers.starting import StartCallee, StartPhone


@pytest.fixture(scope="session")
def carrier() -> Iterator[asterisk.Asterisk]:
    """An Asterisk that is a telephone network: the last four digits of a number say what happens."""
    with asterisk.carrier() as running:
        yield running


@pytest.fixture
def sipp_callee(tmp_path: Path) -> Iterator[StartCallee]:
    """Starts SIPp with a scenario of tests/peers/sipp; what was started is gone when the test ends."""
    with ExitStack() as started:

        def start(scenario: str, *, calls: int = 1, seconds: float = 20, tolerant: bool = False) -> sipp.Sipp:
            callee = sipp.callee(
                tmp_path / "sipp" / scenario, scenario, calls=calls, seconds=seconds, tolerant=tolerant
            )
            return started.enter_context(callee)

        yield start


@pytest.fixture
def baresip_callee(tmp_path: Path) -> Iterator[StartPhone]:
    """Starts a baresip that answers: it says what it is given, or echoes."""
    with ExitStack() as started:

        def start(says: bytes | None = None, codec: str = "PCMA") -> baresip.Baresip:
            return started.enter_context(baresip.phone(tmp_path / "baresip", says, codec))

        yield start
