"""What the product sends to Anthropic, judged by the request types of Anthropic's own SDK."""

import json

import anthropic
import pytest
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming, MessageCreateParamsStreaming
from pydantic import ConfigDict, TypeAdapter, ValidationError
from recorded import ANSWER, FIRST, SECOND, SYSTEM, Recorder, attempt, configuration, converse, running

KEY = "not-a-real-key"
MODEL = "claude-opus-4-5"
STRICT = ConfigDict(extra="forbid", strict=True)
# In a list, since settings for a whole type are no settings of a TypedDict's own, and reach it only from outside.
PARAMS = {
    True: TypeAdapter(list[MessageCreateParamsStreaming], config=STRICT),
    False: TypeAdapter(list[MessageCreateParamsNonStreaming], config=STRICT),
}

SETTINGS = {
    "plain": "",
    "parameters": "parameters: { temperature: 0.2, top_p: 0.9, max_output_tokens: 1024, stop: [END, '---'] }",
    "effort": "parameters: { reasoning_effort: low, max_output_tokens: 100 }",
    "thinking": "thinking: { type: enabled, budget_tokens: 2048, display: summarized }",
    "adaptive": "thinking: { type: adaptive, display: omitted }",
    "no-thinking": "thinking: { type: disabled }",
    "no-prefill": "prefill: false",
}

USAGE = {"input_tokens": 5, "output_tokens": 4}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "stop_sequence": None}
EVENTS = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None, "usage": USAGE}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ANSWER}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
    {"type": "message_stop"},
]


def answer(path: str, body: bytes) -> tuple[str, bytes]:
    if json.loads(body).get("stream"):
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS)
        return "text/event-stream", text.encode()
    content = [{"type": "text", "text": ANSWER}]
    return "application/json", json.dumps(
        {**MESSAGE, "content": content, "stop_reason": "end_turn", "usage": USAGE}).encode()


def entry(recorder: Recorder, settings: str) -> str:
    return f"kind: anthropic\nbase_url: {recorder.url}/v1\nmodel: {MODEL}\napi_key: {KEY}\n{settings}"


@pytest.fixture(params=SETTINGS, scope="module")
def product(request, tmp_path_factory):
    """The server with a provider of kind `anthropic` that it takes for Anthropic, and what was sent there."""
    recorder = Recorder(answer)
    file = configuration(tmp_path_factory.mktemp("anthropic"), entry(recorder, SETTINGS[request.param]))
    with running(file, [KEY]) as server:
        yield request.param, server, recorder
    recorder.shutdown()


def whole(value):
    """The value with every lazy sequence of pydantic's read, which checks its members."""
    if isinstance(value, dict):
        return {name: whole(member) for name, member in value.items()}
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [whole(member) for member in value]


def accepted(body: bytes) -> dict:
    """The body as the SDK's types read it; another member, or a value of another type, fails."""
    request = json.loads(body)
    assert whole(PARAMS[request.get("stream", False)].validate_python([request])) == [request]
    return request


def sent_by_the_sdk(recorder: Recorder, request: dict):
    """The request that the SDK itself sends for these parameters."""
    before = len(recorder.seen)
    with anthropic.Anthropic(api_key=KEY, base_url=recorder.url, max_retries=0) as client:
        made = client.messages.create(**request)
        if request.get("stream"):
            assert [event.type for event in made] == [event["type"] for event in EVENTS]
        else:
            assert made.content[0].text == ANSWER
    return recorder.seen[before]


@pytest.mark.parametrize("streams", [True, False])
def test_requests_are_those_of_the_sdk(product, streams):
    name, server, recorder = product
    recorder.seen.clear()
    converse(server, streams)
    assert len(recorder.seen) == 2
    path, headers, body = recorder.seen[1]
    request = accepted(body)
    expected_path, expected_headers, expected_body = sent_by_the_sdk(recorder, request)
    assert json.loads(expected_body) == request
    assert path == expected_path == "/v1/messages"
    for header in ["x-api-key", "anthropic-version", "content-type"]:
        assert headers[header] == expected_headers[header]
    assert "authorization" not in headers and KEY.encode() not in body
    assert request["messages"] == [
        {"role": "user", "content": FIRST}, {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": SECOND}]
    assert request["system"] == SYSTEM and request["model"] == MODEL
    assert request.get("stream", False) == streams
    members = set(request) - {"model", "system", "messages", "max_tokens", "stream"}
    if name in ("plain", "no-prefill"):
        assert members == set()
    if name == "parameters":
        assert members == {"temperature", "top_p", "stop_sequences"} and request["max_tokens"] == 1024
    if name == "effort":
        assert request["output_config"] == {"effort": "low"}
    if name == "thinking":
        assert request["thinking"] == {"type": "enabled", "budget_tokens": 2048, "display": "summarized"}
        assert request["max_tokens"] > 2048
    if name == "adaptive":
        assert request["thinking"] == {"type": "adaptive", "display": "omitted"}
    if name == "no-thinking":
        assert request["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("settings", ["plain", "thinking"])
def test_an_answer_is_continued_as_the_sdk_would_ask_for_it(tmp_path, settings, streams):
    recorder = Recorder(answer)
    file = configuration(tmp_path, entry(recorder, SETTINGS[settings]))
    run = attempt(file, FIRST, "--continue", "Well,  \n", *([] if streams else ["--batch"]))
    assert (run.returncode, run.stdout) == (0, f"{ANSWER}\n"), run.stderr
    request = accepted(recorder.seen[0][2])
    assert json.loads(sent_by_the_sdk(recorder, request)[2]) == request
    recorder.shutdown()
    # The API refuses white space at the end of a prefill, and thoughts before one.
    assert request["messages"] == [{"role": "user", "content": FIRST}, {"role": "assistant", "content": "Well,"}]
    assert "thinking" not in request


def test_a_model_that_cannot_continue_is_not_asked_to(tmp_path):
    recorder = Recorder(answer)
    run = attempt(configuration(tmp_path, entry(recorder, SETTINGS["no-prefill"])), FIRST, "--continue", "Well,")
    recorder.shutdown()
    assert run.returncode == 64 and "cannot go on" in run.stderr and recorder.seen == []


@pytest.mark.parametrize("change", [
    {"seed": 1}, {"max_tokens": "9"}, {"thinking": {"type": "enabled", "budget": 2048}},
    {"thinking": {"type": "sometimes"}}, {"output_config": {"effort": "lowest"}}, {"stop_sequences": [1]},
    {"messages": [{"role": "doctor", "content": "Hello"}]}, {"messages": [{"role": "user"}]},
    {"messages": [{"role": "user", "content": "Hello", "name": "x"}]}, {"stream": "yes"},
], ids=str)
def test_the_judge_is_strict(change):
    """What Anthropic does not know must not pass, or the tests above would show nothing."""
    body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    accepted(json.dumps(body).encode())
    with pytest.raises((ValidationError, KeyError)):
        accepted(json.dumps(body | change).encode())
