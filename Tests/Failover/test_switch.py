"""Switching the provider: an edit of the YAML and a SIGHUP, under fifty answers that are being given."""

import json
import signal
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from harness import TEXT, Medstream, events, provider

STREAMS = 50


@pytest.fixture
def server(fault, tmp_path):
    patient = {"timeouts": {"first_token": "20s", "first_byte": "20s", "idle": "20s"}}
    server = Medstream({
        "providers": {
            "old": provider(fault, "ok+pace=120#old", **patient),
            "new": provider(fault, "ok+pace=0#new", **patient),
        },
        "routes": {"chat": ["old"], "onboarding": ["old"]},
    }, tmp_path)
    yield server
    server.stop()


def ask(server, started):
    """One streamed answer; `started` is told when its first text is there."""
    response = server.call("POST", "/api/v1/chat/messages", {"message": "Hello?"}, "text/event-stream")
    text, facts = "", {}
    for event in events(response):
        if event["type"] == "content_chunk":
            if not text:
                started()
            text += event["content"]
        elif event["type"] == "stream_done":
            facts = event["metadata"]
    return text, facts


def test_an_edit_and_a_hangup_switch_the_provider_and_break_no_answer(server, fault, tmp_path):
    running = []
    with ThreadPoolExecutor(STREAMS) as pool:
        answers = [pool.submit(ask, server, lambda: running.append(1)) for _ in range(STREAMS)]
        while len(running) < STREAMS:
            assert not any(answer.done() for answer in answers), "an answer ended before all had begun"
            wait(answers, timeout=0.02)
        file = tmp_path / "medstream.yaml"
        settings = json.loads(file.read_text())
        settings["routes"] = {"chat": ["new"], "onboarding": ["new"]}
        file.write_text(json.dumps(settings))
        server.process.send_signal(signal.SIGHUP)
        while "settings_reloaded" not in server.log.read_text():
            wait(answers, timeout=0.02)
        text, facts = ask(server, lambda: None)
        assert (text, facts["provider"]) == (TEXT, "new")
        still_running = sum(not answer.done() for answer in answers)
        results = [answer.result() for answer in answers]
    assert still_running > 0, "every old answer had ended before the new provider gave one: nothing was proven"
    for text, facts in results:
        assert (text, facts["outcome"], facts["provider"]) == (TEXT, "complete", "old")
    assert len(fault.requests("ok+pace=0#new")) >= 1
