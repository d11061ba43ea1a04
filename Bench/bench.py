"""Measures Medstream beside nginx and others on the same answers; started by Scripts/bench.

Exit 0: all well. 1: text was lost, doubled or changed, or a stream broke. 2: a bar was missed. 3: could not measure.
"""

import argparse
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import peers
import queues
import slow_readers
import stores
import streams
import whole_answers
from report import Bars, is_busy
from targets import CannotStart, Direct, Medstream, MedstreamBehind, MedstreamFirst, MedstreamOpenAI, Nginx

TARGETS = {kind.name: kind for kind in (
    Direct, Nginx, Medstream, MedstreamBehind, MedstreamFirst, MedstreamOpenAI, peers.LiteLLM, peers.FastAPI)}
WHOLE = "whole answers"
JOURNAL_DEFAULT = "medstream,medstream-behind"
PEERS_DEFAULT = "nginx,medstream,medstream-v1,litellm,fastapi"


def say_when_busy(rows: dict[str, dict[str, dict]], names: list[str]):
    busy = [name for name in names if is_busy(rows[name])]
    if busy:
        print(f"\nThe machine was busy with other work during: {', '.join(busy)}; latency there says little.")


@contextmanager
def precedence():
    """Before whatever else the machine does: the kernel has work of its own, which takes a core for a tenth of a second.

    What is started meanwhile has it too: provider, load and every target alike. Where sessions are scheduled as groups,
    the group must have it, and is given back as it was.
    """
    group = Path("/proc/self/autogroup")
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -20)
        before = group.read_text().split()[-1] if group.exists() else None
        if before is not None:
            group.write_text("-20")
    except OSError:
        print("Only root may run before the machine's other work; without that, the worst latencies may be its doing.",
              file=sys.stderr)
        before = None
    try:
        yield
    finally:
        if before is not None:
            group.write_text(before)


def compare_streams(scenarios: list[streams.Scenario], kinds: list[type], work: Path):
    rows = streams.run(scenarios, kinds, work)
    # Of a few milliseconds flat out, the clock of /proc/stat can say nothing.
    say_when_busy(rows, [s.name for s in scenarios if not s.runs_to_the_end])
    bars = Bars()
    streams.judge(rows, bars)
    return rows, bars


def compare_journal(scenarios: list[streams.Scenario], kinds: list[type], work: Path):
    rows = streams.run(scenarios, kinds, work)
    say_when_busy(rows, list(rows))
    bars = Bars()
    streams.judge_journal(rows, bars)
    return rows, bars


def compare_slow_readers(cases: list[slow_readers.Case], work: Path):
    steps = slow_readers.run(cases, work)
    say_when_busy({name: {key: {"others": max(100 * step["other_cpu_share"] for step in each)}
                          for key, each in found.items()} for name, found in steps.items()}, list(steps))
    bars = Bars()
    slow_readers.judge(steps, bars)
    return steps, bars


def compare_peers(scenarios: list[streams.Scenario], kinds: list[type], work: Path, wants_whole: bool):
    rows = streams.run(scenarios, kinds, work, streams.COLUMNS + streams.PEER_COLUMNS)
    if wants_whole:
        rows[WHOLE] = whole_answers.run([kind for kind in kinds if kind.answers_whole], work)
    say_when_busy(rows, [name for name in rows if name != "flat out"])
    bars = Bars()
    streams.judge_peers(rows, bars)
    if wants_whole:
        whole_answers.judge(rows[WHOLE], bars)
    return rows, bars


def main() -> int:
    parser = argparse.ArgumentParser(prog="Scripts/bench", description=__doc__.split("\n")[0])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="a short form, good for a first look")
    form.add_argument("--slow-readers", action="store_true", help="100 of 200 viewers stop reading for a minute")
    form.add_argument("--journal", action="store_true", help="what writing streams down costs")
    form.add_argument("--peers", action="store_true", help="beside LiteLLM and a service on FastAPI and LangChain")
    form.add_argument("--store", action="store_true", help="turns that SQLite and PostgreSQL acknowledge")
    form.add_argument("--queue", action="store_true", help="how fast a worker drains a queue")
    parser.add_argument("--targets", metavar="NAMES", help="of: " + ", ".join(TARGETS))
    parser.add_argument("--only", default="", metavar="TEXT", help="scenarios whose name contains TEXT")
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with precedence():
        return measure(options, parser)


def measure(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    names = (options.targets or (
        PEERS_DEFAULT if options.peers else JOURNAL_DEFAULT if options.journal else "nginx,medstream")).split(",")
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no target is called {', '.join(sorted(unknown))}; known: {', '.join(TARGETS)}")
    kinds = [TARGETS[name] for name in names]
    every = (slow_readers.CASES if options.slow_readers else streams.PEERS if options.peers
             else streams.JOURNAL if options.journal else streams.QUICK if options.quick else streams.FULL)
    scenarios = [scenario for scenario in every if options.only in scenario.name]
    wants_whole = options.peers and options.only in WHOLE
    if not scenarios and not wants_whole and not options.store and not options.queue:
        parser.error(f"no scenario's name contains '{options.only}'")
    try:
        if options.store:
            found, bars = stores.compare(options.work, options.only)
        elif options.queue:
            found, bars = queues.compare(options.work, options.only)
        elif options.slow_readers:
            found, bars = compare_slow_readers(scenarios, options.work)
        elif options.journal:
            found, bars = compare_journal(scenarios, kinds, options.work)
        elif options.peers:
            found, bars = compare_peers(scenarios, kinds, options.work, wants_whole)
        else:
            found, bars = compare_streams(scenarios, kinds, options.work)
    except streams.TextDiffers as fault:
        print(f"\nFAILED: text differs or a stream broke: {fault}")
        return 1
    except CannotStart as fault:
        print(f"\nCannot measure: {fault}", file=sys.stderr)
        return 3
    if not options.store and not options.queue:
        print("  ok      0 characters lost, doubled or changed")
    (options.work / "results.json").write_text(json.dumps(found, indent=2) + "\n")
    return 0 if bars.is_good else 2


if __name__ == "__main__":
    sys.exit(main())
