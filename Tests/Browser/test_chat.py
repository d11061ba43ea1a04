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
    expect(page.locator("#status")).to_have_text("Ready")
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
    expect(page.locator("#status")).to_have_text("Ready", timeout=60_000)
    whole = text_of(answer)
    assert len(whole.split()) >= 120
    assert [whole] == stored_answers(server, page)


def test_stop_keeps_what_was_said(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:long 5000]")
    wait_for_length(page, 50)
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#status")).to_have_text("Ready")
    assert len(text_of(answer)) > 50
    assert [text_of(answer)] == stored_answers(server, page)


def test_a_conversation_is_there_again_after_a_reload(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:long 30]")
    expect(page.locator("#status")).to_have_text("Ready")
    said = text_of(answer)
    page.reload()
    expect(page.locator("article.assistant .chat")).to_have_text(said)
    expect(page.locator("article.user")).to_have_text("[demo:long 30]")


def test_a_reload_in_mid_answer_goes_on_where_it_was(server, page):
    page.goto(server.url)
    ask(page, "[demo:long 100]")
    wait_for_length(page, 100)
    page.reload()
    expect(page.locator("article.assistant")).to_have_count(1)
    expect(page.locator("#send")).to_be_enabled(timeout=60_000)
    whole = text_of(page.locator("article.assistant").last)
    assert len(whole.split()) >= 100
    assert [whole] == stored_answers(server, page)


def test_a_failed_answer_says_so(server, page):
    page.goto(server.url)
    answer = ask(page, "[demo:error 10]")
    expect(answer.locator(".note")).not_to_be_empty()
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


def test_markup_in_a_message_stays_text(server, page):
    page.goto(server.url)
    message = "<img src=x onerror=\"document.title='owned'\"> if Hb <Lower"
    ask(page, message)
    expect(page.locator("article.user")).to_have_text(message)
    expect(page.locator("#status")).to_have_text("Ready", timeout=60_000)
    assert page.title() == "Medstream"
    assert page.locator("article img").count() == 0
