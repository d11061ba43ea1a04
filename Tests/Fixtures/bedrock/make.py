#!/usr/bin/env python3
"""Writes the answers, messages and signatures of this folder, which are bytes that nobody types.

Made without the code under test: `struct`, `zlib` and `hmac` alone. Patients, models and keys are invented.
"""

import hashlib
import hmac
import json
import pathlib
import struct
import zlib
from urllib.parse import quote

HERE = pathlib.Path(__file__).parent
STREAM = "application/vnd.amazon.eventstream"


def text(value):
    data = value.encode()
    return b"\x07" + struct.pack(">H", len(data)) + data


def message(headers, payload=b"", spoil_prelude=False, spoil_message=False):
    """One message; `headers` are pairs of a name and a value as it stands on the wire, or such bytes."""
    if not isinstance(headers, bytes):
        headers = b"".join(bytes([len(name)]) + name.encode() + value for name, value in headers)
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    prelude += struct.pack(">I", zlib.crc32(prelude) ^ spoil_prelude)
    whole = prelude + headers + payload
    return whole + struct.pack(">I", zlib.crc32(whole) ^ spoil_message)


def event(kind, **payload):
    headers = [(":event-type", text(kind)), (":content-type", text("application/json")), (":message-type", text("event"))]
    return message(headers, json.dumps(payload, ensure_ascii=False).encode())


def exception(kind, **payload):
    headers = [(":exception-type", text(kind)), (":message-type", text("exception"))]
    return message(headers, json.dumps(payload).encode())


def start():
    return event("messageStart", role="assistant", p="abcdefgh")


def delta(index, padding="abc", **content):
    return event("contentBlockDelta", contentBlockIndex=index, delta=content, p=padding)


def block(index, *pieces):
    return b"".join(delta(index, text=piece) for piece in pieces) + event("contentBlockStop", contentBlockIndex=index)


def stop(reason):
    return event("messageStop", stopReason=reason)


def metadata(read, written, **more):
    usage = {"inputTokens": read, "outputTokens": written, "totalTokens": read + written, **more}
    usage["totalTokens"] += more.get("cacheReadInputTokens", 0) + more.get("cacheWriteInputTokens", 0)
    return event("metadata", usage=usage, metrics={"latencyMs": 311})


def answer(blocks, reason, usage=None):
    body = {"output": {"message": {"role": "assistant", "content": blocks}}, "stopReason": reason}
    return json.dumps({**body, **({"usage": usage} if usage else {})}, ensure_ascii=False).encode()


def expected(text="", reasoning="", finish=None, usage=None):
    names = ("input", "output", "total", "reasoning", "cached_input")
    counts = dict(zip(names, usage)) if usage else None
    return {"text": text, "reasoning": reasoning, "finish": finish, "usage": counts, "model": None}


DOSE = ["Take ", "5 mg ", "bisoprolol – once", " a day. 体温 ", "😀"]
EVERY_TYPE = [
    ("yes", b"\x00"), ("no", b"\x01"), ("byte", b"\x02\xcf"), ("short", b"\x03\x00\x2a"),
    ("int", b"\x04\x00\x00\xa0\x0c"), ("long", b"\x05" + bytes(8)), ("bytes", b"\x06\x00\x03\xff\x00\xfe"),
    ("text", text("ü")), ("time", b"\x08" + bytes(8)), ("uuid", b"\x09" + bytes(range(16))), ("", b"\x00"),
]
BROKEN = start() + block(0, "Half ", "an answer")

BODIES = [
    ("plain.bin", "An answer in one block, usage behind its end.", "complete",
     start() + block(0, *DOSE) + stop("end_turn") + metadata(31, 12),
     expected("".join(DOSE), finish="stop", usage=(31, 12, 43, None, None))),
    ("thinking.bin", "Reasoning with signature and redaction, an empty text, then the answer.", "complete",
     start() + block(0, "") + delta(1, reasoningContent={"text": "The pulse is "})
     + delta(1, reasoningContent={"text": "irregular."}) + delta(1, reasoningContent={"signature": "c2lnbg=="})
     + delta(2, reasoningContent={"redactedContent": "aGlkZGVu"}) + delta(2, reasoningContent={"redactedContent": "eA=="})
     + block(3, "An ECG ", "would help.") + stop("end_turn") + metadata(20, 40),
     expected("An ECG would help.", "The pulse is irregular.", "stop", (20, 40, 60, None, None))),
    ("cached.bin", "What was read from the cache and written to it is input too.", "complete",
     start() + block(0, "Yes.") + stop("stop_sequence")
     + metadata(5, 2, cacheReadInputTokens=100, cacheWriteInputTokens=30),
     expected("Yes.", finish="stop", usage=(135, 2, 137, None, 100))),
    ("guardrail.bin", "A guardrail masked the answer, which is shown.", "blocked",
     start() + block(0, "Call {NAME} ", "at {PHONE}.") + stop("guardrail_intervened") + metadata(9, 8),
     expected("Call {NAME} at {PHONE}.", finish="content_filter", usage=(9, 8, 17, None, None))),
    ("filtered.bin", "The model's own filter.", "blocked", start() + stop("content_filtered") + metadata(9, 0),
     expected(finish="content_filter", usage=(9, 0, 9, None, None))),
    ("length.bin", "The limit of tokens, without metadata.", "complete", start() + block(0, "Drink a") + stop("max_tokens"),
     expected("Drink a", finish="length")),
    ("tools.bin", "A tool that was not offered.", "complete",
     start() + event("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t1", "name": "dose"}})
     + delta(0, toolUse={"input": "{}"}) + event("contentBlockStop", contentBlockIndex=0) + stop("tool_use"),
     expected(finish="tool_calls")),
    ("unknown.bin", "Every type of header, and what is not known: all passed over.", "complete",
     message(EVERY_TYPE, b"\xff{") + message([]) + event("weather", sky="blue") + start()
     + message([(":message-type", text("ping"))], b"{") + delta(0, image="x") + event("contentBlockDelta")
     + block(0, "Yes.") + stop("bored") + event("metadata", usage=None) + event("late"),
     expected("Yes.", finish="other")),
    ("late-text.bin", "What comes behind the end is still read.", "complete",
     start() + stop("end_turn") + delta(0, text="Late.") + metadata(1, 1),
     expected("Late.", finish="stop", usage=(1, 1, 2, None, None))),
    ("no-stop.bin", "The body ends well, the answer does not.", "truncated", BROKEN, expected("Half an answer")),
    ("cut.bin", "The body ends inside a message.", "truncated", BROKEN + stop("end_turn")[:-9], expected("Half an answer")),
    ("empty.bin", "Nothing at all.", "truncated", b"", expected()),
    ("exception.bin", "An exception in mid-answer.", "error",
     BROKEN + exception("throttlingException", message="Wait, Anna."), expected("Half an answer")),
    ("exception-first.bin", "An exception and nothing else.", "error",
     exception("validationException", message="Malformed input."), expected()),
    ("error.bin", "An error that is no exception.", "error",
     start() + message([(":message-type", text("error")), (":error-code", text("Boom")), (":error-message", text("Anna"))]),
     expected()),
    ("bad-prelude.bin", "The checksum of a prelude is wrong.", "error",
     BROKEN + message([], b"{}", spoil_prelude=True), expected("Half an answer")),
    ("bad-message.bin", "The checksum of a message is wrong.", "error",
     BROKEN + message([], b"{}", spoil_message=True) + stop("end_turn"), expected("Half an answer")),
    ("bad-lengths.bin", "Headers longer than their message.", "error",
     BROKEN + struct.pack(">III", 16, 1, zlib.crc32(struct.pack(">II", 16, 1))) + b"\x00" * 4,
     expected("Half an answer")),
    ("bad-short.bin", "A message shorter than its frame.", "error",
     struct.pack(">III", 15, 0, zlib.crc32(struct.pack(">II", 15, 0))) + b"\x00" * 4, expected()),
    ("bad-headers.bin", "A header that ends behind the headers.", "error",
     start() + message(b"\x0d:message-type\x07\x00\x09event"), expected()),
    ("bad-type.bin", "A header of an unknown type.", "error", start() + message(b"\x01x\x0a"), expected()),
    ("bad-utf8.bin", "A name that is no UTF-8.", "error",
     start() + message([(":message-type", b"\x07\x00\x01\xff")]), expected()),
    ("bad-json.bin", "A payload that is no JSON.", "error",
     BROKEN + message([(":message-type", text("event")), (":event-type", text("contentBlockDelta"))], b"{"),
     expected("Half an answer")),
    ("broken-after-end.bin", "The answer is whole, what follows is broken.", "error",
     BROKEN + stop("end_turn") + message([], b"{}", spoil_message=True), expected("Half an answer", finish="stop")),
    ("batch.json", "The same at once, with reasoning.", "complete",
     answer([{"reasoningContent": {"reasoningText": {"text": "Fever since Monday.", "signature": "eA=="}}},
             {"reasoningContent": {"redactedContent": "eA=="}}, {"text": "Drink a lot. 😀"}, {"toolUse": {}}],
            "end_turn", {"inputTokens": 4, "outputTokens": 5, "totalTokens": 9, "cacheReadInputTokens": 0}),
     expected("Drink a lot. 😀", "Fever since Monday.", "stop", (4, 5, 9, None, 0))),
    ("batch-guardrail.json", "A guardrail, without usage.", "blocked",
     answer([{"text": "No."}], "guardrail_intervened"), expected("No.", finish="content_filter")),
    ("batch-cut.json", "Half an object.", "truncated", answer([{"text": "No."}], "end_turn")[:60], expected()),
    ("batch-other.json", "An object that is no answer.", "error", b'{"message":"Hello Anna"}', expected()),
    ("page.html", "A proxy's page.", "error", b"<html>Welcome</html>", expected()),
]
TYPES = {".bin": STREAM, ".json": "application/json", ".html": "text/html; charset=utf-8"}

MODELS = [
    ("a model without a colon", "kestrel-text-v1", "eu-central-1", None),
    ("a model with a colon", "eu.harrier.kestrel-v2:0", "eu-central-1", None),
    ("a session token", "eu.harrier.kestrel-v2:0", "us-west-2", "c2Vzc2lvbg//+invented=="),
    ("an ARN", "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.kestrel-v2:0", "us-east-1", None),
]


def signature(name, model, region, token):
    """A request and its signature, after the description of Signature Version 4."""
    access_key, secret, date = "AKIDINVENTED", "invented/secret+key", "20240229T235959Z"
    host = f"bedrock-runtime.{region}.amazonaws.com"
    path = f"/model/{quote(model, safe='')}/converse-stream"
    body = json.dumps({"messages": [{"role": "user", "content": [{"text": "39 °C?"}]}]}, ensure_ascii=False)
    headers = {"content-type": "application/json", "host": host, "x-amz-date": date}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{key}:{headers[key]}\n" for key in sorted(headers))
    canonical = "\n".join(["POST", quote(path), "", lines, names, hashlib.sha256(body.encode()).hexdigest()])
    scope = f"{date[:8]}/{region}/bedrock/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signed = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return {
        "name": name, "region": region, "access_key": access_key, "secret_key": secret, "session_token": token,
        "model_id": model, "url": f"https://{host}{path}", "body": body, "amz_date": date,
        "canonical_request": canonical, "string_to_sign": to_sign,
        "authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signed}",
    }


def write_json(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def main():
    files = []
    for name, shows, outcome, body, meaning in BODIES:
        (HERE / name).write_bytes(body)
        files.append({
            "file": name, "dialect": "bedrock", "http_status": 200, "content_type": TYPES[pathlib.Path(name).suffix],
            "shows": shows, "outcome": outcome, "expected": meaning,
        })
    about = "Answers in the dialect of Converse, written by make.py for these tests; patients and models are invented."
    write_json("manifest.json", {"about": about, "files": files})
    about = "Signatures made by make.py with keys that are invented."
    write_json("signatures.json", {"about": about, "vectors": [signature(*model) for model in MODELS]})


if __name__ == "__main__":
    main()
