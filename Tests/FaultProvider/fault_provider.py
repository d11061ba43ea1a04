"""A provider of models that fails as it is told, to see what a client makes of it.

    python3 fault_provider.py [--port 8090] [--host 127.0.0.1]

prints its port once it listens (0 picks a free one) and speaks Chat Completions: `POST /v1/chat/completions`, streamed
and whole, and `GET /v1/models`. It needs nothing but Python 3.11. Its answer is always TEXT, sixty tokens no two of
which are alike, so that a token that is doubled or lost shows. How it fails is said by the model's name,

    FAULT[-NUMBER][+OPTION[=VALUE]]...[#LABEL]        such as cut-40, 429+times=1+retry-after=2, stall-12+pace=0#second

| fault | what happens |
| --- | --- |
| ok | all is well |
| 400 to 599 | that status, with an error of the kind that goes with it |
| context, filter, quota | 400 context_length_exceeded; 400 content_filter; 429 insufficient_quota |
| reset, close | the connection is reset, or closed, before any header |
| silence | the request is taken and nothing ever comes, not even a header |
| late-S | headers at once, the first token after S seconds (20) |
| cut-N | after N tokens (40) the connection closes; the body's end is missing |
| break-N | after N tokens the connection is reset, and what was under way may be lost |
| end-N | after N tokens the body ends well, with neither finish_reason nor [DONE] |
| stall-N | after N tokens nothing more comes, and the connection stays open |
| broken-json-N | the event after N tokens (20) is not JSON; the rest comes |
| error-N | the event after N tokens (20) tells of an error, and the body ends |
| filtered-N, length-N | the answer ends after N tokens with finish_reason content_filter or length |
| no-done | everything comes but [DONE] |
| slow | a token every 300 ms |
| asked-NAME | the fault that the user's message names: `fault:NAME=MODEL`; none, all is well |

| option | meaning |
| --- | --- |
| times=N | the first N requests fail, those after them go well |
| for=S | requests fail for S seconds from the first one, those after them go well |
| retry-after=S | sent with an error's status |
| pace=MS | between two tokens; 2 |
| no-prefill | 400 when the last message is the assistant's |
| repeat=words, =sentence, =all | a continued answer first says its last words, sentence, or all of it again |
| begin=space, =bare | a continued answer begins with a space more, or without the white space it should begin with |

Requests are counted for each model's whole name; a label keeps two users of one fault apart.

An answer is continued as models do it. If the last message is the assistant's, the answer follows it exactly. If the
user's last message asks to go on and the messages hold the beginning of TEXT, in the assistant's words or in the
user's, the answer follows that, as the options say, and says a word again in whole that was shown in part. Whoever
sends the whole answer gets an empty one.

`GET /admin/requests` tells of each request: `model`, `resolved` (the fault that `asked` found), `at` and `ended`
(seconds of the system's monotonic clock), `closed` (when the client hung up before the end), `status`, `tokens` sent,
`stream`, `asked` (`prefill` or `continue`), `start` (where in TEXT the answer began) and `messages`. With `?model=` only
those of one model.
`DELETE /admin/requests` forgets them, and begins all counts anew.
"""

import asyncio
import json
import re
import socket
import struct
import sys
import time

TOKENS = [
    "Palp", "itations", " that", " settle", " within", " minutes", " are", " mostly", " harm", "less",
    ".", " Worry", " helps", " nobody", " –", " yet", " check", " potassium", ",", " thyroid",
    " and", " h", "æmo", "globin", " once", ".\n\n", "Call", " an", " emergency", " number",
    " if", " fainting", ", ", "crushing", " pressure", " or", " 39", ".5", " °C", " joins",
    " them", ":", " 救急", "車", ".\n- ", "Rest", "; ", "drink", " water", ".\n* ",
    "Keep", " a", " diary", " of", " each", " episode", "’s", " length", " 🙂", "!",
]  # fmt: skip
TEXT = "".join(TOKENS)

ERRORS = {
    "context": (400, "invalid_request_error", "context_length_exceeded", "The prompt is longer than the model takes."),
    "filter": (400, "invalid_request_error", "content_filter", "The prompt was filtered."),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "prefill": (400, "invalid_request_error", None, "The last message must be the user's."),
    "400": (400, "invalid_request_error", None, "The request is not valid."),
    "401": (401, "invalid_request_error", "invalid_api_key", "The key is not valid."),
    "404": (404, "invalid_request_error", "model_not_found", "There is no such model."),
    "429": (429, "requests", "rate_limit_exceeded", "Too many requests."),
}
NUMBERS = {"late": 20, "broken-json": 20, "error": 20, "filtered": 20, "length": 20}
ENDINGS = {"filtered": "content_filter", "length": "length"}
OPTIONS = {"times", "for", "retry-after", "pace", "no-prefill", "repeat", "begin"}
KNOWN = {
    "ok", "reset", "close", "silence", "late", "cut", "break", "end", "stall", "broken-json", "error", "filtered",
    "length", "no-done", "slow", *ERRORS,
}  # fmt: skip


class Behaviour:
    """What a model's name asks for."""

    def __init__(self, name: str):
        words = name.partition("#")[0].split("+")
        fault, number = re.fullmatch(r"(.*?)(?:-(\d+))?", words[0]).groups()
        if fault not in KNOWN and not re.fullmatch(r"[45]\d\d", fault):
            raise ValueError(f"No fault is called '{fault}'.")
        self.fault = fault
        self.number = int(number) if number else NUMBERS.get(fault, 40)
        self.options = dict(word.partition("=")[::2] for word in words[1:])
        if unknown := self.options.keys() - OPTIONS:
            raise ValueError(f"No option is called '{unknown.pop()}'.")
        self.pace = float(self.options.get("pace", 300 if fault == "slow" else 2)) / 1000

    def error(self) -> tuple | None:
        if self.fault in ERRORS:
            return ERRORS[self.fault]
        return (int(self.fault), "server_error", None, "Something broke.") if self.fault.isdigit() else None


class Provider:
    """What is remembered between requests."""

    def __init__(self):
        self.records: list[dict] = []
        self.began: dict[str, tuple[int, float]] = {}

    def reset(self):
        self.records.clear()
        self.began.clear()

    def behaviour(self, name: str) -> Behaviour:
        """That of this request, which is counted."""
        wanted = Behaviour(name)
        count, first = self.began.get(name, (0, time.monotonic()))
        self.began[name] = (count + 1, first)
        limit, seconds = wanted.options.get("times"), wanted.options.get("for")
        if (limit and count >= int(limit)) or (seconds and time.monotonic() - first >= float(seconds)):
            wanted.fault = "ok"
        return wanted


def text_of(message: dict) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def resolved(model: str, messages: list[dict]) -> str:
    """The model's name, or for `asked-NAME` the one that the user's last directive gives."""
    if not model.startswith("asked-"):
        return model
    label = re.escape(model.partition("#")[0].removeprefix("asked-"))
    said = [text_of(message) for message in messages if message.get("role") == "user"]
    found = re.findall(rf"fault:{label}=(\S+)", "\n".join(said))
    return found[-1] if found else "ok"


def shown_in(content: str) -> int:
    """The length of the longest beginning of TEXT in `content`; a beginning has its first token at least."""
    best, at = 0, content.find(TOKENS[0])
    while at >= 0:
        length = 0
        while length < len(TEXT) and content[at + length : at + length + 1] == TEXT[length]:
            length += 1
        best, at = max(best, length), content.find(TOKENS[0], at + 1)
    return best


def continuation(messages: list[dict]) -> tuple[str | None, int]:
    """How an answer's continuation is asked for, if it is, and how much of TEXT was shown."""
    if messages and messages[-1].get("role") == "assistant":
        content = text_of(messages[-1])
        return "prefill", len(content) if TEXT.startswith(content) else shown_in(content)
    # A finished answer of an earlier turn is no beginning.
    shown = [shown_in(text_of(message)) for message in messages[-2:] if message.get("role") != "system"]
    longest = max(shown, default=0)
    return ("continue", longest) if 0 < longest else (None, 0)


def pieces(asked: str | None, shown: int, wanted: Behaviour) -> tuple[int, list[str]]:
    """Where in TEXT the answer begins, and its tokens."""
    start, repeat = shown, wanted.options.get("repeat") if asked else None
    if repeat == "all":
        start = 0
    elif repeat == "sentence":
        ends = [match.end() for match in re.finditer(r"[.!]\s+", TEXT[: max(0, len(TEXT[:shown].rstrip()))])]
        start = ends[-1] if ends else 0
    elif repeat == "words":
        words = [match.start() for match in re.finditer(r"\S+", TEXT[:shown])]
        start = words[-3] if len(words) >= 3 else 0
    elif asked == "continue" and re.match(r"\w\w", TEXT[max(0, shown - 1) :]):
        # Told in words, no model begins with half a one.
        start = re.search(r"\w+$", TEXT[:shown]).start()
    parts, at = [], 0
    for token in TOKENS:
        at, begin = at + len(token), at
        if at > start:
            parts.append(token[max(0, start - begin) :])
    begin = wanted.options.get("begin") if asked and parts else None
    if begin == "bare":
        parts[0] = parts[0].lstrip()
    # Not within a word, where no model puts one.
    elif begin == "space" and (TEXT[start].isspace() or TEXT[start - 1 : start].isspace()):
        parts[0] = " " + parts[0]
    return start, [part for part in parts if part]


class Connection(asyncio.Protocol):
    """One client's connection: request after request, until either side ends it."""

    def __init__(self, provider: Provider):
        self.provider = provider
        self.buffer = b""
        self.task: asyncio.Task | None = None
        self.record: dict | None = None

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, _):
        if self.record and self.record["ended"] is None:
            self.record["closed"] = time.monotonic()
        if self.task:
            self.task.cancel()

    def data_received(self, data):
        self.buffer += data
        self.advance()

    def advance(self):
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark or (self.task and not self.task.done()):
            return
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        size = int(length.group(1)) if length else 0
        if b"100-continue" in head.lower() and len(rest) < size:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(rest) < size:
            return
        self.buffer = rest[size:]
        method, target = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")[:2]
        self.task = asyncio.get_running_loop().create_task(self.serve(method, target, rest[:size]))
        self.task.add_done_callback(self.served)

    def served(self, task):
        if task.cancelled():
            return
        if task.exception():
            self.reply(500, {"error": {"message": repr(task.exception()), "type": "server_error", "code": None}})
        self.record = None
        if not self.transport.is_closing():
            self.advance()

    # What is sent.

    def reply(self, status: int, value, headers: str = ""):
        body = json.dumps(value).encode()
        fields = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}"
        self.transport.write(f"HTTP/1.1 {status} Status\r\n{fields}\r\n".encode() + body)

    def reply_error(self, error: tuple, headers: str = ""):
        status, kind, code, message = error
        if self.record:
            self.record["status"] = status
        self.reply(status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, headers)

    def abort(self):
        """Ends the connection with a reset."""
        handle = self.transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def send(self, data: str):
        body = f"data: {data}\n\n".encode()
        self.transport.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")

    # What is asked.

    async def serve(self, method: str, target: str, body: bytes):
        path, _, query = target.partition("?")
        if path == "/admin/requests" and method == "DELETE":
            self.provider.reset()
            self.reply(200, {})
        elif path == "/admin/requests":
            model = query.removeprefix("model=").replace("%23", "#").replace("%2B", "+").replace("%3D", "=")
            self.reply(200, [record for record in self.provider.records if not model or record["model"] == model])
        elif path == "/v1/models":
            models = sorted(KNOWN - {"prefill"})
            self.reply(200, {"object": "list", "data": [
                {"id": name, "object": "model", "created": 0, "owned_by": "fault-provider"} for name in models]})
        elif path == "/v1/chat/completions" and method == "POST":
            await self.complete(json.loads(body))
        else:
            self.reply_error((404, "invalid_request_error", None, "There is nothing here."))

    async def complete(self, request: dict):
        model, messages = request["model"], request["messages"]
        asked, shown = continuation(messages)
        name = resolved(model, messages)
        self.record = record = {
            "number": len(self.provider.records), "model": model, "resolved": name, "at": time.monotonic(),
            "ended": None, "closed": None, "status": None, "tokens": 0, "stream": bool(request.get("stream")),
            "asked": asked, "start": None, "messages": messages}
        self.provider.records.append(record)
        try:
            wanted = self.provider.behaviour(name)
        except ValueError as error:
            self.reply_error((400, "invalid_request_error", None, str(error)))
        else:
            record["start"], tokens = pieces(asked, shown, wanted)
            await self.answer(request, wanted, asked, tokens)
        record["ended"] = time.monotonic()

    async def answer(self, request: dict, wanted: Behaviour, asked: str | None, tokens: list[str]):
        seconds = wanted.options.get("retry-after")
        error = ERRORS["prefill"] if asked == "prefill" and "no-prefill" in wanted.options else wanted.error()
        if error:
            self.reply_error(error, f"Retry-After: {seconds}\r\n" if seconds and error[0] >= 429 else "")
        elif wanted.fault == "reset":
            self.abort()
        elif wanted.fault == "close":
            self.transport.close()
        elif wanted.fault == "silence":
            await asyncio.Event().wait()
        elif request.get("stream"):
            await self.stream(request, wanted, tokens)
        else:
            await self.whole(request, wanted, tokens)

    def chunk(self, request: dict, **members) -> str:
        return json.dumps({
            "id": "chatcmpl-fault", "object": "chat.completion.chunk", "created": 1767225600,
            "model": request["model"], **members}, ensure_ascii=False)

    def usage(self, request: dict) -> dict:
        words = sum(len(text_of(message).split()) for message in request["messages"])
        sent = self.record["tokens"]
        return {"prompt_tokens": words, "completion_tokens": sent, "total_tokens": words + sent}

    async def stream(self, request: dict, wanted: Behaviour, tokens: list[str]):
        self.record["status"] = 200
        self.transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        if wanted.fault == "late":
            await asyncio.sleep(wanted.number)
        opening = {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
        if not (wanted.fault in ("cut", "break", "end", "stall") and wanted.number == 0):
            self.send(self.chunk(request, choices=[opening]))
        finish = "stop"
        # One step past the last token, so that a fault after all of them comes too.
        for index, token in enumerate([*tokens, None]):
            if index == wanted.number:
                if wanted.fault in ENDINGS:
                    finish = ENDINGS[wanted.fault]
                    break
                if await self.fails(wanted):
                    return
                if wanted.fault == "broken-json" and token is not None:
                    self.send(self.chunk(request, choices=[{"index": 0, "delta": {"content": token}}])[:-3])
                    continue
            if token is None:
                break
            self.send(self.chunk(
                request, choices=[{"index": 0, "delta": {"content": token}, "finish_reason": None}]))
            self.record["tokens"] += 1
            await asyncio.sleep(wanted.pace)
        self.send(self.chunk(request, choices=[{"index": 0, "delta": {}, "finish_reason": finish}]))
        if (request.get("stream_options") or {}).get("include_usage"):
            self.send(self.chunk(request, choices=[], usage=self.usage(request)))
        if wanted.fault != "no-done":
            self.send("[DONE]")
        self.transport.write(b"0\r\n\r\n")

    async def fails(self, wanted: Behaviour) -> bool:
        """Whether the stream ended here, its time having come."""
        match wanted.fault:
            case "cut":
                self.transport.close()
            case "break":
                # What was written leaves first, or the client might never see it.
                await asyncio.sleep(0.01)
                self.abort()
            case "end":
                self.transport.write(b"0\r\n\r\n")
            case "stall":
                await asyncio.Event().wait()
            case "error":
                self.send(json.dumps({"error": {"message": "Something broke.", "type": "server_error", "code": None}}))
                self.transport.write(b"0\r\n\r\n")
            case _:
                return False
        return True

    async def whole(self, request: dict, wanted: Behaviour, tokens: list[str]):
        finish = "stop"
        if wanted.fault in ENDINGS:
            finish, tokens = ENDINGS[wanted.fault], tokens[: wanted.number]
        self.record["status"] = 200
        self.record["tokens"] = len(tokens)
        body = json.dumps({
            "id": "chatcmpl-fault", "object": "chat.completion", "created": 1767225600, "model": request["model"],
            "choices": [{
                "index": 0, "message": {"role": "assistant", "content": "".join(tokens)}, "finish_reason": finish}],
            "usage": self.usage(request)}).encode()
        if wanted.fault == "error":
            body = json.dumps({"error": {"message": "Something broke.", "type": "server_error", "code": None}}).encode()
        if wanted.fault == "broken-json":
            body = body[:-3] + b"   "
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode())
        await asyncio.sleep(wanted.number if wanted.fault == "late" else wanted.pace * len(tokens))
        if wanted.fault in ("cut", "end", "break", "stall"):
            self.transport.write(body[: len(body) // 2])
            wanted.number = 0
            await self.fails(wanted)
            self.transport.close()
        else:
            self.transport.write(body)


async def listen(host: str, port: int):
    provider = Provider()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(provider), host, port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    if len(sys.argv) % 2 == 0 or given.keys() - {"--host", "--port"}:
        sys.exit(__doc__.partition("\n\n")[2].partition("\n\n")[0])
    try:
        asyncio.run(listen(given.get("--host", "127.0.0.1"), int(given.get("--port", "8090"))))
    except KeyboardInterrupt:
        pass
