"""A real server, a real browser, and a wire between them that can be cut."""

import os
import queue
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("MEDSTREAM_SERVER", str(ROOT / ".build/debug/medstream-server"))
START_SECONDS = 30

# A busy machine is slow, not wrong.
expect.set_options(timeout=20_000)


class Server:
    """`medstream-server` on a free port, with the shipped configuration."""

    def __init__(self, *settings: str):
        self.data = tempfile.TemporaryDirectory()
        usual = ("server.port=0", "logs.level=warning", f"data_directory={self.data.name}")
        arguments = [part for setting in (*usual, *settings) for part in ("--set", setting)]
        self.process = subprocess.Popen(
            [SERVER, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=lambda: [lines.put(line) for line in self.process.stdout], daemon=True).start()
        ready = re.search(r"http://([\w.]+):(\d+)", lines.get(timeout=START_SECONDS))
        self.port = int(ready.group(2))
        self.url = ready.group(0)

    def stop(self) -> int:
        """Asks the server to end; answers its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self.data.cleanup()


class Wire:
    """A TCP proxy on a port of its own: `cut` breaks what is open and refuses what comes, until `restore`."""

    def __init__(self, target: int):
        self.target = target
        self.is_cut = False
        self.lock = threading.Lock()
        self.sockets: set[socket.socket] = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self.lock:
            self.is_cut = True
            for end in self.sockets:
                # Wakes the thread that reads from it, which a plain close does not.
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def restore(self) -> None:
        self.is_cut = False

    def close(self) -> None:
        self.cut()
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.target))
            with self.lock:
                self.sockets |= {near, far}
            threading.Thread(target=self._pump, args=(near, far), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        with self.lock:
            self.sockets -= {source, sink}
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


@pytest.fixture(scope="session")
def server():
    running = Server()
    yield running
    assert running.stop() == 0, "the server did not end cleanly"


@pytest.fixture(scope="session")
def whole_server():
    """A server whose flags tell pages to ask for whole answers."""
    running = Server("flags.streaming.enabled=false")
    yield running
    assert running.stop() == 0, "the server did not end cleanly"


@pytest.fixture
def wire(server):
    wire = Wire(server.port)
    yield wire
    wire.close()


def launch(playwright):
    """Debian's Chromium without a window."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert program, "no Chromium is installed; Scripts/setup test brings it"
    # Chromium's own sandbox does not start as root, which CI is.
    return playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture(scope="module")
def browser():
    """Ends with the file: Playwright keeps an event loop running, in which other tests can run none of their own."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A page that must end the test without an error of its scripts."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []
