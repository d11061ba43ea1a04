"""What the benchmark starts: the mock provider, and what stands between it and the load: nothing, nginx, Medstream."""

import http.client
import os
import socket
import subprocess
import time
from pathlib import Path

STREAM_LIMIT = 20_000
START_SECONDS = 15


class CannotStart(Exception):
    """A process did not come up; the message names its log."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A child process with a log file, ended when the `with` block is left."""

    name = ""
    ready_path: str | None = None

    def __init__(self, work: Path):
        self.work = work
        self.port = free_port()
        self.log = work / f"{self.name}.log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
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
        deadline = time.monotonic() + START_SECONDS
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


class Provider(Process):
    """The mock provider: `mock_provider.c`."""

    name = "provider"

    def command(self):
        return [str(self.work / "mock_provider"), str(self.port)]


class Target(Process):
    """Something the load is put on, in front of a provider."""

    def __init__(self, work: Path, provider: Provider, model: str):
        super().__init__(work)
        self.provider = provider
        self.model = model

    def request(self) -> list[str]:
        """The arguments of `load` that name the request."""
        body = f'{{"model":"{self.model}","stream":true,"messages":[{{"role":"user","content":"hello"}}]}}'
        return ["--port", str(self.port), "--path", "/v1/chat/completions", "--body", body]


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
    """One nginx worker that passes every byte on at once: the floor for a proxy written in C."""

    name = "nginx"

    CONFIGURATION = """
        daemon off; worker_processes 1; worker_rlimit_nofile {files}; pid nginx.pid; error_log error.log warn;
        events {{ worker_connections {files}; multi_accept on; }}
        http {{
            access_log off; tcp_nodelay on;
            client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            upstream provider {{ server 127.0.0.1:{provider}; keepalive 64; }}
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
        text = self.CONFIGURATION.format(files=STREAM_LIMIT, provider=self.provider.port, port=self.port)
        (folder / "nginx.conf").write_text(text)
        return ["nginx", "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]

    def working_pids(self):
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Medstream(Target):
    """The release server on one thread, with the mock as its provider."""

    name = "medstream"
    ready_path = "/readyz"

    CONFIGURATION = """\
include: {defaults}
server:
  port: {port}
  threads: 1
  max_connections: {limit}
  max_connections_per_address: {limit}
logs: {{ level: warning, access: false }}
streaming:
  retention: 1s
  idle_timeout: 1h
  on_detach: cancel
  detach_grace: 0s
  log: {{ events: 100000, bytes: 64MiB, total_bytes: 4GiB }}
  max_text: 64MiB
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
            defaults=Path("config/medstream.yaml").resolve(), port=self.port, limit=STREAM_LIMIT, provider=self.provider.port, model=self.model))
        return [os.environ.get("MEDSTREAM_SERVER", ".build/release/medstream-server"), "--config", str(path)]

    def request(self):
        return ["--port", str(self.port), "--path", "/api/v1/chat/stream?message=hello"]


TARGETS = {kind.name: kind for kind in (Direct, Nginx, Medstream)}
