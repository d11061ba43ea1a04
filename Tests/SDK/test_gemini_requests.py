"""What the product sends to Gemini, judged by the request models of Google's own SDK."""

import json

import pytest
from google.genai import types
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from recorded import ANSWER, FIRST, SECOND, SYSTEM, Recorder, configuration, converse, running

KEY = "not-a-real-key"

REPLY = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP"}],
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


def answer(path: str, body: bytes) -> tuple[str, bytes]:
    text = json.dumps(REPLY)
    streams = "alt=sse" in path
    return ("text/event-stream", f"data: {text}\r\n\r\n".encode()) if streams else ("application/json", text.encode())


@pytest.fixture(params=SETTINGS, scope="module")
def product(request, tmp_path_factory):
    """The server with a provider of kind `gemini` that it takes for Google, and what was sent there."""
    recorder = Recorder(answer)
    entry = f"kind: gemini\nbase_url: {recorder.url}/v1beta\nmodel: kestrel-2-pro\napi_key: {KEY}"
    file = configuration(tmp_path_factory.mktemp("gemini"), entry + SETTINGS[request.param])
    with running(file, [KEY]) as server:
        yield request.param, server, recorder.seen
    recorder.shutdown()


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
    converse(server, streams)
    assert len(seen) == 2
    path, headers, body = seen[1]
    method = "streamGenerateContent?alt=sse" if streams else "generateContent"
    assert path == f"/v1beta/models/kestrel-2-pro:{method}"
    assert headers["x-goog-api-key"] == KEY and headers["Content-Type"] == "application/json"
    assert "authorization" not in headers and KEY.encode() not in body
    request = accepted(body)
    assert [content.role for content in request.contents] == ["user", "model", "user"]
    assert [content.parts[0].text for content in request.contents] == [FIRST, ANSWER, SECOND]
    assert request.system_instruction.parts[0].text == SYSTEM
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
