"""One fault-injecting provider for all tests here."""

import pytest
from harness import FaultProvider


@pytest.fixture(scope="session")
def fault():
    provider = FaultProvider()
    yield provider
    provider.stop()
