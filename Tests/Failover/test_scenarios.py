"""What users get when a provider fails: sixteen ways to fail, each asked about in several ways, on real servers.

Each scenario has a server of its own with a route of two providers, `main` that fails and `backup`, and all run at
once: most of their time is waiting. What a test then judges is the client's answer and what the providers were asked.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from harness import QUESTION, SLACK, TEXT, TOKENS, Answer, FaultProvider, Medstream, provider

WAYS = ("panel", "v1", "whole")
# Of each server, by way; `onboarding` is the other conversation of our own.
ROUTES = {"panel": "chat", "v1": "v1", "whole": "whole", "twin": "onboarding"}
AT_ONCE = ("whole", "twin")
BASE = 0.2  # seconds; `retry.base` in the harness
CLOCKS = 0.02  # seconds that clocks of two processes may differ when they round
AFTER = 1 - CLOCKS  # `Retry-After: 1`


@dataclass
class Run:
    """One question of a scenario and what came of it."""

    way: str
    answer: Answer
    main: list[dict]
    backup: list[dict]

    @property
    def asked(self) -> tuple[int, int]:
        return len(self.main), len(self.backup)

    def gaps(self, requests: list[dict] | None = None) -> list[float]:
        """From the end of a request, by the provider or by us, to the beginning of the next."""
        requests = self.main if requests is None else requests
        ends = [request["closed"] or request["ended"] for request in requests]
        return [after["at"] - end for end, after in zip(ends, requests[1:])]

    # What must hold.

    def completes(self, asked: tuple[int, int], by: str):
        """A whole answer, of which the client sees no trouble."""
        answer = self.answer
        assert answer.is_complete() and answer.text == TEXT, answer.summary()
        assert self.asked == asked, f"{self.asked} requests"
        assert answer.splices == [] and answer.withdrawn == []
        if self.way == "panel":
            assert answer.facts["provider"] == f"{by}-panel" == answer.row["provider"]
            assert answer.row["content"] == TEXT and answer.row["outcome"] == "complete"

    def backs_off(self, requests: list[dict] | None = None):
        """Waits between tries are a random part of a time that doubles."""
        for number, gap in enumerate(self.gaps(requests)):
            assert 0 <= gap <= min(1.0, BASE * 2**number) + SLACK, self.gaps(requests)

    def rescued(self, asked: tuple[int, int], tokens: int | None = None):
        """A whole answer by both providers, joined so that nothing is doubled or lost."""
        answer = self.answer
        assert answer.is_complete() and answer.text == TEXT, answer.summary()
        assert self.asked == asked, f"{self.asked} requests"
        if self.way == "panel":
            assert len(answer.splices) == 1 and answer.withdrawn == []
            splice = answer.splices[0]
            assert splice["provider"] == "backup-panel" and splice["model"] == self.backup[-1]["model"]
            assert splice["offset"] == len(splice["shown"].encode())
            assert answer.row["content"] == TEXT and answer.row["outcome"] == "complete"
            spans = answer.row["spans"]
            assert [span["provider"] for span in spans] == ["main-panel", "backup-panel"], spans
            if tokens is not None:
                # What the user saw before is all that came, but for a word under way.
                assert "".join(TOKENS[:tokens]).startswith(splice["shown"])

    def fails(self, code: str, v1: tuple[int, str], asked: tuple[int, int], retry: bool, outcome: str = "failed"):
        """The honest error: no text, the right code, and whether to try again."""
        answer = self.answer
        assert not answer.is_complete() and answer.text == "", answer.summary()
        assert self.asked == asked, f"{self.asked} requests"
        if self.way == "panel":
            assert answer.error == {"code": code, "retry": retry} and answer.outcome == outcome, answer.summary()
        else:
            status, own = v1 if self.way != "twin" else (v1[0], code)
            assert (answer.status, answer.error["code"]) == (status, own), answer.summary()
            if self.way == "twin":
                return
            assert answer.error["type"] and answer.error["message"] and "param" in answer.error
            assert answer.headers.get("x-request-id")

    def breaks_off(self, tokens: int, asked: tuple[int, int]):
        """What came stays, and nobody could take it for the whole."""
        answer = self.answer
        assert self.asked == asked, f"{self.asked} requests"
        assert not answer.is_complete() and not answer.done, answer.summary()
        assert answer.text and "".join(TOKENS[:tokens]).startswith(answer.text.rstrip()), answer.summary()
        assert len(answer.text) > 0.8 * len("".join(TOKENS[:tokens]))
        assert answer.error
        if self.way == "panel":
            assert answer.outcome == "truncated" and answer.error["retry"] is True
            assert answer.row["content"] == answer.text and answer.row["outcome"] == "truncated"


def hung_up(run: Run, requests: list[dict], after: float):
    """We end requests that keep us waiting, and soon; each has had its time since the question was asked.

    Not since it was seen here: what a busy machine takes to send it, and to note it, is part of the wait.
    """
    for number, request in enumerate(requests, 1):
        assert request["closed"], "the request was left open"
        assert request["closed"] - run.answer.began >= number * after - CLOCKS
        assert request["closed"] - request["at"] <= after + SLACK


@dataclass
class Scenario:
    name: str
    main: str
    check: Callable[[Run], None]
    backup: str = "ok"
    # Laid over the providers' settings and the server's.
    main_settings: dict = field(default_factory=dict)
    backup_settings: dict = field(default_factory=dict)
    server: dict = field(default_factory=dict)
    rescue: str = "continue"
    ways: tuple = WAYS


# Where nothing was shown to anyone before its end, an answer that breaks off is tried again like any other.
def rescued_or_retried(tokens: int) -> Callable[[Run], None]:
    return lambda run: run.completes((3, 1), "backup") if run.way == "whole" else run.rescued((1, 1), tokens)


def rate_limited_once(run: Run):
    run.completes((2, 0), "main")
    assert AFTER <= run.gaps()[0] <= 1.0 + SLACK, "Retry-After was not heeded"


def rate_limited_for_good(run: Run):
    run.completes((3, 1), "backup")
    assert all(AFTER <= gap <= 1.0 + SLACK for gap in run.gaps()), "Retry-After was not heeded"


def rate_limited_everywhere(run: Run):
    run.fails("rate_limited", (429, "rate_limit_exceeded"), (3, 3), retry=True)
    assert all(AFTER <= gap <= 1.0 + SLACK for gap in run.gaps() + run.gaps(run.backup))
    if run.way != "panel":
        assert float(run.answer.headers["retry-after"]) >= 1


def rate_limited_for_long(run: Run):
    run.completes((1, 1), "backup")
    assert run.answer.seconds < 3, "nobody waits an hour where another provider stands by"


def failed_once(run: Run):
    run.completes((2, 0), "main")
    run.backs_off()


def failed_for_good(run: Run):
    run.completes((3, 1), "backup")
    run.backs_off()


def silent(run: Run):
    run.completes((3, 1), "backup")
    run.backs_off()
    hung_up(run, run.main, 1.0 if run.way != "whole" else 2.0)


def shares_the_time(run: Run):
    """Of six seconds for two providers the silent one has three, without another try."""
    run.completes((1, 1), "backup")
    hung_up(run, run.main, 3.0)


def waits_to_the_end(run: Run):
    run.fails("timed_out", (504, "timed_out"), (1, 1), retry=True)
    hung_up(run, run.main + run.backup, 3.0)


def stalled(run: Run):
    rescued_or_retried(40)(run)
    if run.way != "whole":
        last = run.main[0]
        assert last["closed"], "the silent provider was left open"


def late_but_awaited(run: Run):
    run.completes((1, 0), "main")
    assert 20 <= run.answer.seconds <= 20 + 3 * SLACK


def refuses_prefill(run: Run):
    if run.way == "whole":
        return run.completes((3, 1), "backup")
    run.rescued((1, 2), 40)
    assert [(request["asked"], request["status"]) for request in run.backup] == [("prefill", 400), ("continue", 200)]


def told_in_words(run: Run):
    run.rescued((1, 1), 40)
    assert run.backup[0]["asked"] == "continue"
    assert run.backup[0]["messages"][-1]["role"] == "user"


def takes_prefill(run: Run):
    rescued_or_retried(40)(run)
    if run.way != "whole":
        last = run.backup[0]["messages"][-1]
        assert run.backup[0]["asked"] == "prefill" and "".join(TOKENS[:40]).startswith(last["content"])
        assert QUESTION in [message["content"] for message in run.backup[0]["messages"]]


def blocked(run: Run):
    run.fails("content_blocked", (400, "content_filter"), (1, 0), retry=False, outcome="blocked")


def filtered_in_the_middle(run: Run):
    answer = run.answer
    assert run.asked == (1, 0), "what one filter forbids is not offered to the next"
    assert "".join(TOKENS[:30]).startswith(answer.text.rstrip()) and answer.text, answer.summary()
    assert answer.outcome == "blocked" if run.way == "panel" else answer.finish == "content_filter", answer.summary()


def begun_anew(run: Run):
    if run.way == "v1":
        # Chat Completions cannot take back what was said, so that nothing is begun anew there.
        return run.breaks_off(40, (1, 0))
    answer = run.answer
    assert run.asked == (1, 1) and answer.is_complete() and answer.text == TEXT, answer.summary()
    assert len(answer.withdrawn) == 1 and answer.row["content"] == TEXT


PATIENT = {"timeouts": {"first_token": "40s", "first_byte": "40s", "idle": "40s"}}
UNREACHABLE = {"base_url": "http://127.0.0.1:9/v1"}  # the discard port, where nobody listens
TOLD = {"prefill": False}
SIX_SECONDS = {"chat": {"batch_timeout": "6s"}}

SCENARIOS = [
    Scenario("429 with Retry-After, once", "429+times=1+retry-after=1", rate_limited_once),
    Scenario("429 with Retry-After, always", "429+retry-after=1", rate_limited_for_good),
    Scenario("429 from both", "429+retry-after=1", rate_limited_everywhere, "429+retry-after=1"),
    Scenario("429 for an hour", "429+retry-after=3600", rate_limited_for_long),
    Scenario("500 once", "500+times=1", failed_once),
    Scenario("503 always", "503", failed_for_good),
    Scenario("503 from both", "503", lambda run: run.fails(
        "provider_overloaded", (503, "provider_overloaded"), (3, 3), retry=True), "503"),
    Scenario("reset before headers", "reset", failed_for_good),
    Scenario("closed before headers", "close", failed_for_good),
    Scenario("silence", "silence", silent),
    Scenario("silence, and little time for the whole answer", "silence", shares_the_time, main_settings=PATIENT,
             server=SIX_SECONDS, ways=AT_ONCE),
    Scenario("a stall, and little time for the whole answer", "stall-40", shares_the_time, main_settings=PATIENT,
             server=SIX_SECONDS, ways=AT_ONCE),
    Scenario("silence of both, and little time for the whole answer", "silence", waits_to_the_end, "silence",
             main_settings=PATIENT, backup_settings=PATIENT, server=SIX_SECONDS, ways=AT_ONCE),
    Scenario("first token after 20 s", "late-20", failed_for_good),
    Scenario("first token after 20 s, awaited", "late-20", late_but_awaited, main_settings=PATIENT,
             server={"streaming": {"idle_timeout": "40s"}}),
    Scenario("cut after 40 of 60 tokens", "cut-40", takes_prefill),
    Scenario("reset after 40 of 60 tokens", "break-40", rescued_or_retried(40)),
    Scenario("a clean end without an end signal", "end-40", rescued_or_retried(40)),
    Scenario("cut before the first token", "cut-0", failed_for_good),
    Scenario("stall after 40 of 60 tokens", "stall-40", stalled),
    Scenario("an event that is not JSON", "broken-json-20", rescued_or_retried(20)),
    Scenario("a first event that is not JSON", "broken-json-0", failed_for_good),
    Scenario("an error in mid-stream", "error-20", rescued_or_retried(20)),
    Scenario("no [DONE]", "no-done", lambda run: run.completes((1, 0), "main")),
    Scenario("context length", "context", lambda run: run.completes((1, 1), "backup")),
    Scenario("context length at both", "context", lambda run: run.fails(
        "context_too_long", (400, "context_length_exceeded"), (1, 1), retry=False), "context"),
    Scenario("content filter", "filter", blocked),
    Scenario("content filter in mid-answer", "filtered-30", filtered_in_the_middle),
    Scenario("a fallback that rejects prefill", "cut-40", refuses_prefill, "ok+no-prefill"),
    Scenario("a fallback that is told in words", "cut-40", told_in_words, backup_settings=TOLD, ways=("panel", "v1")),
    Scenario("a fallback that repeats the last sentence", "cut-40", told_in_words, "ok+repeat=sentence",
             backup_settings=TOLD, ways=("panel", "v1")),
    Scenario("a failing primary", "500", failed_for_good),
    Scenario("a primary that nobody runs", "ok", lambda run: run.completes((0, 1), "backup"),
             main_settings=UNREACHABLE),
    Scenario("a primary that refuses the key", "401", lambda run: run.completes((1, 1), "backup")),
    Scenario("a primary that is not paid for", "quota", lambda run: run.completes((1, 1), "backup")),
    Scenario("a fallback that fails too in mid-answer", "cut-40", lambda run: run.breaks_off(40, (1, 3)), "503",
             ways=("panel", "v1")),
    Scenario("no rescue", "cut-40", lambda run: run.breaks_off(40, (1, 0)), rescue="off", ways=("panel", "v1")),
    Scenario("rescue by a new answer", "cut-40", begun_anew, rescue="restart", ways=("panel", "v1")),
]


class Stage:
    """Runs every scenario that is asked for, all at once."""

    def __init__(self, fault: FaultProvider, folder, wanted: list[tuple[Scenario, str]]):
        self.fault = fault
        # A host of its own: what is asked on a connection that another provider left open is sent again if that breaks.
        self.failing = FaultProvider()
        self.folder = folder
        self.pool = ThreadPoolExecutor(64)
        self.codes: list[Future] = []
        self.runs: dict[tuple[str, str], Future[Run]] = {}
        for scenario in SCENARIOS:
            ways = [way for other, way in wanted if other is scenario]
            results = {way: Future() for way in ways}
            self.runs |= {(scenario.name, way): result for way, result in results.items()}
            if ways:
                self.codes.append(self.pool.submit(self.play, scenario, results))

    def play(self, scenario: Scenario, results: dict[str, Future]) -> int:
        """Answers the server's exit code."""
        mark = SCENARIOS.index(scenario)
        providers = {}
        for way in ROUTES:
            providers[f"main-{way}"] = provider(
                self.failing, f"{scenario.main}#{mark}-main-{way}", **scenario.main_settings)
            providers[f"backup-{way}"] = provider(
                self.fault, f"{scenario.backup}#{mark}-backup-{way}", **scenario.backup_settings)
        routes = {name: {"providers": [f"main-{way}", f"backup-{way}"], "rescue": scenario.rescue}
                  for way, name in ROUTES.items()}
        try:
            server = Medstream(
                {"providers": providers, "routes": routes, "streaming": {"idle_timeout": "1s"}, **scenario.server},
                self.folder / str(mark))
        except BaseException as error:
            for result in results.values():
                result.set_exception(error)
            raise
        asked = [self.pool.submit(self.ask, server, scenario, mark, way, ROUTES[way], result)
                 for way, result in results.items()]
        for future in asked:
            future.result()
        return server.stop()

    def ask(self, server: Medstream, scenario: Scenario, mark: int, way: str, route: str, result: Future):
        try:
            answer = getattr(server, way)(route)
            result.set_result(Run(
                way, answer, self.failing.requests(f"{scenario.main}#{mark}-main-{way}"),
                self.fault.requests(f"{scenario.backup}#{mark}-backup-{way}")))
        except BaseException as error:
            result.set_exception(error)


@pytest.fixture(scope="module")
def stage(fault, tmp_path_factory, request):
    wanted = [
        (item.callspec.params["scenario"], item.callspec.params["way"])
        for item in request.session.items if getattr(item, "callspec", None) and "scenario" in item.callspec.params]
    stage = Stage(fault, tmp_path_factory.mktemp("scenarios"), wanted)
    yield stage
    assert {code.result(60) for code in stage.codes} == {0}, "a server did not end cleanly"
    stage.pool.shutdown()
    stage.failing.stop()


CASES = [
    pytest.param(scenario, way, id=f"{scenario.name}: {way}") for scenario in SCENARIOS for way in scenario.ways]


@pytest.mark.parametrize(("scenario", "way"), CASES)
def test_scenario(stage, scenario, way):
    run = stage.runs[scenario.name, way].result(100)
    scenario.check(run)
