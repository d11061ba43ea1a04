"""Measures Medstream against nginx on the same streams; started by Scripts/bench.

Every scenario runs on each target in turn, each time with fresh processes. The load checks every character. What
counts as an upstream chunk is one SSE event of the provider, with ten characters of text.

Exit 0: all well. 1: text was lost, doubled or changed, or a stream broke. 2: a bar was missed. 3: could not measure.
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from targets import TARGETS, CannotStart, Provider

COUNT_SECONDS = 2.0


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
    Scenario("1,000 x 50 ms", 1000, 50, seconds=8, rounds=3),
    Scenario("5,000 idle", 5000, 1_000_000, seconds=6, ramp=2500, warm=4),
    Scenario("flat out", 50, 0, seconds=60, chunks=8000),
]
QUICK = [
    Scenario("200 x 20 ms", 200, 20, seconds=2, warm=1),
    Scenario("1,000 x 50 ms", 1000, 50, seconds=3, warm=1),
    Scenario("5,000 idle", 5000, 1_000_000, seconds=1, ramp=5000, warm=1),
    Scenario("flat out", 20, 0, seconds=30, chunks=2000),
]
# Half of the streams stop reading; the other half must not notice, and memory must level off.
SLOW = [Scenario("100 slow of 200", 200, 5, seconds=20, rounds=1)]


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


def measure(scenario: Scenario, kind: type, work: Path, slow: int) -> dict:
    """One run: fresh provider, fresh target, one load."""
    with Provider(work) as provider, kind(work, provider, scenario.model) as target:
        pids = target.working_pids()
        command = [str(work / "load"), *target.request(), "--streams", str(scenario.streams), "--ramp", str(scenario.ramp),
                   "--warm", str(scenario.warm), "--window", str(scenario.seconds), "--slow", str(slow)]
        if kind is not TARGETS["direct"]:
            command += ["--also", str(provider.process.pid)]
        for pid in pids:
            command += ["--pid", str(pid)]
        if scenario.runs_to_the_end:
            command += ["--complete", str(scenario.chunks)]
        elif scenario.interval < 1000:
            command += ["--window", str(COUNT_SECONDS + 0.5)]
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
    return {
        "p50_ms": is_paced and median(results, "latency_us", "p50") / 1000 or None,
        "p99_ms": is_paced and median(results, "latency_us", "p99") / 1000 or None,
        "first_p50_ms": median(results, "first_token_us", "p50") / 1000,
        "first_p99_ms": median(results, "first_token_us", "p99") / 1000,
        "cpu_us": (is_paced or scenario.runs_to_the_end) and median(results, "cpu_us_per_chunk") or None,
        "cpu_share": median(results, "cpu_share"),
        "calls": median(results, "system_calls_per_chunk"),
        "kib": median(results, "memory_kib_per_stream"),
        "rate": median(results, "chunks_per_second"),
        "others": median(results, "other_cpu_share"),
    }


COLUMNS = [
    ("p50 ms", "p50_ms", 2), ("p99 ms", "p99_ms", 2), ("first p50", "first_p50_ms", 2), ("first p99", "first_p99_ms", 2),
    ("CPU us/chunk", "cpu_us", 2), ("calls/chunk", "calls", 2), ("KiB/stream", "kib", 1), ("chunks/s", "rate", 0),
    ("CPU %", "cpu_share", 1), ("others %", "others", 1),
]


def table(name: str, rows: dict[str, dict]) -> None:
    print(f"\n{name}")
    print("  " + " " * 10 + "".join(f"{title:>14}" for title, _, _ in COLUMNS) + f"{'CPU / nginx':>14}")
    for target, row in rows.items():
        cells = []
        for _, key, digits in COLUMNS:
            value = row[key]
            if value is not None and key in ("cpu_share", "others"):
                value = max(0, value * 100)
            cells.append("-" if value is None else f"{value:,.{digits}f}")
        floor = rows.get("nginx", {}).get("cpu_us")
        cells.append(f"{row['cpu_us'] / floor:.2f}" if floor and row["cpu_us"] else "-")
        print(f"  {target:<10}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


def judge(all_rows: dict[str, dict[str, dict]]) -> bool:
    """Prints each bar with what was reached; true when none was missed."""
    print("\nBars")
    is_good = True

    def bar(what: str, value: float | None, limit: float | None, unit: str):
        nonlocal is_good
        if value is None or limit is None:
            return
        is_good = is_good and value <= limit
        print(f"  {'ok    ' if value <= limit else 'MISSED'}  {what}: {value:.2f} {unit}, at most {limit:.2f}")

    for name, rows in all_rows.items():
        ours, floor = rows.get("medstream"), rows.get("nginx")
        if not ours or not floor:
            continue
        if name.startswith("1,000"):
            bar(f"{name}, CPU per chunk against nginx", ours["cpu_us"] / floor["cpu_us"], 1.6, "x")
        if ours["p99_ms"]:
            bar(f"{name}, p99 added latency", ours["p99_ms"], max(5, 2 * floor["p99_ms"]), "ms")
        if name.startswith("5,000"):
            bar(f"{name}, memory per open stream", ours["kib"], 24, "KiB")
    print("  ok      0 characters lost, doubled or changed")
    return is_good


def main() -> int:
    parser = argparse.ArgumentParser(prog="Scripts/bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a short form, good for a first look")
    parser.add_argument("--slow-readers", action="store_true", help="100 of 200 viewers stop reading; shows memory and latency")
    parser.add_argument("--targets", default="nginx,medstream", help="of: " + ", ".join(TARGETS) + " (default %(default)s)")
    parser.add_argument("--only", default="", metavar="TEXT", help="scenarios whose name contains TEXT")
    parser.add_argument("--work", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.targets.split(",")) - set(TARGETS)
    if unknown:
        parser.error(f"no target is called {', '.join(sorted(unknown))}; known: {', '.join(TARGETS)}")
    kinds = [TARGETS[name] for name in options.targets.split(",")]
    scenarios = SLOW if options.slow_readers else QUICK if options.quick else FULL
    scenarios = [scenario for scenario in scenarios if options.only in scenario.name]
    if not scenarios:
        parser.error(f"no scenario's name contains '{options.only}'")

    rows: dict[str, dict[str, dict]] = {}
    for scenario in scenarios:
        results: dict[str, list[dict]] = {kind.name: [] for kind in kinds}
        for round_number in range(scenario.rounds):
            for kind in kinds:
                print(f"{scenario.name}: {kind.name}, round {round_number + 1} of {scenario.rounds} ...", file=sys.stderr)
                try:
                    slow = scenario.streams // 2 if options.slow_readers else 0
                    results[kind.name].append(measure(scenario, kind, options.work, slow))
                except TextDiffers as fault:
                    print(f"\nFAILED: {scenario.name} through {kind.name}: text differs or a stream broke\n{fault}")
                    return 1
                except CannotStart as fault:
                    print(f"\nCannot measure: {fault}", file=sys.stderr)
                    return 3
        rows[scenario.name] = {name: figures(scenario, runs) for name, runs in results.items()}
        table(scenario.name, rows[scenario.name])
    (options.work / "results.json").write_text(json.dumps(rows, indent=2) + "\n")
    # Of a few milliseconds flat out, the clock of /proc/stat can say nothing.
    paced = {scenario.name for scenario in scenarios if not scenario.runs_to_the_end}
    busy = [name for name in rows if name in paced and any((row["others"] or 0) > 0.25 for row in rows[name].values())]
    if busy:
        print(f"\nThe machine was busy with other work during: {', '.join(busy)}; latency there says little.")
    return 0 if judge(rows) else 2


if __name__ == "__main__":
    sys.exit(main())
