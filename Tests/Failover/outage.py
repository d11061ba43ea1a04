"""A minute of steady requests to a route whose first provider is down."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness import Answer, FaultProvider, Medstream, provider

# Seconds: how long the provider is down, the breaker's pause, and between two requests.
DOWN = 60
PAUSE = 5
EVERY = 0.4


@dataclass
class Outage:
    """What the clients got and what the provider that was down was asked."""

    answers: list[Answer]
    requests: list[dict]
    code: int


def pass_through(fault: FaultProvider, folder: Path) -> Outage:
    """Asks from before the outage is noticed until the provider is back for a while."""
    main = f"reset+for={DOWN}#outage"
    # A host of its own: a request on a connection that another provider left open is sent again when that breaks.
    down = FaultProvider()
    server = Medstream(
        {
            "providers": {
                "main": provider(down, main, breaker={"failures": 5, "pause": f"{PAUSE}s"}),
                "backup": provider(fault, "ok#outage"),
            },
            "routes": {"chat": ["main", "backup"], "onboarding": ["backup"]},
        },
        folder)
    ways, asked, start = [server.panel, server.v1, server.whole], [], time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        while (now := time.monotonic() - start) < DOWN + 2 * PAUSE:
            asked.append(pool.submit(ways[len(asked) % len(ways)], "chat"))
            time.sleep(max(0, len(asked) * EVERY - now))
    answers = [future.result() for future in asked]
    code = server.stop()
    requests = down.requests(main)
    down.stop()
    return Outage(answers, requests, code)
