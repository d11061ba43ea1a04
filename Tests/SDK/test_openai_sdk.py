"""Official clients of OpenAI's API, unmodified, against the real server and its demo provider."""

import asyncio
import json
import os
import queue
import re
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import litellm
import openai
import pytest
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("MEDSTREAM_SERVER", str(ROOT / ".build/debug/medstream-server"))
KEY = "any-key-will-do"
# Words whose number and order the demo provider is asked for.
WORDS = 60


def in_a_loop(coroutine):
    """Runs it in a thread of its own: that of the tests has a loop already where a browser is driven from it."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    settings = ["server.port=0", f"data_directory={tmp_path_factory.mktemp('data')}", "logs.level=warning", "providers.demo.words_per_second=400",
                "providers.demo.first_word_after=0ms",
                # What goes wrong in one test is not to be held against the next.
                "providers.demo.retry.tries=1", "providers.demo.breaker.failures=0"]
    process = subprocess.Popen(
        [SERVER, *(part for setting in settings for part in ("--set", setting))], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout], daemon=True).start()
    yield re.search(r"http://[\w.]+:\d+", lines.get(timeout=30)).group(0)
    process.terminate()
    assert process.wait(30) == 0


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=20) as client:
        yield client


def said(text: str) -> list[dict]:
    return [{"role": "user", "content": text}]


def long_answer(words: int = WORDS) -> list[dict]:
    return said(f"[demo:long {words}]")


@pytest.fixture(scope="module")
def expected(url) -> str:
    """The demo's answer, as the product's own call gives it."""
    request = urllib.request.Request(
        f"{url}/api/v1/chat/messages?wait=true", json.dumps({"message": f"[demo:long {WORDS}]"}).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)["message"]["content"]


def running(url: str) -> int:
    with urllib.request.urlopen(f"{url}/metrics", timeout=20) as answer:
        return int(re.search(r"^medstream_streams_running (\d+)$", answer.read().decode(), re.M).group(1))


def comes_to_rest(url: str) -> None:
    """Waits until no answer is being written."""
    deadline = time.monotonic() + 10
    while running(url) > 0:
        assert time.monotonic() < deadline, "an answer goes on that nobody reads"


# The official SDK.


def test_models_are_listed_and_found(client):
    names = [model.id for model in client.models.list()]
    assert names == ["chat", "onboarding", "demo", "demo/demo-clinician"]
    assert client.models.retrieve("demo").owned_by == "demo"


@pytest.mark.parametrize("model", ["chat", "demo", "demo/demo-clinician"])
def test_whole_answer(client, expected, model):
    answer = client.chat.completions.create(model=model, messages=long_answer(), temperature=0.1, seed=3, user="u")
    assert answer.choices[0].message.content == expected
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model and answer.object == "chat.completion"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id


def test_stream(client, expected):
    chunks = list(client.chat.completions.create(
        model="chat", messages=long_answer(), stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len(chunks) > WORDS / 4
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == [
        "stop"]
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_streaming_helper(client, expected):
    with client.chat.completions.stream(model="chat", messages=long_answer()) as stream:
        seen = "".join(event.delta for event in stream if event.type == "content.delta")
        final = stream.get_final_completion()
    assert seen == expected == final.choices[0].message.content


def test_reasoning_comes_beside_the_answer(client):
    messages = said("Can I take ibuprofen with warfarin?")
    whole = client.chat.completions.create(model="chat", messages=messages).choices[0].message
    reasoning = content = ""
    for chunk in client.chat.completions.create(model="chat", messages=messages, stream=True):
        delta = chunk.choices[0].delta
        reasoning += getattr(delta, "reasoning_content", None) or ""
        content += delta.content or ""
    assert reasoning and reasoning == whole.reasoning_content
    assert content and content == whole.content


def test_async_whole_and_streamed_side_by_side(url, expected):
    async def text(client, streams):
        answer = await client.chat.completions.create(model="chat", messages=long_answer(), stream=streams)
        if not streams:
            return answer.choices[0].message.content
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    async def all_texts():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0, timeout=20) as client:
            return await asyncio.gather(*(text(client, number % 2 == 0) for number in range(8)))

    assert in_a_loop(all_texts()) == [expected] * 8


def test_stopping_early_stops_the_answer(client, url):
    stream = client.chat.completions.create(model="chat", messages=long_answer(100_000), stream=True)
    texts = [chunk for chunk, _ in zip(stream, range(5))]
    assert len(texts) == 5 and running(url) == 1
    stream.close()
    comes_to_rest(url)


def test_a_client_that_waits_no_longer_stops_the_answer(client, url):
    with pytest.raises(openai.APITimeoutError):
        client.with_options(timeout=0.3).chat.completions.create(model="chat", messages=said("[demo:stall 0]"))
    comes_to_rest(url)
    stream = client.with_options(timeout=httpx.Timeout(20, read=0.3)).chat.completions.create(
        model="chat", messages=said("[demo:stall 9]"), stream=True)
    with pytest.raises((openai.APITimeoutError, httpx.ReadTimeout)):
        list(stream)
    comes_to_rest(url)


@pytest.mark.parametrize("streams", [True, False])
def test_errors_have_their_classes(client, streams):
    def fails(error, **arguments):
        with pytest.raises(error) as caught:
            client.chat.completions.create(**({"model": "chat", "messages": said("Hello"), "stream": streams} | arguments))
        return caught.value

    unknown = fails(openai.NotFoundError, model="gpt-0")
    assert unknown.code == "model_not_found" and unknown.param == "model" and unknown.request_id
    assert fails(openai.BadRequestError, temperature=9).param == "temperature"
    assert fails(openai.BadRequestError, n=2).param == "n"
    assert fails(openai.BadRequestError, messages=[]).type == "invalid_request_error"
    assert fails(openai.BadRequestError, extra_body={"temprature": 1}).param == "temprature"
    overloaded = fails(openai.InternalServerError, messages=said("[demo:error]"))
    assert overloaded.status_code == 503 and overloaded.code == "provider_overloaded"
    assert overloaded.response.headers["retry-after"] == "2"


def test_the_sdk_repeats_what_can_help_and_nothing_else(url):
    def attempts(**arguments):
        seen = []
        transport = httpx.Client(event_hooks={"request": [seen.append]})
        with openai.OpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=1, http_client=transport) as client:
            with pytest.raises(openai.APIStatusError):
                client.chat.completions.create(**({"model": "chat", "messages": said("Hello")} | arguments))
        return len(seen)

    assert attempts(messages=said("[demo:error]")) == 2
    assert attempts(model="gpt-0") == 1


def test_a_broken_stream_raises(client):
    seen = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in client.chat.completions.create(model="chat", messages=said("[demo:cut 20]"), stream=True):
            assert chunk.choices[0].finish_reason is None
            delta = chunk.choices[0].delta
            seen += (delta.content or "") + (getattr(delta, "reasoning_content", None) or "")
    assert caught.value.code == "provider_truncated"
    assert seen.count(" ") >= 15
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="chat", messages=said("[demo:cut 20]"))


def test_raw_answers_and_custom_request_ids(client):
    raw = client.chat.completions.with_raw_response.create(
        model="chat", messages=long_answer(5), extra_headers={"X-Request-Id": "clinic-7"})
    assert raw.headers["x-request-id"] == "clinic-7"
    assert raw.parse().choices[0].finish_reason == "stop"


# LangChain.


@pytest.fixture
def chat_model(url):
    return ChatOpenAI(
        base_url=f"{url}/v1", api_key=KEY, model="chat", temperature=0, max_retries=0, timeout=20, stream_usage=True)


def test_langchain_whole(chat_model, expected):
    answer = chat_model.invoke([SystemMessage("Be brief."), HumanMessage(f"[demo:long {WORDS}]")])
    assert answer.content == expected
    assert answer.response_metadata["finish_reason"] == "stop"
    assert answer.usage_metadata["total_tokens"] > 0


def test_langchain_stream(chat_model, expected):
    chunks = list(chat_model.stream(f"[demo:long {WORDS}]"))
    assert "".join(chunk.content for chunk in chunks) == expected
    assert len(chunks) > WORDS / 4
    assert sum((chunk.usage_metadata or {}).get("total_tokens", 0) for chunk in chunks) > 0


def test_langchain_async(chat_model, expected):
    async def text():
        return "".join([chunk.content async for chunk in chat_model.astream(f"[demo:long {WORDS}]")])

    assert in_a_loop(text()) == expected


def test_langchain_errors(chat_model):
    with pytest.raises(openai.InternalServerError):
        chat_model.invoke("[demo:error]")
    with pytest.raises(openai.APIError):
        list(chat_model.stream("[demo:cut 20]"))


# LiteLLM.


def ask_litellm(url, text, **arguments):
    return litellm.completion(
        model="openai/chat", api_base=f"{url}/v1", api_key=KEY, messages=said(text), timeout=20, num_retries=0,
        max_retries=0, **arguments)


def test_litellm_whole(url, expected):
    answer = ask_litellm(url, f"[demo:long {WORDS}]", temperature=0.5)
    assert answer.choices[0].message.content == expected
    assert answer.usage.total_tokens > 0


def test_litellm_stream(url, expected):
    answer = ask_litellm(url, f"[demo:long {WORDS}]", stream=True, stream_options={"include_usage": True})
    chunks = list(answer)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == expected
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices and chunk.choices[0].finish_reason] == [
        "stop"]


def test_litellm_async(url, expected):
    async def text():
        answer = await litellm.acompletion(
            model="openai/demo", api_base=f"{url}/v1", api_key=KEY, messages=long_answer(), stream=True, timeout=20)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    assert in_a_loop(text()) == expected


def test_litellm_errors(url):
    with pytest.raises(litellm.ServiceUnavailableError):
        ask_litellm(url, "[demo:error]")
    with pytest.raises(litellm.NotFoundError):
        litellm.completion(
            model="openai/gpt-0", api_base=f"{url}/v1", api_key=KEY, messages=said("Hello"), num_retries=0, max_retries=0)
    with pytest.raises((openai.APIError, litellm.exceptions.MidStreamFallbackError)):
        list(ask_litellm(url, "[demo:cut 20]", stream=True))
