"""The page as a clinician uses it. The demo's `[demo:long N]` gives N words in numbered paragraphs."""

import json
import urllib.request

import pytest
from playwright.sync_api import expect


def ask(page, message: str):
    """Sends a message; the locator of its answer."""
    page.get_by_label("Your message").fill(message)
    page.get_by_role("button", name="Send").click()
    return page.locator("article.assistant").last


def text_of(answer) -> str:
    return answer.locator(".chat").text_content()


def wait_for_length(page, length: int) -> None:
    page.wait_for_function("n => document.querySelector('article.assistant:last-of-type .chat').textContent.length > n", arg=length)


def wait_for_end(answer, outcome: str = "complete") -> None:
    """Waits until the answer has ended so: the page's status says "Ready" before the answer has begun, too."""
    expect(answer).to_have_attribute("data-state", outcome, timeout=60_000)
    expect(answer.page.locator("#send")).to_be_enabled()


def stored_answers(server, page) -> list[str]:
    """What the server has on record for the conversation on the page."""
    conversation = page.evaluate("() => location.hash.slice(1)")
    with urllib.request.urlopen(f"{server.url}/api/v1/conversations/{conversation}/messages", timeout=10) as reply:
        return [message["content"] for message in json.load(reply)["messages"] if message["role"] == "assistant"]


def test_an_answer_streams_in(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:long 60]")
    wait_for_length(page, 20)
    early = len(text_of(answer))
    wait_for_end(answer)
    assert len(text_of(answer)) > early
    assert [text_of(answer)] == stored_answers(server, page)


@pytest.mark.parametrize("cuts", [1, 3])
def test_an_answer_is_complete_and_there_once_after_the_connection_was_cut(server, wire, page, cuts):
    page.goto(wire.url)
    answer = ask(page, "[demo:long 120]")
    for cut in range(cuts):
        wait_for_length(page, 100 * (cut + 1))
        wire.cut()
        expect(page.locator("#status")).to_contain_text("Connection lost")
        wire.restore()
    wait_for_end(answer)
    whole = text_of(answer)
    assert len(whole.split()) >= 120
    assert [whole] == stored_answers(server, page)


def test_stop_keeps_what_was_said(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:long 5000]")
    wait_for_length(page, 50)
    page.get_by_role("button", name="Stop").click()
    wait_for_end(answer, "cancelled")
    assert len(text_of(answer)) > 50
    assert [text_of(answer)] == stored_answers(server, page)


def test_a_conversation_is_there_again_after_a_reload(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:long 30]")
    wait_for_end(answer)
    said = text_of(answer)
    assert len(said.split()) >= 30
    page.reload()
    expect(page.locator("article.assistant .chat")).to_have_text(said)
    expect(page.locator("article.user")).to_have_text("[demo:long 30]")


def test_a_reload_in_mid_answer_goes_on_where_it_was(server, page):
    page.goto(server.url)
    ask(page, "[demo:long 100]")
    wait_for_length(page, 100)
    page.reload()
    expect(page.locator("article.assistant")).to_have_count(1)
    wait_for_end(page.locator("article.assistant").last)
    whole = text_of(page.locator("article.assistant").last)
    assert len(whole.split()) >= 100
    assert [whole] == stored_answers(server, page)


def test_a_failed_answer_says_so(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:error 10]")
    wait_for_end(answer, "truncated")
    expect(answer.locator(".note")).not_to_be_empty()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


@pytest.mark.parametrize("fault, outcome", [("cut", "truncated"), ("error", "failed")])
def test_an_answer_that_broke_off_can_be_tried_again_in_its_place(server, page, fault, outcome):
    page.goto(server.url)
    answer = ask(page, f"[demo:{fault}]")
    wait_for_end(answer, outcome)
    retried = page.expect_response("**/retry")
    with retried as reply:
        answer.get_by_role("button", name="Try again").click()
    assert reply.value.status == 202
    wait_for_end(answer, outcome)
    expect(page.locator("article.assistant")).to_have_count(1)
    said = text_of(answer)
    # The same answer, not twice the answer; the record keeps both, and a reload shows the newer one alone.
    assert stored_answers(server, page) == [said, said]
    page.reload()
    wait_for_end(answer, outcome)
    expect(page.locator("article.assistant")).to_have_count(1)
    expect(answer.get_by_role("button", name="Try again")).to_be_visible()


def test_an_answer_that_is_whole_or_was_stopped_is_not_offered_again(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:long 5]")
    wait_for_end(answer)
    expect(answer.get_by_role("button", name="Try again")).to_be_hidden()
    stopped = ask(page, "[demo:long 5000]")
    expect(stopped.locator(".chat")).not_to_be_empty()
    page.get_by_role("button", name="Stop").click()
    wait_for_end(stopped, "cancelled")
    expect(stopped.get_by_role("button", name="Try again")).to_be_hidden()


def test_answers_come_whole_where_streaming_is_off(whole_server, page):
    streams = []
    page.on("request", lambda request: streams.append(request.url) if "/streams/" in request.url else None)
    page.goto(whole_server.url)
    with page.expect_response("**/chat/messages?wait=true") as reply:
        answer = ask(page, "[demo:long 60]")
    assert reply.value.status == 200
    wait_for_end(answer)
    assert len(text_of(answer).split()) >= 60
    assert [text_of(answer)] == stored_answers(whole_server, page)
    assert streams == []


def test_an_answer_that_failed_can_be_tried_again_where_streaming_is_off(whole_server, page):
    page.goto(whole_server.url)
    with page.expect_response("**/chat/messages?wait=true") as reply:
        answer = ask(page, "[demo:error]")
    assert reply.value.status == 503
    wait_for_end(answer, "failed")
    expect(answer.locator(".note")).not_to_be_empty()
    with page.expect_response("**/retry?wait=true") as reply:
        answer.get_by_role("button", name="Try again").click()
    assert reply.value.status == 503
    wait_for_end(answer, "failed")
    expect(page.locator("article.assistant")).to_have_count(1)


def test_markup_in_a_message_stays_text(server, page):
    page.goto(server.url)
    message = "<img src=x onerror=\"document.title='owned'\"> if Hb <Lower"
    answer = ask(page, message)
    expect(page.locator("article.user")).to_have_text(message)
    wait_for_end(answer)
    assert page.title() == "Medstream"
    assert page.locator("article img").count() == 0
