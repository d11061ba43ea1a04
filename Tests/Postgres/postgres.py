"""A PostgreSQL server of the tests' own: a data directory and a free port that are gone when the tests are.

Python tests use the fixtures of Tests/conftest.py. Swift tests run this file as a program that takes one command a line on
standard input, answers each with one line, and ends, with everything it made, when its input does.
"""

import fcntl
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

START_SECONDS = 60
PREFIX = "medstream-postgres-"

# What the product asks of a server stays as it is installed: fsync, full_page_writes and synchronous_commit are on.
SETTINGS = {
    "max_connections": 400,
    "shared_buffers": "64MB",
    "password_encryption": "scram-sha-256",
    "log_min_messages": "warning",
    "timezone": "UTC",
    # Tests make and drop databases; a checkpoint for each would be most of what the disk does.
    "max_wal_size": "4GB",
}


class NoPostgres(Exception):
    """The server cannot be had here; the text says why and what to do."""


def binaries() -> Path:
    """Where Debian keeps the server's programs, which are not on the PATH; the newest version wins.

    MEDSTREAM_POSTGRES names another folder of them, to test with another version.
    """
    if elsewhere := os.environ.get("MEDSTREAM_POSTGRES"):
        return Path(elsewhere)
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
    if found:
        return Path(found[-1]).parent
    if on_path := shutil.which("postgres"):
        return Path(on_path).parent
    raise NoPostgres("PostgreSQL is not installed: run Scripts/setup test, or install Debian's postgresql.")


def hold(folder: Path):
    """A lock on a folder that the kernel frees when this process ends, however it ends; the file is to be kept."""
    made = open(folder / "owner.new", "w")
    fcntl.flock(made, fcntl.LOCK_EX)
    # Under its name once it is locked: nobody may take the owner for dead before.
    os.rename(folder / "owner.new", folder / "owner")
    return made


def end_abandoned():
    """Ends the servers of runs that were killed and could not end theirs, and removes what they wrote."""
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            with open(folder / "owner") as owner:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for process in processes_in(folder):
                    send(process, signal.SIGKILL)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            # It is somebody's who lives, or not ours to touch, or gone already.
            continue


def processes_in(folder: Path) -> list[int]:
    """The server whose data lie in a folder, and its children, itself first."""
    try:
        server = int((folder / "data/postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{server}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return []
    # The number may be another process's by now.
    return [server, *children(server)] if os.fsencode(folder / "data") in command else []


def children(process: int) -> list[int]:
    numbers = [int(folder.split("/")[2]) for folder in glob.glob("/proc/[0-9]*")]
    return [number for number in numbers if standing(number)[1] == process]


def standing(process: int) -> tuple[str, int]:
    """Its state and its parent; those of a dead one when it is gone."""
    try:
        # The name in brackets may hold spaces and brackets.
        state, parent = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[:2]
        return state, int(parent)
    except (FileNotFoundError, ProcessLookupError):
        return "X", 0


def send(process: int, what: signal.Signals):
    try:
        os.kill(process, what)
    except ProcessLookupError:
        pass


class PostgresServer:
    """One server with its own data directory, listening on 127.0.0.1 and on a socket in its folder.

    `url()` is that of the superuser. As root it runs as the user `postgres`, since the server refuses root. `programs` is
    the folder of another version's programs, which that user must be able to read.
    """

    def __init__(self, programs: Path | None = None, **settings):
        self.binaries = programs or binaries()
        end_abandoned()
        self.port = self._free_port()
        self.password = uuid.uuid4().hex
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.owner = hold(self.folder)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process: subprocess.Popen | None = None
        self.as_owner: list[str] = []
        if os.geteuid() == 0:
            try:
                owner = pwd.getpwnam("postgres")
            except KeyError:
                raise NoPostgres("There is no user `postgres` to run the server as, and it refuses root.") from None
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.as_owner = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", "--"]
        try:
            self._make(SETTINGS | settings)
            self.start()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _free_port() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            return listener.getsockname()[1]

    def _make(self, settings: dict):
        password = self.folder / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        made = subprocess.run(
            [*self.as_owner, self.binaries / "initdb", "--pgdata", self.data, "--username", "postgres", "--pwfile",
             password, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode != 0:
            raise NoPostgres(f"initdb failed:\n{made.stdout}")
        with open(self.data / "postgresql.auto.conf", "a") as file:
            for name, value in settings.items():
                file.write(f"{name} = '{value}'\n")

    # MARK: Reaching it

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None,
            port: int | None = None) -> str:
        """`port` is another one when a proxy stands before the server."""
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{port or self.port}/{database}"

    def query(self, sql: str, database: str = "postgres") -> list[list[str]]:
        """Runs SQL as the superuser; each row's columns as text."""
        done = subprocess.run(
            [self.binaries / "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator", "\x1f",
             "--record-separator", "\x1e", "--set", "ON_ERROR_STOP=1", "--dbname", self.url(database), "--file", "-"],
            input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        text = done.stdout.removesuffix("\x1e").strip("\n")
        return [row.split("\x1f") for row in text.split("\x1e")] if text else []

    def make_database(self, template: str = "template1") -> str:
        """Makes a database of a new name; answers the name."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.query(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop_database(self, name: str):
        self.query(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    # MARK: What befalls it

    def start(self):
        """Starts it, unless it runs, and waits until it takes connections; on the same port each time."""
        if self.process is not None and self.process.poll() is None:
            return
        log = open(self.log, "ab")
        self.process = subprocess.Popen(
            [*self.as_owner, self.binaries / "postgres", "-D", self.data, "-h", "127.0.0.1", "-p", str(self.port), "-k",
             self.folder],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise NoPostgres(f"PostgreSQL ended at once; its log:\n{self.log.read_text()[-4000:]}")
            if subprocess.run(
                [self.binaries / "pg_isready", "--quiet", "--host", "127.0.0.1", "--port", str(self.port)],
            ).returncode == 0:
                return
            time.sleep(0.05)
        raise NoPostgres(f"PostgreSQL was not ready after {START_SECONDS} s; its log:\n{self.log.read_text()[-4000:]}")

    def stop(self):
        """Stops it as an operator would: sessions are cut, what is committed is written out."""
        self._end(signal.SIGINT)

    def kill(self):
        """Ends all its processes at once, as a loss of power would end them but for the page cache."""
        self._end(signal.SIGKILL)

    def restart(self):
        self.stop()
        self.start()

    def freeze(self):
        """Stops all its processes where they are: it still accepts connections, and never answers."""
        for process in self._processes():
            send(process, signal.SIGSTOP)

    def thaw(self):
        for process in reversed(self._processes()):
            send(process, signal.SIGCONT)

    def close(self):
        """Ends it and removes all it wrote."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.owner.close()

    def _end(self, how: signal.Signals):
        if self.process is None:
            return
        others = self._processes()[1:]
        send(self.process.pid, how)
        if how == signal.SIGKILL:
            # The first is dead, so that it starts none of these anew.
            for child in others:
                send(child, how)
        else:
            self.thaw()
        self.process.wait(60)
        end = time.monotonic() + 30
        # A dead one is there until its new parent asks how it ended, which takes a second in some containers.
        while any(standing(child)[0] not in "XZ" for child in others) and time.monotonic() < end:
            time.sleep(0.01)
        self.process = None

    def _processes(self) -> list[int]:
        """The server and its children, itself first."""
        if self.process is None:
            return []
        return [self.process.pid, *children(self.process.pid)]


def serve():
    """Takes commands, one a line: `make [template]`, `drop NAME`, `query DATABASE SQL`, and those of `PostgresServer`."""
    try:
        server = PostgresServer()
    except NoPostgres as error:
        print("failed " + str(error).replace("\n", " | "), flush=True)
        return 1
    print(f"ready {server.port} {server.password} {server.folder}", flush=True)
    try:
        for line in sys.stdin:
            command, _, rest = line.strip().partition(" ")
            try:
                match command:
                    case "make":
                        answer = server.make_database(rest or "template1")
                    case "drop":
                        answer = server.drop_database(rest) or ""
                    case "query":
                        database, _, sql = rest.partition(" ")
                        answer = "\x1e".join("\x1f".join(row) for row in server.query(sql, database))
                    case "start" | "stop" | "kill" | "restart" | "freeze" | "thaw":
                        answer = getattr(server, command)() or ""
                    case _:
                        answer = f"unknown command {command}"
                print("done " + answer.replace("\n", " "), flush=True)
            except Exception as error:  # noqa: BLE001: the one who asked is told, whatever it is.
                print("failed " + str(error).replace("\n", " | "), flush=True)
    finally:
        server.thaw()
        server.close()
    return 0


if __name__ == "__main__":
    # The terminal's Ctrl-C is for the one who runs this, whose end closes our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(serve())
