"""A chat service as many are written: FastAPI, and langchain-openai towards the provider.

Written for the comparison alone, with what its libraries advise for speed: one client with pooled connections over
aiohttp, no retries, no tracing, orjson for what is sent, uvloop and httptools below.
"""

import os

import orjson
from fastapi import FastAPI, Response
from fastapi.responses import StreamingResponse
from httpx import Limits
from langchain_openai import ChatOpenAI
from openai import DefaultAioHttpClient
from pydantic import BaseModel


class Message(BaseModel):
    role: str
    content: str


class Request(BaseModel):
    model: str
    messages: list[Message]
    stream: bool = False


app = FastAPI()
model = ChatOpenAI(
    model=os.environ["PEER_MODEL"],
    base_url=os.environ["PEER_BASE_URL"],
    api_key="not-a-real-key",
    max_retries=0,
    http_async_client=DefaultAioHttpClient(limits=Limits(max_connections=20_000), timeout=3600),
)


def event(text: str) -> bytes:
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}) + b"\n\n"


async def events(messages: list[tuple[str, str]]):
    async for chunk in model.astream(messages):
        if chunk.content:
            yield event(chunk.content)
    yield b"data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def complete(request: Request):
    messages = [(message.role, message.content) for message in request.messages]
    if request.stream:
        return StreamingResponse(events(messages), media_type="text/event-stream")
    answer = await model.ainvoke(messages)
    choice = {"index": 0, "message": {"role": "assistant", "content": answer.content}, "finish_reason": "stop"}
    body = {"object": "chat.completion", "choices": [choice], "usage": answer.usage_metadata}
    return Response(orjson.dumps(body), media_type="application/json")


@app.get("/health")
async def health():
    return Response("ok")
