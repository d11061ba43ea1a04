"""medstream-worker as a process: how it starts, what it tells, how it stops."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("MEDSTREAM_SERVER", ROOT / ".build/debug/medstream-server")).parent


class Running:
    """A program that was started, known by the address in its ready line."""

    def __init__(self, program: str, folder: Path, *settings: str):
        self.errors = folder / f"{program}-{time.monotonic_ns()}.log"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                arguments(program, folder, *settings), stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT)
        line = self.process.stdout.readline()
        match = re.fullmatch(rf"{program} \S+ ready on (http://\S+)\n", line)
        assert match, f"{line!r}: {self.errors.read_text()}"
        self.url = match[1]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """0 as long as nothing was counted."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.get("/metrics")[1], re.M)
        return float(found[1]) if found else 0

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


def arguments(program: str, folder: Path, *settings: str) -> list[str]:
    every = (f"data_directory={folder}/data", "server.port=0", "worker.port=0",
             "providers.demo.words_per_second=0", "providers.demo.first_word_after=0s", *settings)
    return [str(BUILT / program), *(word for setting in every for word in ("--set", setting))]


@pytest.fixture
def start(tmp_path):
    running = []

    def begin(program: str, *settings: str) -> Running:
        running.append(Running(program, tmp_path, *settings))
        return running[-1]

    yield begin
    for each in running:
        each.process.kill()
        each.process.wait()


def until(condition, seconds: float = 20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def ask(server: Running, text: str) -> dict:
    request = urllib.request.Request(
        server.url + "/api/v1/chat/messages?wait=true", json.dumps({"message": text}).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as reply:
        return json.load(reply)


def test_it_tells_that_it_works_and_ends_when_told_to(start):
    worker = start("medstream-worker")
    assert worker.get("/healthz")[0] == 200
    status, text = worker.get("/readyz")
    assert (status, json.loads(text)) == (200, {"status": "ready", "queues": {"store": "working"}})
    assert worker.get("/nowhere")[0] == 404
    until(lambda: worker.metric('medstream_queue_delayed{jobs="store/purge"}') == 1)
    assert worker.stop() == 0


def test_a_turn_is_described_by_one_of_the_workers(start):
    server = start("medstream-server")
    workers = [start("medstream-worker") for _ in range(3)]
    for number in range(5):
        ask(server, f"What is a cough, for the {number}th time?")

    def described() -> float:
        name = 'medstream_jobs_finished_total{jobs="store/describe_conversation"}'
        return sum(worker.metric(name) for worker in workers)

    until(lambda: described() == 5)
    assert server.stop() == 0
    assert [worker.stop() for worker in workers] == [0, 0, 0]


def test_another_worker_goes_on_where_one_was_killed(start, tmp_path):
    server = start("medstream-server")
    first = start("medstream-worker")
    ask(server, "What is a fever?")
    first.process.kill()
    first.process.wait()
    ask(server, "What is a cough?")
    second = start("medstream-worker")
    until(lambda: second.metric('medstream_jobs_finished_total{jobs="store/describe_conversation"}') >= 1)
    locks = list((tmp_path / "data/medstream.sqlite.workers").iterdir())
    assert len(locks) == 1, "the dead one's lock file is gone"


def test_its_settings_are_checked(tmp_path):
    def refused(*settings: str, extra: tuple[str, ...] = ()) -> tuple[int, str]:
        result = subprocess.run(
            arguments("medstream-worker", tmp_path, *settings) + list(extra), capture_output=True, text=True, cwd=ROOT,
            timeout=20)
        assert result.stdout == ""
        return result.returncode, result.stderr

    code, message = refused("persistence.store=memory")
    assert code == 78 and "keeps nothing" in message
    code, message = refused("worker.leese=1s")
    assert code == 78 and "lease" in message
    code, message = refused(extra=("--quickly",))
    assert code == 64 and "--help" in message


def test_its_address_must_be_free(start, tmp_path):
    worker = start("medstream-worker")
    port = worker.url.rsplit(":", 1)[1]
    result = subprocess.run(
        arguments("medstream-worker", tmp_path, f"worker.port={port}"), capture_output=True, text=True, cwd=ROOT,
        timeout=20)
    assert result.returncode == 69
