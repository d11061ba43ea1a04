"""The load of whole answers must notice a wrong one, however it arrives."""

import json
import shutil
import socketserver
import subprocess
import threading
from pathlib import Path

import pytest
from test_load import CELLS, ROOT

TEXT = "".join(CELLS)


def answer(text: str, status: str = "200 OK", is_chunked: bool = False, piece: int = 100, **how) -> bytes:
    body = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}, **how).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
    if not is_chunked:
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    parts = [body[start : start + piece] for start in range(0, len(body), piece)] + [b""]
    return f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts)


GOOD = {
    "with a length": answer(TEXT),
    "without spaces": answer(TEXT, separators=(",", ":")),
    "in chunks": answer(TEXT, is_chunked=True),
    "in tiny chunks": answer(TEXT, is_chunked=True, piece=1),
}
BAD = {
    "a lost chunk": (answer(TEXT.replace(CELLS[7], "")), "text differs"),
    "a doubled chunk": (answer(TEXT.replace(CELLS[7], CELLS[7] * 2)), "text differs"),
    "a changed letter": (answer(TEXT.replace(CELLS[7], CELLS[7].replace("a", "b", 1))), "text differs"),
    "a lost end": (answer(TEXT[:-10]), "text differs"),
    "more at the end": (answer(TEXT + "!"), "goes on"),
    "no text": (answer("").replace(b'"content"', b'"nothing"'), "no content"),
    "another status": (answer(TEXT, status="503 Service Unavailable"), "refused"),
    "two answers to one question": (answer(TEXT) * 2, "more than one"),
    "a closed connection": (answer(TEXT)[:-5], "closed"),
}


@pytest.fixture(scope="session")
def requests(tmp_path_factory):
    program = tmp_path_factory.mktemp("bench") / "requests"
    compiler = shutil.which("cc") or shutil.which("clang")
    subprocess.run([compiler, "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, ROOT / "Bench/requests.c"], check=True)
    return program


def run(requests: Path, answer: bytes, piece: int, *options: str) -> subprocess.CompletedProcess:
    """Serves the answer in pieces to every request; one that is cut off closes its connection."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                self.rfile.read(2)
                for start in range(0, len(answer), piece):
                    self.wfile.write(answer[start : start + piece])
                if b"Length" in answer and not answer.endswith(b"}"):
                    return

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # the load ends with requests under way
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            return subprocess.run(
                [requests, "--port", str(server.server_address[1]), "--path", "/", "--body", "{}", "--connections", "3",
                 "--cells", str(len(CELLS)), "--warm", "0", "--window", "0.5", *options],
                capture_output=True, text=True, timeout=30)
        finally:
            server.shutdown()


@pytest.mark.parametrize("piece", [7, 65536])
@pytest.mark.parametrize("answer", GOOD.values(), ids=GOOD.keys())
def test_a_right_answer_is_counted_however_it_comes(requests, answer, piece):
    result = run(requests, answer, piece)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["requests"] > 3


@pytest.mark.parametrize("answer, complaint", BAD.values(), ids=BAD.keys())
def test_a_wrong_answer_is_noticed(requests, answer, complaint):
    result = run(requests, answer, 65536)
    assert result.returncode == 1
    assert complaint in result.stderr


def test_a_rate_is_kept(requests):
    result = run(requests, GOOD["with a length"], 65536, "--rate", "40")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["requests"] <= 22
