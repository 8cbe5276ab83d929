"""Servers that acceptance tests talk to as clients do."""

from collections.abc import Iterator

import pytest
import web_server
from web_server import WebServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """The web server without a dialer: what is asked of it stays as it was written."""
    started = web_server.start(tmp_path_factory.mktemp("web"), api_rate="0")
    yield started
    started.stop()
