"""The tests' own PostgreSQL does what tests need of it."""

import socket
import subprocess

import pytest


def answers(postgres, seconds: float) -> bool:
    try:
        return subprocess.run(
            [postgres.binaries / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--dbname", postgres.url(), "--command",
             "SELECT 1"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def test_a_database_is_empty_and_another_for_each_test(postgres, database):
    assert postgres.query("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace", database) == [["0"]]
    assert postgres.query("SELECT current_database()", database) == [[database]]


def test_what_was_committed_outlives_the_death_of_all_processes(postgres, database):
    postgres.query("CREATE TABLE kept (number int); INSERT INTO kept VALUES (7)", database)
    postgres.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", postgres.port))
    postgres.start()
    assert postgres.query("SELECT number FROM kept", database) == [["7"]]


def test_a_frozen_server_accepts_and_never_answers(postgres):
    postgres.freeze()
    try:
        socket.create_connection(("127.0.0.1", postgres.port)).close()
        assert not answers(postgres, 1)
    finally:
        postgres.thaw()
    assert answers(postgres, 30)
