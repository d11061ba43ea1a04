"""An answer that breaks off after each of its sixty tokens, and another provider that goes on.

The question itself says how the two providers behave (`fault:main=…`), so that one server serves every position.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import QUESTION, SLACK, TEXT, TOKENS, Answer, Medstream, provider

POSITIONS = range(len(TOKENS) + 1)

# How the second provider goes on: as the route's second provider takes it, and as models do.
PREFILLED, TOLD = "chat", "onboarding"
FORMS = {
    "exactly": (PREFILLED, ""),
    "with white space first": (PREFILLED, "+begin=space"),
    "after refusing prefill": (PREFILLED, "+no-prefill"),
    "told, exactly": (TOLD, ""),
    "told, with white space first": (TOLD, "+begin=space"),
    "told, without the space before its first word": (TOLD, "+begin=bare"),
    "told, the last words again": (TOLD, "+repeat=words"),
    "told, the last sentence again": (TOLD, "+repeat=sentence"),
    "told, everything again": (TOLD, "+repeat=all"),
}
CASES = [
    *[("panel", fault, form) for fault in ("cut", "stall") for form in FORMS],
    *[("v1", fault, form) for fault in ("cut", "stall") for form in ("exactly", "told, the last words again")],
]


@pytest.fixture(scope="module")
def server(fault, tmp_path_factory):
    # A hundred failures in a row are the point here, so that no breaker may open; a stall is found soon.
    # A word that has come in part is shown after a while, which a stall must not outlast.
    plain = {"retry": {"tries": 1}, "breaker": {"failures": 0}, "timeouts": {"first_token": "1s", "idle": "10s"}}
    server = Medstream(
        {
            "providers": {
                "main": provider(fault, "asked-main", **plain),
                "prefilled": provider(fault, "asked-backup#prefilled", **plain),
                "told": provider(fault, "asked-backup#told", **plain, prefill=False),
            },
            "routes": {PREFILLED: ["main", "prefilled"], TOLD: ["main", "told"]},
            "streaming": {"idle_timeout": "700ms"},
        },
        tmp_path_factory.mktemp("seam"))
    yield server
    assert server.stop() == 0, "the server did not end cleanly"


def flaw(answer: Answer, position: int, route: str) -> str | None:
    """What is wrong with an answer whose first provider gave `position` tokens."""
    if answer.text != TEXT:
        shorter = min(len(answer.text), len(TEXT))
        same = next((at for at in range(shorter) if answer.text[at] != TEXT[at]), shorter)
        around = slice(max(0, same - 20), same + 20)
        return f"differs from {same}: {answer.text[around]!r}, not {TEXT[around]!r}"
    if not answer.is_complete():
        return answer.summary()
    if answer.way == "panel":
        providers = ["main", "prefilled" if route == PREFILLED else "told"]
        # Before the first token nobody notices.
        if [splice["provider"] for splice in answer.splices] != providers[1:][: min(position, 1)]:
            return f"splices: {answer.splices}"
        for splice in answer.splices:
            if splice["offset"] != len(splice["shown"].encode()) or not splice["model"]:
                return f"splice: {splice}"
        spans = [span["provider"] for span in answer.row["spans"]]
        if answer.row["content"] != TEXT or (position and spans != providers):
            return f"recorded: {answer.row}"
    return None


@pytest.mark.parametrize(("way", "fault_kind", "form"), CASES, ids=[" ".join(case) for case in CASES])
def test_no_word_is_doubled_or_lost(server, way, fault_kind, form):
    route, option = FORMS[form]

    def ask(position: int) -> Answer:
        return getattr(server, way)(route, (
            f"{QUESTION} fault:main={fault_kind}-{position}+pace=1 fault:backup=ok+pace=1{option}"))

    with ThreadPoolExecutor(len(POSITIONS)) as pool:
        answers = list(pool.map(ask, POSITIONS))
    flaws = {position: flaw(answer, position, route) for position, answer in zip(POSITIONS, answers)}
    flaws = {position: text for position, text in flaws.items() if text}
    assert not flaws, "\n".join(f"after token {position}: {text}" for position, text in flaws.items())
    assert max(answer.seconds for answer in answers) < 1 + 4 * SLACK
