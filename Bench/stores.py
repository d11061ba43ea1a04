"""How many turns a second each store acknowledges, beside what its database gives a program that only writes.

A turn is two writes, one after the other: the question with the rows of its answer and its key, and the answer with the
job that follows. The floor writes two rows of the same size, in the same run, with as many producers.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from report import Bars, print_table
from targets import CannotStart

ROOT = Path(__file__).resolve().parents[1]
SECONDS, ROUNDS = 4, 3
ROW_BYTES = 2048
PRODUCERS = {"sqlite": (1, 64, 256), "postgres": (1, 8, 64)}
# Of the floor's turns a second, with as many at once as the share is best at.
BARS = {"sqlite": 0.6, "postgres": 0.5}
# Of one user, and in one of them; the first page of each list in milliseconds.
CONVERSATIONS, CHARACTERS, PAGE_BAR = 100_000, 10_000_000, 50
# What 150 pages may leave behind.
GROWTH_BAR = 16 * 1024

COLUMNS = [("turns/s", "rate", 0), ("p50 ms", "p50", 2), ("p99 ms", "p99", 2), ("worst ms", "worst", 1),
           ("of the floor", "share", 2)]
HISTORY_COLUMNS = [("median ms", "median", 2), ("worst ms", "worst", 2)]


def told(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise CannotStart(f"{command[0]}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout)


def run(command: list[str]) -> dict:
    turns = told(command)
    return {"rate": turns["turns_per_second"], "p50": turns["p50_ms"], "p99": turns["p99_ms"], "worst": turns["worst_ms"]}


def median(rows: list[dict]) -> dict:
    return sorted(rows, key=lambda row: row["rate"])[len(rows) // 2]


def measure(store: str, work: Path, place, producers: int) -> dict[str, dict]:
    """Floor and store by turns, so that what disturbs one disturbs the other."""
    found: dict[str, list[dict]] = {"floor": [], "medstream": []}
    for _ in range(ROUNDS):
        for name, program in (("floor", work / "store_floor"), ("medstream", work / "store-turns")):
            with place() as where:
                found[name].append(run([str(program), store, where, str(producers), str(SECONDS), str(ROW_BYTES)]))
    rows = {name: median(each) for name, each in found.items()}
    rows["medstream"]["share"] = rows["medstream"]["rate"] / rows["floor"]["rate"]
    return rows


class Folder(tempfile.TemporaryDirectory):
    """A new file for each run."""

    def __init__(self, work: Path):
        super().__init__(dir=work, prefix="store-")

    def __enter__(self) -> str:
        return str(Path(super().__enter__()) / "medstream.sqlite")


class Database:
    """A new database for each run."""

    def __init__(self, server):
        self.server = server

    def __enter__(self) -> str:
        self.name = self.server.make_database()
        return self.server.url(self.name)

    def __exit__(self, *_):
        self.server.drop_database(self.name)


def read_history(store: str, work: Path, place) -> dict:
    print(f"{store}: pages before a long history ...", file=sys.stderr)
    with place() as where:
        found = told([str(work / "store-turns"), store, where, "history", str(CONVERSATIONS), str(CHARACTERS)])
    grown = found.pop("grown_kib")
    print_table(f"{store}, first pages of {CONVERSATIONS:,} conversations and {CHARACTERS:,} characters", HISTORY_COLUMNS,
                found)
    return {"pages": found, "grown_kib": grown}


def compare(work: Path, only: str) -> tuple[dict, Bars]:
    found, histories = {}, {}
    server = None
    try:
        for store, counts in PRODUCERS.items():
            if only not in store:
                continue
            if store == "postgres":
                sys.path.insert(0, str(ROOT / "Tests/Postgres"))
                from postgres import PostgresServer

                server = PostgresServer()
            place = (lambda: Database(server)) if server else (lambda: Folder(work))
            for count in counts:
                print(f"{store}: {count} at once ...", file=sys.stderr)
                found[f"{store}, {count} at once"] = rows = measure(store, work, place, count)
                print_table(f"{store}, {count} at once, rows of {ROW_BYTES} bytes", COLUMNS, rows)
            histories[store] = read_history(store, work, place)
    finally:
        if server:
            server.close()
    bars = Bars()
    for store, share in BARS.items():
        ours = [rows["medstream"]["share"] for name, rows in found.items() if name.startswith(store)]
        if ours:
            bars.least(f"turns a second on {store}, of the floor, at its best", max(ours), share, "")
    for store, history in histories.items():
        worst = max(page["worst"] for page in history["pages"].values())
        bars.most(f"first page of any list on {store}, the worst", worst, PAGE_BAR, "ms")
        bars.most(f"memory left behind by 150 pages on {store}", history["grown_kib"], GROWTH_BAR, "KiB")
    return {**found, "histories": histories}, bars
