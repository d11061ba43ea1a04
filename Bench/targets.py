"""What the benchmark starts: the mock provider, and what stands between it and the load; `peers/` has more of those."""

import http.client
import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

STREAM_LIMIT = 20_000


class CannotStart(Exception):
    """A process did not come up; the message names its log."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# What is measured on one core has the first to itself; whoever talks to it shares the others.
EVERY_CORE = os.sched_getaffinity(0)
FIRST_CORE = set(sorted(EVERY_CORE)[:1])
OTHER_CORES = EVERY_CORE - FIRST_CORE or EVERY_CORE


@contextmanager
def on(cores: set[int]):
    """Has processes that are started meanwhile run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A child process with a log file, ended when the `with` block is left."""

    name = ""
    ready_path: str | None = None
    start_seconds = 15
    environment: dict[str, str] = {}
    own_cores = EVERY_CORE

    def __init__(self, work: Path):
        self.work = work
        self.port = free_port()
        self.log = work / f"{self.name}.log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def __enter__(self):
        with self.log.open("wb") as log, on(self.own_cores):
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=os.environ | self.environment)
        try:
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until_ready(self):
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.is_ready():
                return
            time.sleep(0.05)
        tail = self.log.read_text(errors="replace").strip().splitlines()[-5:]
        raise CannotStart(f"{self.name} did not start; the end of {self.log}:\n  " + "\n  ".join(tail))

    def is_ready(self) -> bool:
        try:
            if self.ready_path is None:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
            connection.request("GET", self.ready_path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def working_pids(self) -> list[int]:
        """The processes that do the work, whose CPU and memory count."""
        return [self.process.pid]

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Provider(Process):
    """The mock provider: `mock_provider.c`."""

    name = "provider"

    def __init__(self, work: Path, cores: set[int] = EVERY_CORE):
        super().__init__(work)
        self.own_cores = cores

    def command(self):
        return [str(self.work / "mock_provider"), str(self.port)]


class Target(Process):
    """Something the load is put on, in front of a provider, with one worker for each of `cores`."""

    may_lag = False
    answers_whole = True

    def __init__(self, work: Path, provider: Provider, model: str, cores: int = 1):
        super().__init__(work)
        self.provider = provider
        self.model = model
        self.cores = cores
        self.own_cores = FIRST_CORE if cores == 1 else EVERY_CORE

    def model_to_ask_for(self) -> str:
        return self.model

    def request(self, streams: bool = True) -> list[str]:
        """The arguments of `load` and `requests` that name the request."""
        body = {"model": self.model_to_ask_for(), "messages": [{"role": "user", "content": "hello"}]}
        if streams:
            body["stream"] = True
        return ["--port", str(self.port), "--path", "/v1/chat/completions", "--body", json.dumps(body)]


class Direct(Target):
    """The provider itself: what the load and the mock cost with nothing between them."""

    name = "direct"

    def __enter__(self):
        self.port = self.provider.port
        return self

    def __exit__(self, *_):
        pass

    def working_pids(self):
        return [self.provider.process.pid]


class Nginx(Target):
    """nginx that passes every byte on at once: the floor for a proxy written in C."""

    name = "nginx"

    CONFIGURATION = """
        daemon off; worker_processes {cores}; worker_rlimit_nofile {files}; pid nginx.pid; error_log error.log warn;
        events {{ worker_connections {files}; multi_accept on; }}
        http {{
            access_log off; tcp_nodelay on; keepalive_requests 100000000;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            upstream provider {{ server 127.0.0.1:{provider}; keepalive 64; keepalive_requests 100000000; }}
            server {{
                listen 127.0.0.1:{port} backlog=4096;
                location / {{
                    proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_buffering off; proxy_read_timeout 1h;
                }}
            }}
        }}
    """

    def command(self):
        folder = self.work / "nginx"
        folder.mkdir(exist_ok=True)
        text = self.CONFIGURATION.format(cores=self.cores, files=STREAM_LIMIT, provider=self.provider.port, port=self.port)
        (folder / "nginx.conf").write_text(text)
        return ["nginx", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]

    def working_pids(self):
        return self.children()


class Medstream(Target):
    """The release server with the mock as its provider, asked through its own API."""

    name = "medstream"
    ready_path = "/readyz"
    answers_whole = False
    write_timeout = "30s"
    durability = "off"
    kept = "{ events: 100000, bytes: 64MiB, total_bytes: 4GiB }"

    CONFIGURATION = """\
include: {defaults}
server:
  port: {port}
  threads: {cores}
  max_connections: {limit}
  max_connections_per_address: {limit}
  timeouts: {{ write: {write_timeout} }}
logs: {{ level: warning, access: false }}
# What the journal and the store cost is measured by itself; nginx keeps nothing.
data_directory: {data}
persistence: {{ store: memory, checkpoint: 1h }}
streaming:
  durability: {durability}
  retention: 1s
  idle_timeout: 1h
  on_detach: cancel
  detach_grace: 0s
  log: {kept}
  max_text: 64MiB
  max_viewers: {limit}
  max_running: {limit}
providers:
  mock:
    kind: openai_compatible
    base_url: http://127.0.0.1:{provider}/v1
    api_key: not-a-real-key
    model: {model}
routes:
  chat: [mock]
"""

    def command(self):
        path = self.work / "medstream.yaml"
        path.write_text(self.CONFIGURATION.format(
            defaults=Path("config/medstream.yaml").resolve(), port=self.port, cores=self.cores, limit=STREAM_LIMIT,
            data=self.work / "data", write_timeout=self.write_timeout, durability=self.durability, kept=self.kept,
            provider=self.provider.port, model=self.model))
        return [os.environ.get("MEDSTREAM_SERVER", ".build/release/medstream-server"), "--config", str(path)]

    def request(self, streams: bool = True):
        return ["--port", str(self.port), "--path", "/api/v1/chat/stream?message=hello"]


class MedstreamBehind(Medstream):
    """The same server, with its journal written soon after what is shown."""

    name = "medstream-behind"
    durability = "behind"


class MedstreamFirst(Medstream):
    """The same server, showing nothing that is not on disk."""

    name = "medstream-first"
    durability = "before_delivery"


class MedstreamOpenAI(Medstream):
    """The same server, asked as an OpenAI-compatible provider: the model is the name of a route."""

    name = "medstream-v1"
    answers_whole = True
    request = Target.request

    def model_to_ask_for(self):
        return "chat"

