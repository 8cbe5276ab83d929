"""What every test can rely on."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from peers import postgres

# One machine runs everything at once: a slow example is no failure, and a failure must come again.
settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# Locally every run looks at new examples.
settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite" if os.environ.get("CI") else "explore")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Postgres]:
    """A PostgreSQL server for all tests that ask for one; what they kill they start again."""
    with postgres.server() as running:
        yield running
