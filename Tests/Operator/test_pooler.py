"""A pooler of transactions stands before PostgreSQL, as on Supabase: the real PgBouncer, with fewer connections than we open."""

import socket
import subprocess

import pytest
from crowd import Crowd, verdict
from house import free_port
from waiting import await_, await_saved


class Pooler:
    """PgBouncer before a server; ends and comes back on the same port."""

    def __init__(self, postgres):
        self.port = free_port()
        self.as_owner = postgres.as_owner
        # Where the user who runs the server may read.
        self.settings, users = postgres.folder / "pgbouncer.ini", postgres.folder / "pgbouncer.users"
        users.write_text(f'"postgres" "{postgres.password}"\n')
        self.settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\ndefault_pool_size = 3\n")
        for path in (users, self.settings):
            path.chmod(0o644)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [*self.as_owner, "/usr/sbin/pgbouncer", "--quiet", self.settings], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await_(self.is_up)

    def is_up(self) -> bool:
        """PgBouncer listening"""
        assert self.process.poll() is None, "PgBouncer ended at once"
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def pooler(postgres):
    pooler = Pooler(postgres)
    yield pooler
    pooler.kill()


@pytest.fixture
def pooled(pooler, postgres, database, make_house):
    """An installation whose every connection goes through the pooler."""
    return make_house(url=postgres.url(database, port=pooler.port) + "?pgbouncer=true").start()


# Behind a pooler a dead process is known after 30 s; a server looks for the answers of such each 5 s.
KNOWN_DEAD = 60


@pytest.fixture
def judge(pooled, postgres, database, say):
    """Waits until all that was begun has ended, and looks for everything that people were told."""
    def ended() -> bool:
        """The end of all answers"""
        return postgres.query("SELECT count(*) FROM medstream.message WHERE state = 'streaming'", database) == [["0"]]

    def judge(crowd: Crowd):
        crowd.finish()
        pooled.await_drained()
        await_(ended, KNOWN_DEAD)
        found, _ = verdict(pooled.port, crowd.turns, {})
        say(f"behind PgBouncer: {found}")
        assert found.is_good and found.saved > 0, str(found)
        assert pooled.check() == ""

    return judge


def test_server_and_worker_die_behind_a_pooler_and_nothing_is_lost(pooled, judge):
    crowd = Crowd(pooled.port, 6, words=(5, 30), pace=5).start()
    for deaths in range(1, 4):
        await_saved(crowd, deaths * 8)
        pooled.kill()
        pooled.start()
    judge(crowd)


def test_the_pooler_dies_and_what_was_said_meanwhile_is_written_when_it_is_back(pooled, pooler, judge):
    crowd = Crowd(pooled.port, 6, words=(20, 60), pace=20).start()
    await_saved(crowd, 4)
    pooler.kill()
    await_(lambda: any(turn.was_pending for turn in crowd.turns))
    pooler.start()
    judge(crowd)
