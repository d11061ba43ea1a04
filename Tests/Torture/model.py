"""A model that answers as answers.py says, over Chat Completions; remembers what it was asked.

    python3 model.py        prints its port, serves until it is killed; GET /asked tells how often each question came
"""

import asyncio
import collections
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from answers import pace, pieces  # noqa: E402

asked: collections.Counter = collections.Counter()


def chunk(delta: dict, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    event = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "echo", "choices": [choice]}
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


async def stream(question: str, writer: asyncio.StreamWriter):
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    wait = pace(question)
    for piece in pieces(question):
        if writer.is_closing():
            return
        writer.write(chunk({"content": piece}))
        if wait:
            await writer.drain()
            await asyncio.sleep(wait)
    writer.write(chunk({}, "stop") + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    await writer.drain()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode().split("\r\n")
            fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            if lines[0].startswith("GET /asked"):
                told = json.dumps(asked).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(told), told))
                continue
            messages = json.loads(body)["messages"]
            question = [message["content"] for message in messages if message["role"] == "user"][-1]
            asked[question] += 1
            await stream(question, writer)
            if writer.is_closing():
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
