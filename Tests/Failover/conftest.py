"""One fault-injecting provider for all tests here, and the minute that passes beside them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import FaultProvider
from outage import pass_through


def is_slow(item) -> bool:
    return "outage" in getattr(item, "fixturenames", [])


def pytest_collection_modifyitems(items):
    # What waits for the minute comes last.
    items.sort(key=is_slow)


@pytest.fixture(scope="session")
def fault():
    provider = FaultProvider()
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def minute(fault, tmp_path_factory):
    """The outage, which begins when this is first asked for."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(pass_through, fault, tmp_path_factory.mktemp("outage"))


@pytest.fixture
def outage(minute):
    return minute


@pytest.fixture(autouse=True)
def beside(request):
    """Begins the outage with the first test, if a test is to judge it."""
    if any(is_slow(item) for item in request.session.items):
        request.getfixturevalue("minute")
