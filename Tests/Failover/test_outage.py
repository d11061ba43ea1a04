"""A provider that is down for a while, many who ask meanwhile, and how retries spread over time."""

import re
from concurrent.futures import ThreadPoolExecutor

from harness import SLACK, TEXT, Medstream, provider
from outage import DOWN, EVERY, PAUSE


def test_a_provider_that_is_down_for_a_minute_is_let_alone_and_found_again(outage):
    """Requests come steadily; each gets its answer at once, from the fallback while the primary is down."""
    result = outage.result(DOWN + 60)
    assert result.code == 0, "the server did not end cleanly"
    assert len(result.answers) > 0.9 * (DOWN + 2 * PAUSE) / EVERY
    for answer in result.answers:
        assert answer.is_complete() and answer.text == TEXT, answer.summary()
        assert not answer.splices
        assert answer.seconds < 2 + SLACK, "nobody waits for a provider that is known to be down"
    first = result.requests[0]["at"]
    down = [request for request in result.requests if request["at"] - first < DOWN]
    # Those that were under way when the breaker opened, and one probe for each of its pauses.
    assert 5 <= len(down) <= 5 + 6 + DOWN / PAUSE + 1, f"{len(down)} requests to a provider that is down"
    probes = [request["at"] for request in down if request["at"] - first > 2 * PAUSE]
    gaps = [later - sooner for sooner, later in zip(probes, probes[1:])]
    assert all(PAUSE - 0.1 <= gap <= PAUSE + 3 * EVERY + SLACK for gap in gaps), gaps
    # It is found again with the first probe after its return.
    served = [request for request in result.requests if request["status"] == 200]
    assert served and served[0]["at"] - first <= DOWN + PAUSE + EVERY + SLACK
    late = [answer for answer in result.answers if answer.began - first > DOWN + PAUSE + EVERY + SLACK]
    assert late and {answer.facts["provider"] for answer in late if answer.way == "panel"} == {"main"}


def test_retries_are_spread_by_full_jitter(fault, tmp_path):
    """Those who failed together do not come back together: waits fill the span up to a ceiling that doubles."""
    model, base, many = "503#jitter", 1.0, 24
    retry = {"tries": 4, "base": f"{base}s", "cap": "2s", "total": "30s"}
    main = provider(fault, model, retry=retry, breaker={"failures": 0})
    server = Medstream({"providers": {"main": main}, "routes": {"chat": ["main"]}}, tmp_path)
    with ThreadPoolExecutor(many) as pool:
        answers = list(pool.map(lambda number: server.panel("chat", f"Question {number}."), range(many)))
    assert server.stop() == 0
    assert {(answer.error["code"], answer.error["retry"], answer.outcome) for answer in answers} == {
        ("provider_overloaded", True, "failed")}

    attempts: dict[str, list[dict]] = {}
    for request in fault.requests(model):
        number = re.search(r"\d+", request["messages"][-1]["content"]).group()
        attempts.setdefault(number, []).append(request)
    assert len(attempts) == many and {len(tries) for tries in attempts.values()} == {4}
    for number, ceiling in enumerate([base, 2 * base, 2 * base]):
        gaps = [tries[number + 1]["at"] - tries[number]["ended"] for tries in attempts.values()]
        assert 0 <= min(gaps) < 0.4 * ceiling and 0.6 * ceiling < max(gaps) < ceiling + SLACK, gaps


def test_a_retry_that_cannot_be_in_time_is_not_begun(fault, tmp_path):
    """`retry.total` bounds all tries, and a server that asks for more than it is not waited for."""
    model = "429+retry-after=2#budget"
    retry = {"tries": 10, "base": "100ms", "cap": "5s", "total": "5s"}
    server = Medstream(
        {"providers": {"main": provider(fault, model, retry=retry)}, "routes": {"chat": ["main"]}}, tmp_path)
    answer = server.panel()
    assert server.stop() == 0
    assert answer.error == {"code": "rate_limited", "retry": True} and answer.outcome == "failed"
    assert len(fault.requests(model)) == 3 and answer.seconds < 5


def test_one_who_asks_much_does_not_take_all_the_turns(fault, tmp_path):
    """No more requests than the limit are under way at a provider, and all get their turn."""
    model, many = "slow+pace=5#queue", 12
    server = Medstream(
        {
            "providers": {"main": provider(
                fault, model, concurrency={"limit": 3, "queue": 100}, timeouts={"first_token": "30s"})},
            "routes": {"chat": ["main"]},
        },
        tmp_path)
    with ThreadPoolExecutor(many) as pool:
        answers = list(pool.map(lambda _: server.panel(), range(many)))
    assert server.stop() == 0
    assert all(answer.is_complete() and answer.text == TEXT for answer in answers)
    requests = fault.requests(model)
    assert len(requests) == many
    for request in requests:
        at_once = [other for other in requests if other["at"] <= request["at"] < other["ended"]]
        assert len(at_once) <= 3


def test_a_full_queue_turns_away_at_once(fault, tmp_path):
    """Where nobody else can answer, a full queue is told as such."""
    model = "slow+pace=20#full"
    server = Medstream(
        {
            "providers": {"main": provider(
                fault, model, concurrency={"limit": 1, "queue": 1}, retry={"tries": 1},
                timeouts={"first_token": "30s"})},
            "routes": {"chat": ["main"]},
        },
        tmp_path)
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: server.panel(), range(5)))
    assert server.stop() == 0
    assert sorted(answer.is_complete() for answer in answers) == [False] * 3 + [True] * 2
    for answer in answers:
        if not answer.is_complete():
            assert answer.error == {"code": "provider_overloaded", "retry": True} and answer.seconds < SLACK
