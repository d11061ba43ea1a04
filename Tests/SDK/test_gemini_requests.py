"""What the product sends to Gemini, judged by the request models of Google's own SDK."""

import http.server
import json
import os
import queue
import re
import subprocess
import threading
import urllib.request
from pathlib import Path

import pytest
from google.genai import types
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("MEDSTREAM_SERVER", str(ROOT / ".build/debug/medstream-server"))
KEY = "not-a-real-key"

ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Yes, it is."}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 4, "totalTokenCount": 9},
    "modelVersion": "kestrel-2-pro",
}

SETTINGS = {
    "plain": "",
    "everything": """
    parameters:
      temperature: 0.2
      top_p: 0.9
      presence_penalty: -0.5
      frequency_penalty: 0.5
      max_output_tokens: 1024
      stop: [END, "---"]
      seed: 7
      reasoning_effort: low
    thinking:
      include_thoughts: true
    safety:
      harassment: off
      hate_speech: block_none
      sexually_explicit: block_only_high
      dangerous_content: block_medium_and_above
      civic_integrity: block_low_and_above
""",
    "budget": """
    thinking:
      budget: -1
      include_thoughts: false
""",
}


class Request(BaseModel):
    """The body of `generateContent`, its parts being the SDK's models, which know no other member than their own.

    `GenerationConfig` lacks nothing that we send; `systemInstruction` and `safetySettings` stand beside it on the wire.
    """

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    contents: list[types.Content]
    system_instruction: types.Content | None = None
    generation_config: types.GenerationConfig | None = None
    safety_settings: list[types.SafetySetting] | None = None


class Recorder(http.server.ThreadingHTTPServer):
    """Takes the place of Google: keeps each request and gives the same answer."""

    def __init__(self):
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                body = handler.rfile.read(int(handler.headers["Content-Length"]))
                self.seen.append((handler.path, handler.headers, body))
                streams = "alt=sse" in handler.path
                text = json.dumps(ANSWER)
                reply = (f"data: {text}\r\n\r\n" if streams else text).encode()
                handler.send_response(200)
                handler.send_header("Content-Type", "text/event-stream" if streams else "application/json")
                handler.send_header("Content-Length", str(len(reply)))
                handler.end_headers()
                handler.wfile.write(reply)

            def log_message(handler, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def ask(server: str, message: str, streams: bool, conversation: str | None = None) -> dict:
    """Asks the product and waits for its whole answer."""
    body = {"message": message, **({"conversation_id": conversation} if conversation else {})}
    request = urllib.request.Request(
        f"{server}/api/v1/chat/messages{'' if streams else '?wait=true'}", json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "text/event-stream" if streams else "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        text = reply.read().decode()
    return json.loads(text) if not streams else {"events": text}


@pytest.fixture(params=SETTINGS, scope="module")
def product(request, tmp_path_factory):
    """The server with a provider of kind `gemini` that it takes for Google, and what was sent there."""
    recorder = Recorder()
    folder = tmp_path_factory.mktemp("gemini")
    (folder / "chat.md").write_text("You answer briefly.")
    (folder / "medstream.yaml").write_text(
        f"""
server: {{ port: 0 }}
logs: {{ level: warning }}
chat: {{ prompts: {{ chat: chat.md }} }}
routes: {{ chat: [main], onboarding: [main] }}
providers:
  main:
    kind: gemini
    base_url: http://127.0.0.1:{recorder.server_port}/v1beta
    model: kestrel-2-pro
    api_key: {KEY}
{SETTINGS[request.param]}""")
    process = subprocess.Popen(
        [SERVER, "--config", str(folder / "medstream.yaml")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
    ready = re.search(r"http://[\w.]+:\d+", lines.get(timeout=30))
    yield request.param, ready.group(0), recorder.seen
    process.terminate()
    errors = process.communicate(timeout=30)[1]
    recorder.shutdown()
    assert process.returncode == 0
    assert KEY not in errors and "fever" not in errors


def accepted(body: bytes) -> Request:
    """The body as the SDK reads it; what it would not have written itself fails."""
    request = Request.model_validate_json(body)
    again = request.model_dump(by_alias=True, exclude_none=True, mode="json")
    assert again == json.loads(body)
    # The SDK lets through words that it does not know as new ones; ours are to be those it has.
    for setting in request.safety_settings or []:
        assert setting.category in list(types.HarmCategory) and setting.threshold in list(types.HarmBlockThreshold)
    thinking = request.generation_config and request.generation_config.thinking_config
    if thinking and thinking.thinking_level:
        assert thinking.thinking_level in list(types.ThinkingLevel)
    return request


@pytest.mark.parametrize("streams", [True, False])
def test_requests_are_those_of_the_sdk(product, streams):
    name, server, seen = product
    seen.clear()
    first = ask(server, "Is 39 °C \"high\"?\nI have a fever.", streams=False)
    conversation = first["conversation_id"]
    ask(server, "And 40 😀?", streams, conversation)
    assert len(seen) == 2
    path, headers, body = seen[1]
    method = "streamGenerateContent?alt=sse" if streams else "generateContent"
    assert path == f"/v1beta/models/kestrel-2-pro:{method}"
    assert headers["x-goog-api-key"] == KEY and headers["Content-Type"] == "application/json"
    assert "authorization" not in headers and KEY.encode() not in body
    request = accepted(body)
    assert [content.role for content in request.contents] == ["user", "model", "user"]
    assert [content.parts[0].text for content in request.contents] == [
        "Is 39 °C \"high\"?\nI have a fever.", "Yes, it is.", "And 40 😀?"]
    assert request.system_instruction.parts[0].text == "You answer briefly."
    sent = request.generation_config
    if name == "plain":
        assert sent is None and request.safety_settings is None
    if name == "everything":
        assert sent.max_output_tokens == 1024 and sent.stop_sequences == ["END", "---"] and sent.seed == 7
        assert sent.thinking_config.thinking_level == types.ThinkingLevel.LOW
        assert len(request.safety_settings) == 5
    if name == "budget":
        assert sent.thinking_config == types.ThinkingConfig(thinking_budget=-1, include_thoughts=False)


@pytest.mark.parametrize("member", ["role", "generationConfig.top_k_", "safetySettings", "contents.0.text"])
def test_the_judge_is_strict(member):
    """What Google does not know must not pass, or the test above would show nothing."""
    body = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}], "generationConfig": {"seed": 1}}
    accepted(json.dumps(body).encode())
    place, *rest = (int(part) if part.isdigit() else part for part in member.split("."))
    if rest:
        inner = body[place]
        for part in rest[:-1]:
            inner = inner[part]
        inner[rest[-1]] = "x"
    else:
        body[place] = [{"category": "HARM_CATEGORY_WEATHER", "threshold": "OFF"}]
    with pytest.raises((ValueError, AssertionError)):
        accepted(json.dumps(body).encode())
