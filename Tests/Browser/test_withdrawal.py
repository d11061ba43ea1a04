"""Text that a filter forbids after it was shown leaves the page, and does not come back with a reload."""

import http.server
import json
import threading

import pytest
from conftest import Server
from playwright.sync_api import expect

SHOWN = "Take all of the tablets 😀 at once"


class LateFilter(http.server.ThreadingHTTPServer):
    """Azure OpenAI with its asynchronous filter: text at once, and the verdict when the test gives it."""

    def __init__(self):
        self.verdict = threading.Event()

        def event(choice):
            data = json.dumps({"model": "kestrel-2", "choices": [{"index": 0, **choice}]})
            return f"data: {data}\n\n".encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                handler.rfile.read(int(handler.headers["Content-Length"]))
                handler.send_response(200)
                handler.send_header("Content-Type", "text/event-stream")
                handler.end_headers()
                handler.wfile.write(event({"delta": {"content": SHOWN}, "finish_reason": None}))
                self.verdict.wait(60)
                handler.wfile.write(event({
                    "finish_reason": "content_filter",
                    "content_filter_results": {"self_harm": {"filtered": True, "severity": "high"}},
                    "content_filter_offsets": {"check_offset": 44, "start_offset": 44, "end_offset": 90}}))
                handler.wfile.write(b"data: [DONE]\n\n")

            def log_message(handler, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def azure():
    upstream = LateFilter()
    entry = f"kind: azure_openai, endpoint: 'http://127.0.0.1:{upstream.server_port}', deployment: kestrel, api_key: none"
    server = Server(f"providers.azure={{{entry}}}", "routes.chat=[azure]")
    yield upstream, server
    upstream.verdict.set()
    assert server.stop() == 0
    upstream.shutdown()


def test_text_is_withdrawn(azure, page):
    upstream, server = azure
    page.goto(server.url)
    page.fill("#text", "How many?")
    page.press("#text", "Enter")
    chat = page.locator("#messages article .chat")
    expect(chat).to_have_text(SHOWN)
    upstream.verdict.set()
    expect(chat).to_have_text("")
    expect(page.locator("#messages article .note")).to_contain_text("filter")
    page.reload()
    expect(page.locator("#messages article .note")).to_contain_text("blocked")
    expect(page.locator("body")).not_to_contain_text("tablets")
