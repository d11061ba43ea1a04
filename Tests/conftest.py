"""What any of the tests in Python may ask for."""

import shutil
import sys
import tempfile
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


@pytest.fixture
def folder(request):
    """Kept when the test fails, so that its logs can be read."""
    made = Path(tempfile.mkdtemp(prefix="medstream-"))
    failed = request.session.testsfailed
    yield made
    if request.session.testsfailed == failed:
        shutil.rmtree(made, ignore_errors=True)
    else:
        print(f"What the test left is kept in {made}")


@pytest.fixture
def say(capsys):
    """Prints a line that a passing test shows as well."""
    def say(line: object):
        with capsys.disabled():
            print(f"\n  {line}", end="", flush=True)
    return say
