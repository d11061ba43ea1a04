"""The tests' own PostgreSQL does what tests need of it."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from postgres import PostgresServer, processes_in


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


@pytest.mark.parametrize("blow", ["", "freeze"])
def test_the_servers_of_killed_runs_are_ended_by_the_next_and_those_of_living_ones_are_not(postgres, blow):
    keeper = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("postgres.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True)
    folder = Path(keeper.stdout.readline().split()[3])
    if blow:
        keeper.stdin.write(blow + "\n")
        keeper.stdin.flush()
        assert keeper.stdout.readline().startswith("done")
    left = processes_in(folder)
    assert len(left) > 1
    keeper.kill()
    keeper.wait()
    # One that only looks for work to do may end by itself.
    left = [process for process in left if runs(process)]
    assert len(left) > 1

    PostgresServer().close()
    end = time.monotonic() + 30
    while any(runs(process) for process in left) and time.monotonic() < end:
        time.sleep(0.01)
    assert not [process for process in left if runs(process)]
    assert not folder.exists()
    assert answers(postgres, 30)


def runs(process: int) -> bool:
    """Whether it is more than the number of a dead one that nobody has asked about."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
