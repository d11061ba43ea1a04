"""What the product sends to Amazon Bedrock, judged by the service model and the signer of Amazon's own SDK."""

import datetime
import json
import re
import struct
import zlib

import botocore.auth
import botocore.session
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.validate import ParamValidator
from recorded import ANSWER, FIRST, SECOND, SYSTEM, Recorder, attempt, configuration, converse, running

ID, SECRET, TOKEN, BEARER = "AKIDEXAMPLE", "not-a-real/secret+key", "not-a-real-session-token==", "not-a-real-bearer"
REGION = "eu-central-1"
MODELS = {
    "id": "anthropic.claude-sonnet-4-5-20250929-v1:0",
    "profile": "eu.amazon.nova-pro-v1:0",
    "arn": "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-pro-v1:0",
}
KEYS = f"access_key_id: {ID}\nsecret_access_key: {SECRET}"

SETTINGS = {
    "plain": KEYS,
    "session": f"{KEYS}\nsession_token: {TOKEN}",
    "bearer": f"bearer_token: {BEARER}",
    "everything": f"""{KEYS}
parameters: {{ temperature: 0.2, top_p: 0.9, max_output_tokens: 1024, stop: [END, '---'], reasoning_effort: low }}
guardrail: {{ identifier: gr-1a2b3c, version: '1', stream_mode: async }}
additional_model_request_fields: {{ thinking: {{ type: enabled, budget_tokens: 1024 }}, top_k: 40, x: [1.5, null] }}""",
}

SESSION = botocore.session.Session()
SERVICE = SESSION.get_service_model("bedrock-runtime")
USAGE = {"inputTokens": 5, "outputTokens": 4, "totalTokens": 9}
EVENTS = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": ANSWER}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 1}}),
]


def frame(kind: str, payload: dict) -> bytes:
    """One message of Amazon's event stream."""
    names = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in names.items())
    body = json.dumps(payload).encode()
    start = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = start + struct.pack(">I", zlib.crc32(start)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def answer(path: str, body: bytes) -> tuple[str, bytes]:
    if path.endswith("/converse-stream"):
        return "application/vnd.amazon.eventstream", b"".join(frame(*event) for event in EVENTS)
    message = {"role": "assistant", "content": [{"text": ANSWER}]}
    return "application/json", json.dumps({
        "output": {"message": message}, "stopReason": "end_turn", "usage": USAGE, "metrics": {"latencyMs": 1},
    }).encode()


def entry(recorder: Recorder, model: str, settings: str) -> str:
    return f"kind: bedrock\nregion: {REGION}\nbase_url: {recorder.url}\nmodel: {model}\n{settings}"


@pytest.fixture(params=[(s, "id") for s in SETTINGS] + [("session", "profile"), ("session", "arn")], ids="-".join,
                scope="module")
def product(request, tmp_path_factory):
    """The server with a provider of kind `bedrock` that it takes for Amazon, and what was sent there."""
    settings, model = request.param
    recorder = Recorder(answer)
    file = configuration(tmp_path_factory.mktemp("bedrock"), entry(recorder, MODELS[model], SETTINGS[settings]))
    with running(file, [SECRET, TOKEN, BEARER]) as server:
        yield settings, MODELS[model], server, recorder
    recorder.shutdown()


def accepted(body: bytes, model: str, operation: str) -> dict:
    """The parameters of the call that the body makes; what the service model does not know fails."""
    parameters = {**json.loads(body), "modelId": model}
    report = ParamValidator().validate(parameters, SERVICE.operation_model(operation).input_shape)
    assert not report.has_errors(), report.generate_report()
    return parameters


def sent_by_the_sdk(recorder: Recorder, parameters: dict, operation: str):
    """The request that the SDK itself sends for these parameters."""
    client = SESSION.create_client(
        "bedrock-runtime", region_name=REGION, endpoint_url=recorder.url, aws_access_key_id=ID,
        aws_secret_access_key=SECRET, config=Config(retries={"total_max_attempts": 1}, proxies={}))
    before = len(recorder.seen)
    if operation == "ConverseStream":
        events = list(client.converse_stream(**parameters)["stream"])
        assert [list(event) for event in events] == [[name] for name, _ in EVENTS]
    else:
        assert client.converse(**parameters)["output"]["message"]["content"] == [{"text": ANSWER}]
    return recorder.seen[before]


def signed_by_the_sdk(recorder: Recorder, path: str, headers, body: bytes, token: str | None, monkeypatch) -> str:
    """The authorization that the SDK's signer gives the same request at the same time."""
    moment = datetime.datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *arguments, **named: moment)
    names = re.search(r"SignedHeaders=([\w;-]+)", headers["Authorization"]).group(1).split(";")
    assert {"host", "x-amz-date"} <= set(names) and ("x-amz-security-token" in names) == (token is not None)
    kept = {name: headers[name] for name in names if name not in ("x-amz-date", "x-amz-security-token")}
    request = AWSRequest("POST", recorder.url + path, kept, body)
    botocore.auth.SigV4Auth(Credentials(ID, SECRET, token), "bedrock", REGION).add_auth(request)
    return request.headers["Authorization"]


@pytest.mark.parametrize("operation", ["ConverseStream", "Converse"])
def test_requests_are_those_of_the_sdk(product, operation, monkeypatch):
    settings, model, server, recorder = product
    recorder.seen.clear()
    converse(server, operation == "ConverseStream")
    path, headers, body = recorder.seen[1]
    parameters = accepted(body, model, operation)
    expected_path, expected_headers, expected_body = sent_by_the_sdk(recorder, parameters, operation)
    assert path == expected_path
    assert json.loads(body) == json.loads(expected_body)
    assert headers["Content-Type"] == expected_headers["Content-Type"]

    assert parameters["messages"] == [
        {"role": "user", "content": [{"text": FIRST}]}, {"role": "assistant", "content": [{"text": ANSWER}]},
        {"role": "user", "content": [{"text": SECOND}]}]
    assert parameters["system"] == [{"text": SYSTEM}]
    if settings == "everything":
        assert parameters["inferenceConfig"] == {
            "maxTokens": 1024, "temperature": 0.2, "topP": 0.9, "stopSequences": ["END", "---"]}
        assert parameters["outputConfig"] == {"effort": "low"}
        assert parameters["additionalModelRequestFields"] == {
            "thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 40, "x": [1.5, None]}
        mode = {"streamProcessingMode": "async"} if operation == "ConverseStream" else {}
        assert parameters["guardrailConfig"] == {
            "guardrailIdentifier": "gr-1a2b3c", "guardrailVersion": "1", **mode}
    else:
        assert set(parameters) == {"modelId", "messages", "system"}

    if settings == "bearer":
        assert headers["Authorization"] == f"Bearer {BEARER}" and "X-Amz-Date" not in headers
    else:
        token = TOKEN if settings == "session" else None
        assert headers["X-Amz-Security-Token"] == token
        assert headers["Authorization"] == signed_by_the_sdk(recorder, path, headers, body, token, monkeypatch)


def test_no_answer_is_continued(tmp_path):
    recorder = Recorder(answer)
    run = attempt(configuration(tmp_path, entry(recorder, MODELS["id"], KEYS)), FIRST, "--continue", "Well,")
    recorder.shutdown()
    assert run.returncode == 64 and "cannot go on" in run.stderr and recorder.seen == []


@pytest.mark.parametrize("change", [
    {"seed": 1}, {"messages": [{"role": "user", "content": "Hello"}]}, {"messages": [{"role": "user"}]},
    {"messages": [{"role": "user", "content": [{"txt": "Hello"}]}]}, {"inferenceConfig": {"topK": 4}},
    {"inferenceConfig": {"maxTokens": "9"}}, {"guardrailConfig": {"guardrailId": "gr"}}, {"system": "Be brief."},
    {"outputConfig": {"effort": 3}},
], ids=str)
@pytest.mark.parametrize("operation", ["ConverseStream", "Converse"])
def test_the_judge_is_strict(operation, change):
    """What Amazon does not know must not pass, or the test above would show nothing."""
    body = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
    accepted(json.dumps(body).encode(), MODELS["id"], operation)
    with pytest.raises(AssertionError):
        accepted(json.dumps(body | change).encode(), MODELS["id"], operation)
