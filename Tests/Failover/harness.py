"""The server between a provider that fails on purpose and the two interfaces through which it is asked."""

import http.client
import itertools
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("MEDSTREAM_SERVER", str(ROOT / ".build/debug/medstream-server"))
PROVIDER = ROOT / "Tests/FaultProvider/fault_provider.py"
QUESTION = "What should I know of a racing heart?"

sys.path.insert(0, str(PROVIDER.parent))
from fault_provider import TEXT, TOKENS  # noqa: E402, F401

# What a busy machine may add to a wait.
SLACK = 1.5


class FaultProvider:
    """The fault-injecting provider as a process of its own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, str(PROVIDER), "--port", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def requests(self, model: str = "") -> list[dict]:
        """What was asked of the model, in order; of all models, when none is named."""
        query = f"?model={urllib.parse.quote(model, safe='')}" if model else ""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", f"/admin/requests{query}")
        try:
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Medstream:
    """`medstream-server` with a configuration of the test's; what it logs is kept in a file beside that."""

    def __init__(self, configuration: dict, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "medstream.yaml"
        usual = {"server": {"port": 0, "threads": 1}, "logs": {"level": "info", "access": False},
                 "data_directory": "data"}
        # JSON is YAML.
        file.write_text(json.dumps({**usual, **configuration}, indent=1))
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [SERVER, "--config", str(file)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                text=True)
        lines: queue.Queue[str] = queue.Queue()
        output = itertools.chain(self.process.stdout, [""])
        threading.Thread(target=lambda: [lines.put(line) for line in output], daemon=True).start()
        ready = re.search(r"http://[\w.]+:(\d+)", lines.get(timeout=30))
        assert ready, f"the server did not start: {self.log.read_text()}"
        self.port = int(ready.group(1))

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()

    def call(self, method: str, path: str, body: dict | None = None, accept: str = "application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=100)
        connection.request(
            method, path, json.dumps(body) if body else None, {"Content-Type": "application/json", "Accept": accept})
        return connection.getresponse()

    # The ways in which a question is asked.

    def panel(self, route: str = "chat", question: str = QUESTION) -> "Answer":
        """Through our own events."""
        answer = Answer("panel")
        response = self.call(
            "POST", "/api/v1/chat/messages", {"message": question, "stage": route}, "text/event-stream")
        answer.take_head(response)
        if response.status != 200:
            answer.error = json.loads(response.read())
            return answer.ended()
        for event in events(response):
            answer.events.append(event)
            kind, facts = event["type"], event.get("metadata", {})
            if kind == "content_chunk" and event["panel"] == "chat":
                answer.add(event["content"])
            elif kind == "retract" and event.get("panel") == "chat":
                answer.withdrawn.append(answer.text)
                assert facts.get("span", {"start": 0})["start"] == 0, "all of it is withdrawn"
                answer.text = ""
            elif kind == "splice":
                answer.splices.append({"shown": answer.text, **facts})
            elif kind == "error":
                answer.error = {"code": facts["error_code"], "retry": facts["retry_available"]}
            elif kind == "stream_done":
                answer.facts, answer.outcome = facts, facts["outcome"]
        # What the record holds is what was shown.
        conversation = answer.events[0]["metadata"]["conversation_id"]
        rows = json.loads(self.call("GET", f"/api/v1/conversations/{conversation}/messages").read())
        rows = rows if isinstance(rows, list) else rows["messages"]
        answer.row = [row for row in rows if row["role"] == "assistant"][-1]
        return answer.ended()

    def v1(self, route: str, question: str = QUESTION) -> "Answer":
        """Through Chat Completions, streamed."""
        answer = Answer("v1")
        response = self.call("POST", "/v1/chat/completions", {
            "model": route, "stream": True, "messages": [{"role": "user", "content": question}],
            "stream_options": {"include_usage": True}}, "text/event-stream")
        answer.take_head(response)
        if response.status != 200:
            answer.error = json.loads(response.read())["error"]
            return answer.ended()
        for event in events(response):
            answer.events.append(event)
            if event == "[DONE]":
                answer.done = True
            elif "error" in event:
                answer.error = event["error"]
            elif event["choices"]:
                choice = event["choices"][0]
                answer.add(choice["delta"].get("content") or "")
                answer.finish = choice.get("finish_reason") or answer.finish
        return answer.ended()

    def whole(self, route: str, question: str = QUESTION) -> "Answer":
        """Through Chat Completions, at once."""
        answer = Answer("whole")
        response = self.call("POST", "/v1/chat/completions", {
            "model": route, "messages": [{"role": "user", "content": question}]})
        answer.take_head(response)
        body = json.loads(response.read())
        if response.status != 200:
            answer.error = body["error"]
        else:
            answer.add(body["choices"][0]["message"]["content"])
            answer.finish, answer.done = body["choices"][0]["finish_reason"], True
        return answer.ended()

    def twin(self, route: str = "chat", question: str = QUESTION) -> "Answer":
        """Through our own call, at once."""
        answer = Answer("twin")
        response = self.call("POST", "/api/v1/chat/messages?wait=true", {"message": question, "stage": route})
        answer.take_head(response)
        body = json.loads(response.read())
        if response.status != 200:
            answer.error = body
        else:
            answer.row = body["message"]
            answer.add(answer.row["content"])
            answer.done, answer.finish = True, {"complete": "stop"}.get(answer.row["outcome"])
        return answer.ended()


@dataclass
class Answer:
    """What a client got."""

    way: str
    text: str = ""
    status: int = 0
    headers: dict = field(default_factory=dict)
    error: dict | None = None
    events: list = field(default_factory=list)
    # Of our own events.
    outcome: str | None = None
    facts: dict = field(default_factory=dict)
    row: dict = field(default_factory=dict)
    splices: list[dict] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    # Of Chat Completions.
    finish: str | None = None
    done: bool = False
    began: float = field(default_factory=time.monotonic)
    first: float | None = None
    seconds: float = 0

    def take_head(self, response):
        self.status, self.headers = response.status, {name.lower(): value for name, value in response.getheaders()}

    def add(self, text: str):
        if text and self.first is None:
            self.first = time.monotonic() - self.began
        self.text += text

    def ended(self) -> "Answer":
        self.seconds = time.monotonic() - self.began
        return self

    def is_complete(self) -> bool:
        """Whether the client was told that this is the whole answer."""
        if self.way == "panel":
            return self.outcome == "complete" and self.error is None
        return self.status == 200 and self.finish == "stop" and self.done and self.error is None

    def summary(self) -> str:
        """For a failure's message."""
        return (
            f"{self.way}: status {self.status}, outcome {self.outcome}, finish {self.finish}, done {self.done}, error "
            f"{self.error}, splices {self.splices}, withdrawn {len(self.withdrawn)}, {self.seconds:.2f} s, facts "
            f"{self.facts}, text {self.text!r}")


def events(response):
    """The data of server-sent events, read as JSON where they are; a stream that breaks off just ends."""
    data = []
    try:
        for line in response:
            line = line.decode().rstrip("\r\n")
            if line.startswith("data:"):
                data.append(line.removeprefix("data:").removeprefix(" "))
            elif not line and data:
                text = "\n".join(data)
                yield json.loads(text) if text.startswith("{") else text
                data = []
    except (http.client.IncompleteRead, ConnectionError):
        pass


def provider(fault: FaultProvider, model: str, **settings) -> dict:
    """An entry below `providers:` that leads to the fault provider, with retries quick enough for a test."""
    return {
        "kind": "openai_compatible", "base_url": fault.url, "model": model, "prefill": True,
        "retry": {"tries": 3, "base": "200ms", "cap": "1s", "total": "20s"},
        "timeouts": {"first_token": "1s", "first_byte": "2s", "idle": "2s"}, **settings}
