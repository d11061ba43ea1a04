"""How fast a worker drains a queue, beside what SQLite gives a program that only moves the rows; and whether it stays so
with a million of them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from report import Bars, print_table
from targets import CannotStart

ROOT = Path(__file__).resolve().parents[1]
ROUNDS, ROWS, ROW_BYTES, DEEP = 3, 20_000, 2048, 1_000_000
# Rows a second, or so much of the floor, whichever is less.
BARS = {"sqlite": (5_000, 0.5), "postgres": (4_000, 0.5)}
# Of the rate before 10,000 rows.
FLAT = 0.8

COLUMNS = [("rows/s", "rows_per_second", 0), ("of the floor", "share", 2)]
DEPTH_COLUMNS = [("rows/s at 10,000", "shallow", 0), ("at 1,000,000", "deep", 0), ("counting s", "statistics_seconds", 2)]


def run(*command: object) -> dict:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise CannotStart(f"{command[0]}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout)


def median(rows: list[dict]) -> dict:
    return sorted(rows, key=lambda row: row["rows_per_second"])[len(rows) // 2]


def drain(work: Path, server) -> dict[str, dict]:
    """By turns, so that what disturbs one disturbs the others."""
    program = work / "queue-drain"
    found: dict[str, list[dict]] = {}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir=work, prefix="queue-") as folder:
            for name in ("floor", "sqlite"):
                found.setdefault(name, []).append(run(program, name, f"{folder}/{name}.sqlite", ROWS, ROW_BYTES))
            if server:
                database = server.make_database()
                found.setdefault("postgres", []).append(
                    run(program, "postgres", server.url(database), ROWS, ROW_BYTES, f"{folder}/spool.sqlite"))
                server.drop_database(database)
    rows = {name: median(each) for name, each in found.items()}
    for name in rows.keys() - {"floor"}:
        rows[name]["share"] = rows[name]["rows_per_second"] / rows["floor"]["rows_per_second"]
    return rows


def compare(work: Path, only: str) -> tuple[dict, Bars]:
    found = {}
    server = None
    try:
        if "drain" in only or not only:
            sys.path.insert(0, str(ROOT / "Tests/Postgres"))
            from postgres import PostgresServer

            server = PostgresServer()
            found["drain"] = drain(work, server)
            print_table(f"A worker's drain, rows of {ROW_BYTES} bytes", COLUMNS, found["drain"])
    finally:
        if server:
            server.close()
    if "depth" in only or not only:
        with tempfile.TemporaryDirectory(dir=work, prefix="queue-") as folder:
            found["depth"] = {"sqlite": run(work / "queue-drain", "depth", f"{folder}/deep.sqlite", DEEP)}
        print_table("Leasing and settling before many rows", DEPTH_COLUMNS, found["depth"])
    bars = Bars()
    for store, (rate, share) in BARS.items():
        if row := found.get("drain", {}).get(store):
            limit = min(rate, share * found["drain"]["floor"]["rows_per_second"])
            bars.least(f"rows a second drained into {store}", row["rows_per_second"], limit, "")
    if row := found.get("depth", {}).get("sqlite"):
        bars.least("leases before a million rows, of those before 10,000", row["deep"] / row["shallow"], FLAT, "")
    return found, bars
