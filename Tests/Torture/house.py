"""One installation of Medstream: a folder, a server and workers that die and are started again, a model."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

# Seconds without any progress after which a queue is taken for stuck; longer than any lease.
STUCK = 45
ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("MEDSTREAM_SERVER", ROOT / ".build/debug/medstream-server")).parent
SHIPPED = ROOT / ".build/release"
CONFIG = ROOT / "config"

sys.path.insert(0, str(Path(__file__).parent))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Process:
    """A program with its output kept; `is_ready` once it said so."""

    def __init__(self, arguments: list[str], log: Path, env: dict[str, str] | None = None, folder: Path | None = None):
        self.log = log
        self.begun = time.monotonic()
        with log.open("a") as errors:
            self.popen = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, **(env or {})}, cwd=folder)
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.popen.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait_ready(self, seconds: float = 30) -> str | None:
        """The ready line; `None` when the process ended, or was not ready within that time."""
        try:
            while (line := self.lines.get(timeout=seconds)) is not None:
                if "ready" in line:
                    return line
        except queue.Empty:
            pass
        return None

    @property
    def has_ended(self) -> bool:
        return self.popen.poll() is not None

    def wait(self, seconds: float) -> int | None:
        """The exit code, negative for a signal; `None` while it still runs."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number: int):
        if not self.has_ended:
            self.popen.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, seconds: float = 30) -> int:
        """Asks it to end, as an operator would."""
        self.signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not end within {seconds} s of SIGTERM: {tail(self.log)}") from None


def tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


class Model:
    """The model that knows every answer, as a process of its own."""

    def __init__(self):
        self.popen = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "model.py")], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        self.port = int(self.popen.stdout.readline())

    def asked(self) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/asked", timeout=30) as reply:
            return json.load(reply)

    def stop(self):
        self.popen.kill()
        self.popen.wait()


class House:
    """Folder, settings and processes; the server keeps its port however often it is started."""

    def __init__(
        self, folder: Path, model: Model, url: str | None = None, settings: dict | None = None,
        data: Path | None = None, built: Path = BUILT
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.model, self.url, self.built = folder, model, url, built
        self.store = "postgres" if url else "sqlite"
        self.data = data or folder / "data"
        self.port, self.health = free_port(), free_port()
        self.server: Process | None = None
        self.workers: list[Process] = []
        self.environment: dict[str, str] = {}
        # Dead letters that were put back.
        self.replayed = 0
        # Found without being named as well: under libfaketime a Swift program sees no arguments.
        self.config = folder / "config/medstream.yaml"
        self.config.parent.mkdir()
        # JSON is YAML.
        self.config.write_text(json.dumps(merged(self.usual(), settings or {}), indent=1))

    def usual(self) -> dict:
        return {
            "server": {"port": self.port, "threads": 1, "max_connections_per_address": 4096},
            "data_directory": str(self.data),
            "persistence": {"store": self.store, **({"url": self.url} if self.url else {})},
            "logs": {"level": "info", "access": False},
            "providers": {"echo": {
                "kind": "openai_compatible", "base_url": f"http://127.0.0.1:{self.model.port}/v1", "model": "echo"}},
            "routes": {"chat": ["echo"], "onboarding": ["echo"]},
            "worker": {"port": 0},
            # A question after 10 minutes is still the same question.
            "chat": {"history": {"limit": 200, "unit": "characters"}},
        }

    @property
    def is_postgres(self) -> bool:
        return self.url is not None

    def run(self, program: str, *arguments: str, env: dict[str, str] | None = None) -> Process:
        return Process(
            [str(self.built / program), "--config", str(self.config), *arguments], self.folder / f"{program}.log",
            {**self.environment, **(env or {})}, self.folder)

    def start_server(self, env: dict[str, str] | None = None, is_awaited: bool = True) -> Process:
        self.server = self.run("medstream-server", env=env)
        if is_awaited and self.server.wait_ready() is None:
            raise AssertionError(f"the server did not start: {tail(self.server.log)}")
        return self.server

    def start_worker(self, env: dict[str, str] | None = None, is_awaited: bool = True) -> Process:
        worker = self.run("medstream-worker", env=env)
        self.workers = [other for other in self.workers if not other.has_ended] + [worker]
        if is_awaited and worker.wait_ready() is None:
            raise AssertionError(f"the worker did not start: {tail(worker.log)}")
        return worker

    def start(self) -> "House":
        self.start_server()
        self.start_worker()
        return self

    def kill(self):
        for process in [self.server, *self.workers]:
            if process:
                process.signal(signal.SIGCONT)
                process.kill()

    def cli(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess:
        return subprocess.run(
            [str(self.built / "medstream"), *arguments, "--config", str(self.config)], capture_output=True, text=True,
            timeout=seconds)

    def queue(self) -> "Backlog":
        """What `medstream queue stats` counts."""
        told = self.cli("queue", "stats", "--json")
        assert told.returncode == 0, told.stderr
        return Backlog([json.loads(line) for line in told.stdout.splitlines()])

    def await_stored(self, seconds: float) -> float:
        """How long it took until no turn waited to be written; fails when that takes longer than `seconds`."""
        return self.await_none(lambda backlog: backlog.unsaved, seconds)

    def await_drained(self, seconds: float = 60) -> float:
        """How long it took until nothing was left to do; fails when that takes longer than `seconds`."""
        return self.await_none(lambda backlog: backlog.waiting, seconds)

    def await_none(self, left: Callable[["Backlog"], int], seconds: float) -> float:
        begun = changed = time.monotonic()
        before = None
        while count := left(backlog := self.queue()):
            now = time.monotonic()
            if count != before:
                before, changed = count, now
            assert now - begun < seconds and now - changed < STUCK, f"the queue is not empty: {backlog}"
            if backlog.dead:
                # A job whose workers were killed five times in a row is a dead letter, which an operator puts back.
                self.replay_dead(backlog)
            # Each look is a process and a count of all there is: more often, it would hold up what it looks at.
            time.sleep(0.5)
        return time.monotonic() - begun

    def replay_dead(self, backlog: "Backlog"):
        for kind in {row["kind"] for row in backlog.rows if row["dead"]}:
            told = self.cli("queue", "replay-all", "--kind", kind)
            assert told.returncode == 0, told.stderr
            self.replayed += backlog.dead

    def check(self) -> str:
        """What is wrong with the store, in the operator's words; empty when nothing is."""
        told = self.cli("store", "check")
        return "" if told.returncode == 0 else told.stdout + told.stderr


class Backlog:
    """Counts by queue and kind."""

    def __init__(self, rows: list[dict]):
        self.rows = rows

    def count(self, name: str, kind: str | None = None) -> int:
        return sum(int(row.get(name, 0)) for row in self.rows if kind in (None, row["kind"]))

    @property
    def dead(self) -> int:
        return self.count("dead")

    @property
    def unsaved(self) -> int:
        """Turns that wait to be written."""
        return sum(self.count(name, "save_turn") for name in ("due", "delayed", "leased", "dead"))

    @property
    def waiting(self) -> int:
        """Jobs that are due, held or dead; what is planned for later is not waiting."""
        return self.count("due") + self.count("leased") + self.dead

    def __str__(self) -> str:
        return ", ".join(str(row) for row in self.rows)


def merged(usual: dict, changes: dict) -> dict:
    """`changes` laid over `usual`, key by key."""
    both = {**usual, **changes}
    for key in usual.keys() & changes.keys():
        if isinstance(usual[key], dict) and isinstance(changes[key], dict):
            both[key] = merged(usual[key], changes[key])
    return both


def find_port(line: str) -> int:
    return int(re.search(r":(\d+)", line).group(1))
