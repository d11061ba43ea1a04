"""The benchmark's load must notice every way in which text can go wrong, or its green means nothing."""

import json
import shutil
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def cell(sequence: int, time: int = 123_456) -> str:
    """The text of one chunk, as Bench/cell.h describes it."""

    def letters(value: int, count: int) -> str:
        return "".join(chr(97 + value // 26**place % 26) for place in reversed(range(count)))

    text = letters(time, 5) + letters(sequence, 3)
    check = 0
    for letter in text.encode():
        check = (check * 31 + letter) % 2**32
    return text + chr(97 + check % 26) + " "


def ours(text: str) -> str:
    event = {"type": "content_chunk", "panel": "chat", "stage": "chat", "content": text, "metadata": {"chunk_index": 0}}
    return "id: 1-1\ndata: " + json.dumps(event, separators=(",", ":")) + "\n\n"


def theirs(text: str) -> str:
    event = {"choices": [{"index": 0, "delta": {"content": text}}]}
    return "data: " + json.dumps(event, separators=(",", ":")) + "\n\n"


DONE = 'data: {"type":"stream_done","content":"","metadata":{"outcome":"complete"}}\n\n'
CELLS = [cell(number) for number in range(40)]
WHOLE = "".join(map(ours, CELLS)) + DONE

GOOD = {
    "our events": WHOLE,
    "a provider's chunks": "".join(map(theirs, CELLS)) + "data: [DONE]\n\n",
    "text cut elsewhere": "".join(ours(c) for c in "".join(CELLS)) + DONE,
    "one large event": ours("".join(CELLS)) + DONE,
    "comments and other events": ": hello\n\n" + 'data: {"type":"progress","content":"half"}\n\n' + WHOLE,
}
BAD = {
    "a lost chunk": (WHOLE.replace(ours(CELLS[7]), ""), "differs at chunk 7"),
    "a doubled chunk": (WHOLE.replace(ours(CELLS[7]), ours(CELLS[7]) * 2), "differs at chunk 8"),
    "two chunks swapped": (WHOLE.replace(ours(CELLS[7]) + ours(CELLS[8]), ours(CELLS[8]) + ours(CELLS[7])), "chunk 7"),
    "a changed letter": (WHOLE.replace(CELLS[7], CELLS[7].replace("a", "b", 1)), "differs at chunk 7"),
    "a lost character": (WHOLE.replace(CELLS[7], CELLS[7][:-1]), "differs at chunk 7"),
    "a lost end": ("".join(map(ours, CELLS[:-1])) + DONE, "39 chunks of 40"),
    "half a chunk at the end": ("".join(map(ours, CELLS)) + ours("abc") + DONE, "a cut chunk"),
    "no terminal event": ("".join(map(ours, CELLS)), "no terminal event"),
    "an error event": (WHOLE.replace(ours(CELLS[7]), 'data: {"type":"error","content":"no"}\n\n'), "should not be"),
    "a turn that failed": (WHOLE.replace('"complete"', '"failed"'), "ended with"),
}


@pytest.fixture(scope="session")
def load(tmp_path_factory):
    program = tmp_path_factory.mktemp("bench") / "load"
    compiler = shutil.which("cc") or shutil.which("clang")
    subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, ROOT / "Bench/load.c"], check=True)
    return program


def run(load: Path, body: str, piece: int, is_cut: bool = False) -> subprocess.CompletedProcess:
    """Serves the body in HTTP chunks of `piece` bytes to one stream of the load."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in range(0, len(body), piece):
                part = body[start : start + piece].encode()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            if not is_cut:
                self.wfile.write(b"0\r\n\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            return subprocess.run(
                [load, "--port", str(server.server_address[1]), "--path", "/", "--streams", "1", "--complete", "40",
                 "--window", "10"], capture_output=True, text=True, timeout=30)
        finally:
            server.shutdown()


@pytest.mark.parametrize("piece", [1, 7, 4096])
@pytest.mark.parametrize("body", GOOD.values(), ids=GOOD.keys())
def test_whole_text_is_accepted_however_it_is_cut(load, body, piece):
    result = run(load, body, piece)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["chunks"] == 40


@pytest.mark.parametrize("body, complaint", BAD.values(), ids=BAD.keys())
def test_wrong_text_is_noticed(load, body, complaint):
    result = run(load, body, 50)
    assert result.returncode == 1
    assert complaint in result.stderr


def test_a_cut_response_is_noticed(load):
    result = run(load, "".join(map(ours, CELLS[:20])), 50, is_cut=True)
    assert result.returncode == 1
    assert "no terminal event" in result.stderr


@pytest.mark.parametrize("later, status", [("".join(map(ours, CELLS[20:])), 0), ("", 1)], ids=["more text", "nothing"])
def test_a_slow_reader_must_get_something_when_it_reads_on(load, later, status):
    is_stopped = threading.Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + ours(CELLS[0]).encode())
            is_stopped.wait(30)
            self.wfile.write("".join(map(ours, CELLS[1:20])).encode() * bool(later) + later.encode())
            self.rfile.read()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        process = subprocess.Popen(
            [load, "--port", str(server.server_address[1]), "--path", "/", "--streams", "1", "--slow", "1", "--warm", "0",
             "--window", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        process.stdout.readline()
        is_stopped.set()
        faults = process.communicate(timeout=30)[1]
        server.shutdown()
    assert process.returncode == status, faults
    assert ("got nothing" in faults) == bool(status)
