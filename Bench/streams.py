"""Streamed answers: the same streams put on each target in turn, and what each costs.

Every scenario runs on each target with fresh processes, and the load checks every character. What counts as an upstream
chunk is one SSE event of the provider, with ten characters of text.
"""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from report import Bars, print_table
from targets import OTHER_CORES, Direct, Provider, on

COUNT_SECONDS = 2.0
CALM = "20 x 50 ms"


@dataclass(frozen=True)
class Scenario:
    """One load. `interval` is in milliseconds between the chunks of a stream; 0 is as fast as it goes."""

    name: str
    streams: int
    interval: int
    seconds: float
    ramp: int = 1000
    warm: float = 2
    rounds: int = 1
    chunks: int = 0

    @property
    def runs_to_the_end(self) -> bool:
        return self.interval == 0

    @property
    def model(self) -> str:
        """A model name that makes the mock's stream outlast the measurement."""
        if self.runs_to_the_end:
            return f"mock-n{self.chunks}-i0"
        lasts = self.streams / self.ramp + self.warm + self.seconds + COUNT_SECONDS + 30
        return f"mock-n{max(10, int(lasts * 1000 / self.interval))}-i{self.interval}"


FULL = [
    Scenario("200 x 20 ms", 200, 20, seconds=8),
    Scenario("1,000 x 50 ms", 1000, 50, seconds=8, rounds=7),
    Scenario("5,000 idle", 5000, 1_000_000, seconds=6, ramp=2500, warm=4),
    Scenario("flat out", 50, 0, seconds=60, chunks=8000),
]
QUICK = [
    Scenario("200 x 20 ms", 200, 20, seconds=2, warm=1),
    Scenario("1,000 x 50 ms", 1000, 50, seconds=3, warm=1),
    Scenario("5,000 idle", 5000, 1_000_000, seconds=1, ramp=5000, warm=1),
    Scenario("flat out", 20, 0, seconds=30, chunks=2000),
]

# The same loads, begun more slowly, so that none is refused; and less text flat out, because some take long over it.
PEERS = [
    Scenario(CALM, 20, 50, seconds=6, ramp=100),
    Scenario("200 x 20 ms", 200, 20, seconds=6, ramp=100),
    Scenario("1,000 x 50 ms", 1000, 50, seconds=6, ramp=100),
    Scenario("5,000 idle", 5000, 1_000_000, seconds=2, ramp=250, warm=8),
    Scenario("flat out", 50, 0, seconds=90, chunks=400),
]

# Round by round, so that each round of one has one of the other beside it.
JOURNAL = [Scenario("1,000 x 50 ms", 1000, 50, seconds=8, rounds=5)]


class TextDiffers(Exception):
    """The load found a fault; the message is what it said."""


def system_calls(pids: list[int]) -> float | None:
    """System calls a second, counted by the kernel (perf), or by strace, which slows the process down."""
    names = ",".join(map(str, pids))
    perf = ["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", "-p", names, "--", "sleep", str(COUNT_SECONDS)]
    try:
        for line in subprocess.run(perf, capture_output=True, text=True).stderr.splitlines():
            count, *rest = line.split(",")
            if "raw_syscalls:sys_enter" in rest and count.isdigit():
                return int(count) / COUNT_SECONDS
    except FileNotFoundError:
        pass
    strace = ["timeout", "-s", "INT", str(COUNT_SECONDS), "strace", "-c", "-f", "-p", names]
    try:
        for line in subprocess.run(strace, capture_output=True, text=True).stderr.splitlines():
            fields = line.split()
            if fields and fields[-1] == "total":
                return int(fields[-2 if len(fields) == 5 else -3]) / COUNT_SECONDS
    except FileNotFoundError:
        pass
    return None


def measure(scenario: Scenario, kind: type, work: Path) -> dict:
    """One run: fresh provider, fresh target, one load."""
    with Provider(work, OTHER_CORES) as provider, kind(work, provider, scenario.model) as target:
        pids = target.working_pids()
        command = [str(work / "load"), *target.request(), "--streams", str(scenario.streams), "--ramp", str(scenario.ramp),
                   "--warm", str(scenario.warm), "--window", str(scenario.seconds), "--may-lag", str(int(target.may_lag))]
        if kind is not Direct:
            command += ["--also", str(provider.process.pid)]
        for pid in pids:
            command += ["--pid", str(pid)]
        if scenario.runs_to_the_end:
            command += ["--complete", str(scenario.chunks)]
        elif scenario.interval < 1000:
            command += ["--window", str(COUNT_SECONDS + 0.5)]
        with on(OTHER_CORES):
            load = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        result = json.loads(load.stdout.readline() or "{}")
        if "--complete" not in command and scenario.interval < 1000:
            calls = system_calls(pids)
            steady = json.loads(load.stdout.readline() or "{}")
            if calls is not None and steady.get("chunks_per_second"):
                result["system_calls_per_chunk"] = calls / steady["chunks_per_second"]
        faults = load.communicate()[1].strip()
        if load.returncode != 0:
            raise TextDiffers(faults or f"the load ended with {load.returncode}")
        return result


def median(results: list[dict], *path: str) -> float | None:
    values = []
    for value in results:
        for key in path:
            value = value.get(key) if value is not None else None
        if value is not None:
            values.append(value)
    return statistics.median(values) if values else None


def figures(scenario: Scenario, results: list[dict]) -> dict:
    """What is printed and judged: the median of the rounds."""
    is_paced = 0 < scenario.interval < 1000
    cpu = (is_paced or scenario.runs_to_the_end) and median(results, "cpu_us_per_chunk") or None
    kept_up = median(results, "chunks_per_second") * scenario.interval / 1000 / scenario.streams if is_paced else None
    # A chunk's age is known modulo 11.9 s: of a target that falls ever further behind, it says nothing.
    has_latency = is_paced and kept_up > 0.95
    return {
        "p50_ms": has_latency and median(results, "latency_us", "p50") / 1000 or None,
        "p99_ms": has_latency and median(results, "latency_us", "p99") / 1000 or None,
        "first_p50_ms": median(results, "first_token_us", "p50") / 1000,
        "first_p99_ms": median(results, "first_token_us", "p99") / 1000,
        "cpu_us": cpu,
        "per_cpu_second": cpu and 1e6 / cpu,
        "cpu_share": max(0, 100 * median(results, "cpu_share")),
        "calls": median(results, "system_calls_per_chunk"),
        "kib": median(results, "memory_kib_per_stream"),
        "rate": median(results, "chunks_per_second"),
        "kept_up": kept_up and min(100, 100 * kept_up),
        "served": median(results, "served"),
        "others": max(0, 100 * median(results, "other_cpu_share")),
    }


COLUMNS = [
    ("p50 ms", "p50_ms", 2), ("p99 ms", "p99_ms", 2), ("first p50", "first_p50_ms", 2), ("first p99", "first_p99_ms", 2),
    ("CPU us/chunk", "cpu_us", 2), ("calls/chunk", "calls", 2), ("KiB/stream", "kib", 1), ("chunks/s", "rate", 0),
    ("CPU %", "cpu_share", 1), ("others %", "others", 1), ("CPU / nginx", "cpu_ratio", 2),
]
PEER_COLUMNS = [("chunks/CPU s", "per_cpu_second", 0), ("in time %", "kept_up", 1), ("served", "served", 0)]


def run(scenarios: list[Scenario], kinds: list[type], work: Path, columns=COLUMNS) -> dict[str, dict[str, dict]]:
    """Every scenario on every target, round by round; prints a table after each scenario."""
    rows: dict[str, dict[str, dict]] = {}
    for scenario in scenarios:
        results: dict[str, list[dict]] = {kind.name: [] for kind in kinds}
        for round_number in range(scenario.rounds):
            for kind in kinds:
                what = f"{scenario.name}: {kind.name}"
                print(f"{what}, round {round_number + 1} of {scenario.rounds} ...", file=sys.stderr)
                try:
                    results[kind.name].append(measure(scenario, kind, work))
                except TextDiffers as fault:
                    raise TextDiffers(f"{what}: {fault}") from None
        rows[scenario.name] = {name: figures(scenario, runs) for name, runs in results.items()}
        floor = rows[scenario.name].get("nginx", {}).get("cpu_us")
        for row in rows[scenario.name].values():
            row["cpu_ratio"] = row["cpu_us"] / floor if floor and row["cpu_us"] else None
        print_table(scenario.name, columns, rows[scenario.name])
    return rows


def judge(rows: dict[str, dict[str, dict]], bars: Bars) -> None:
    """The bars of the plain form: Medstream against nginx."""
    for name, targets in rows.items():
        ours, floor = targets.get("medstream"), targets.get("nginx")
        if not ours or not floor:
            continue
        if name.startswith("1,000"):
            bars.most(f"{name}, CPU per chunk against nginx", ours["cpu_ratio"], 1.6, "x")
        if ours["p99_ms"]:
            bars.most(f"{name}, p99 added latency", ours["p99_ms"], max(5, 2 * floor["p99_ms"]), "ms")
        if name.startswith("5,000"):
            bars.most(f"{name}, memory per open stream", ours["kib"], 24, "KiB")


def judge_journal(rows: dict[str, dict[str, dict]], bars: Bars) -> None:
    """What the journal adds to the cost of a chunk."""
    for name, targets in rows.items():
        without, behind = (targets.get(target, {}).get("cpu_us") for target in ("medstream", "medstream-behind"))
        if without and behind:
            bars.most(f"{name}, CPU per chunk with the journal against without", behind / without, 1.10, "x")


def judge_peers(rows: dict[str, dict[str, dict]], bars: Bars) -> None:
    """The bars beside LiteLLM and FastAPI, for each way in which Medstream is asked.

    The row of 20 streams has none: it is there for its latencies, which the peers keep only there.
    """
    for name, targets in rows.items():
        if name == CALM:
            continue
        for ours in ("medstream", "medstream-v1"):
            for peer, least in (("litellm", 20), ("fastapi", 10)):
                mine, theirs = (targets.get(target, {}).get("per_cpu_second") for target in (ours, peer))
                if mine and theirs:
                    bars.least(f"{name}, chunks per CPU second of {ours} against {peer}", mine / theirs, least, "x")
