"""What any of the tests in Python may ask for."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "Postgres"))
from postgres import PostgresServer  # noqa: E402


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server of the tests' own, shared by all of them; a test that cannot have it fails and says why."""
    server = PostgresServer()
    yield server
    server.thaw()
    server.close()


@pytest.fixture
def database(postgres):
    """The name of an empty database, for `postgres.url(database)`."""
    name = postgres.make_database()
    yield name
    postgres.drop_database(name)
