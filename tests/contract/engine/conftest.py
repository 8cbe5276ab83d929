"""One carrier and one engine of each kind for the whole suite; a fresh number for each dial."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from lines import HOST, Dialling, Exchange

from calldron.dialer.ports import Engine
from calldron.engines.sip.engine import SipEngine

ENGINES: dict[str, Callable[[], Engine]] = {
    "sip": lambda: SipEngine(host=HOST, port=0),
}


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def exchange() -> AsyncIterator[Exchange]:
    exchange = Exchange()
    await exchange.carrier.start()
    yield exchange
    await exchange.carrier.stop()


@pytest.fixture(scope="package", params=ENGINES)
def make_engine(request: pytest.FixtureRequest) -> Callable[[], Engine]:
    return ENGINES[request.param]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def engine(make_engine: Callable[[], Engine]) -> AsyncIterator[Engine]:
    engine = make_engine()
    await engine.start()
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def dial(engine: Engine, exchange: Exchange) -> AsyncIterator[Dialling]:
    dialling = Dialling(engine, exchange)
    yield dialling
    await dialling.finish()
