"""A peer that takes the place of a provider and keeps what it is sent, and the product that asks it."""

import contextlib
import http.server
import json
import os
import queue
import re
import subprocess
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("MEDSTREAM_SERVER", str(ROOT / ".build/debug/medstream-server"))
CLIENT = str(Path(SERVER).with_name("medstream"))

SYSTEM = "You answer briefly."
FIRST = "Is 39 °C \"high\"?\nI have a fever."
ANSWER = "Yes, it is."
SECOND = "And 40 😀?"


class Recorder(http.server.ThreadingHTTPServer):
    """Keeps each request as (path, headers, body); `answer` makes (media type, bytes) of the path and the body."""

    def __init__(self, answer):
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.seen.append((handler.path, handler.headers, body))
                media_type, reply = answer(handler.path, body)
                handler.send_response(200)
                handler.send_header("Content-Type", media_type)
                handler.send_header("Content-Length", str(len(reply)))
                handler.end_headers()
                handler.wfile.write(reply)

            def log_message(handler, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def configuration(folder: Path, provider: str) -> Path:
    """A configuration whose only provider is `main`; `provider` is its entry, in YAML."""
    (folder / "chat.md").write_text(SYSTEM)
    file = folder / "medstream.yaml"
    lines = "".join(f"    {line}\n" for line in provider.strip("\n").splitlines())
    file.write_text(
        "server: { port: 0 }\ndata_directory: data\nlogs: { level: warning }\nchat: { prompts: { chat: chat.md } }\n"
        f"routes: {{ chat: [main], onboarding: [main] }}\nproviders:\n  main:\n{lines}")
    return file


@contextlib.contextmanager
def running(file: Path, secrets: list[str]):
    """The server with that configuration; gives its URL. At the end no secret and no message is in its log."""
    process = subprocess.Popen(
        [SERVER, "--config", str(file)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
    try:
        yield re.search(r"http://[\w.]+:\d+", lines.get(timeout=30)).group(0)
    finally:
        process.terminate()
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    assert not any(secret in errors for secret in [*secrets, "fever"])


def ask(server: str, message: str, streams: bool, conversation: str | None = None) -> dict:
    """Asks the product and waits for its whole answer."""
    body = {"message": message, **({"conversation_id": conversation} if conversation else {})}
    request = urllib.request.Request(
        f"{server}/api/v1/chat/messages{'' if streams else '?wait=true'}", json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "text/event-stream" if streams else "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        text = reply.read().decode()
    return json.loads(text) if not streams else {"events": text}


def converse(server: str, streams: bool) -> None:
    """Two questions in one conversation, the second streamed or not: both are answered as the recorder does."""
    first = ask(server, FIRST, streams=False)
    assert first["message"]["content"] == ANSWER
    again = ask(server, SECOND, streams, first["conversation_id"])
    if streams:
        events = [json.loads(line[6:]) for line in again["events"].splitlines() if line.startswith("data: ")]
        pieces = [e["content"] for e in events if e["type"] == "content_chunk" and e["panel"] == "chat"]
        assert "".join(pieces) == ANSWER and events[-1]["metadata"]["outcome"] == "complete"
    else:
        assert again["message"]["content"] == ANSWER


def attempt(file: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`medstream providers try main …` with that configuration."""
    return subprocess.run(
        [CLIENT, "providers", "try", "main", *arguments, "--config", str(file)], stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60)
