"""Whole answers: requests through `/v1/chat/completions` that wait for all of the text, on two cores.

Each target is asked twice, fresh each time: by 64 connections that always have a request open, for the throughput, and
50 times a second, which none of them finds hard, for the latency. What counts as overhead is the latency beyond that of
asking the mock provider itself.
"""

import json
import subprocess
import sys
from pathlib import Path

from report import Bars, print_table
from streams import TextDiffers
from targets import Direct, Provider

CORES = 2
CELLS = 20
CONNECTIONS = 64
RATE = 50
WARM_SECONDS, SECONDS = 2, 6

COLUMNS = [
    ("requests/s", "rate", 0), ("p50 ms", "busy_p50_ms", 2), ("p99 ms", "busy_p99_ms", 2), ("CPU us/request", "cpu_us", 0),
    ("CPU %", "cpu_share", 1), ("MiB", "mib", 0), ("calm p50 ms", "p50_ms", 2), ("calm p99 ms", "p99_ms", 2),
    ("overhead p50", "overhead_p50_ms", 2), ("overhead p99", "overhead_p99_ms", 2), ("others %", "others", 1),
]


def measure(kind: type, work: Path, rate: int) -> dict:
    """One run: fresh provider, fresh target; `rate` in requests a second, 0 for as many as are answered."""
    with Provider(work) as provider, kind(work, provider, f"mock-n{CELLS}-i0", CORES) as target:
        command = [str(work / "requests"), *target.request(streams=False), "--connections", str(CONNECTIONS),
                   "--cells", str(CELLS), "--rate", str(rate), "--warm", str(WARM_SECONDS), "--window", str(SECONDS)]
        if kind is not Direct:
            command += ["--also", str(provider.process.pid)]
        for pid in target.working_pids():
            command += ["--pid", str(pid)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise TextDiffers(f"whole answers: {kind.name}: {done.stderr.strip() or done.returncode}")
        return json.loads(done.stdout)


def run(kinds: list[type], work: Path) -> dict[str, dict]:
    rows: dict[str, dict] = {}
    for kind in [Direct] + [kind for kind in kinds if kind is not Direct]:
        print(f"whole answers: {kind.name} ...", file=sys.stderr)
        busy, calm = measure(kind, work, 0), measure(kind, work, RATE)
        rows[kind.name] = row = {
            "rate": busy["requests_per_second"],
            "busy_p50_ms": busy["latency_us"]["p50"] / 1000,
            "busy_p99_ms": busy["latency_us"]["p99"] / 1000,
            "cpu_us": busy["cpu_us_per_request"],
            "cpu_share": 100 * busy["cpu_share"],
            "mib": busy["memory_kib"] / 1024,
            "p50_ms": calm["latency_us"]["p50"] / 1000,
            "p99_ms": calm["latency_us"]["p99"] / 1000,
            "others": max(0, 100 * max(busy["other_cpu_share"], calm["other_cpu_share"])),
        }
        for key in ("p50_ms", "p99_ms"):
            row[f"overhead_{key}"] = row[key] - rows[Direct.name][key]
    print_table(f"whole answers, {CORES} cores, {CONNECTIONS} connections; calm: {RATE} requests/s", COLUMNS, rows)
    return rows


def judge(rows: dict[str, dict], bars: Bars) -> None:
    ours, floor = rows.get("medstream-v1"), rows.get("nginx")
    if ours and floor:
        bars.least("whole answers, requests per second", ours["rate"], min(3000, 0.5 * floor["rate"]), "/s")
