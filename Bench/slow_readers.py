"""Slow readers: 100 of 200 viewers stop reading for a minute, and the other 100 must not notice.

Once all watch one answer, once each has its own. What the server keeps of a stream for those that come late is set so
small that it is full within ten seconds; from then on its memory may grow by the text of the answers, which it keeps
for the record, and by nothing for the readers that wait. What the kernel holds for the server's sockets counts as its
memory too: a server that lets it grow has moved its queues there, and shows none of them in its own size.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from report import Bars, print_table
from streams import TextDiffers
from targets import OTHER_CORES, Medstream, Provider, on

VIEWERS = 100
STEP_SECONDS, STEPS = 10, 6
# What an allocator keeps back for 200 connections at 20,000 chunks a second; a queue for each slow reader, instead of a
# cursor, would take 25 times that.
SLACK_MIB = 4


class PatientMedstream(Medstream):
    """Keeps little of a stream, and waits for slow readers longer than the minute that it otherwise would not."""

    write_timeout = "3m"
    kept = "{ events: 20000, bytes: 128KiB, total_bytes: 256MiB }"


@dataclass(frozen=True)
class Case:
    """`interval` is in milliseconds between the chunks of an answer."""

    name: str
    interval: int
    is_shared: bool

    def answers(self, viewers: int) -> int:
        return 1 if self.is_shared else viewers


CASES = [Case("one answer for all", 5, True), Case("an answer for each", 10, False)]


def measure(case: Case, work: Path, slow: int) -> list[dict]:
    """Figures for each ten seconds of a minute, with `slow` viewers that stop reading beside those that go on."""
    model = f"mock-n{120_000 // case.interval}-i{case.interval}"
    with Provider(work, OTHER_CORES) as provider, PatientMedstream(work, provider, model) as target:
        request = target.request()
        if case.is_shared:
            request[-1] += "&request_id=shared"
        command = [str(work / "load"), *request, "--streams", str(VIEWERS + slow), "--slow", str(slow), "--warm", "0",
                   "--pid", str(target.process.pid), "--also", str(provider.process.pid)]
        with on(OTHER_CORES):
            load = subprocess.Popen(command + ["--window", str(STEP_SECONDS)] * STEPS, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, text=True)
        steps = []
        for line in load.stdout:
            steps.append(json.loads(line) | {"kernel_kib": kernel_memory_kib(target.port)})
        faults = load.communicate()[1].strip()
        if load.returncode != 0:
            raise TextDiffers(f"{case.name}, {slow} slow readers: {faults or load.returncode}")
        return steps


def kernel_memory_kib(port: int) -> float:
    """What the kernel holds for the connections of a server, received and not read or written and not acknowledged."""
    sockets = subprocess.run(["ss", "-tmnH", "sport", "=", f":{port}"], capture_output=True, text=True, check=True).stdout
    return sum(int(r) + int(w) for r, w in re.findall(r"skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f\d+,w(\d+)", sockets)) / 1024


def over_time(steps: list[dict], value) -> dict[str, float]:
    return {f"t{(number + 1) * STEP_SECONDS}": value(step) for number, step in enumerate(steps)}


def run(cases: list[Case], work: Path) -> dict[str, dict[str, list[dict]]]:
    columns = [("start", "t0", 2)] + [(f"{t} s", f"t{t}", 2) for t in range(STEP_SECONDS, STEP_SECONDS * STEPS + 1, STEP_SECONDS)]
    all_steps = {}
    for case in cases:
        found = {}
        for slow in (0, VIEWERS):
            print(f"{case.name}: {VIEWERS} viewers and {slow} slow ones, {STEP_SECONDS * STEPS} s ...", file=sys.stderr)
            found["beside" if slow else "alone"] = measure(case, work, slow)
        all_steps[case.name] = found
        print_table(f"{case.name}: memory of the server in MiB, without and beside {VIEWERS} slow readers", columns, {
            name: {"t0": steps[0]["memory_before_kib"] / 1024} | over_time(steps, lambda s: s["memory_kib"] / 1024)
            for name, steps in found.items()})
        print_table(f"{case.name}: memory of the kernel for the server's connections in MiB", columns, {
            name: over_time(steps, lambda s: s["kernel_kib"] / 1024) for name, steps in found.items()})
        print_table(f"{case.name}: p99 in ms, of the {VIEWERS} that read", columns, {
            name: over_time(steps, lambda s: s["latency_us"]["p99"] / 1000) for name, steps in found.items()})
    return all_steps


def judge(all_steps: dict[str, dict[str, list[dict]]], bars: Bars) -> None:
    for case in (case for case in CASES if case.name in all_steps):
        alone, beside = all_steps[case.name]["alone"], all_steps[case.name]["beside"]
        first, last = ((step["memory_kib"] + step["kernel_kib"]) / 1024 for step in (beside[0], beside[-1]))
        seconds = STEP_SECONDS * (STEPS - 1)
        text = case.answers(2 * VIEWERS) * seconds * 1000 / case.interval * 10 / 2**20
        # Twice, because a text that grows in place doubles its room.
        bars.most(f"{case.name}, memory gained after the first {STEP_SECONDS} s, kernel's included", last - first, SLACK_MIB + 2 * text, "MiB")
        worst = [max(step["latency_us"]["p99"] for step in steps) / 1000 for steps in (alone, beside)]
        bars.most(f"{case.name}, worst p99 of the others", worst[1], max(5, 2 * worst[0]), "ms")
