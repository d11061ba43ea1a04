"""The same care of a store in PostgreSQL, as far as it is ours."""

import asyncio
import json
import subprocess

from crowd import Crowd, verdict
from evidence import traces
from ledger import read_back


def test_an_operator_looks_after_a_store_in_postgresql(make_house, postgres, database, folder):
    house = make_house(url=postgres.url(database), settings={"streaming": {"retention": "3s"}}).start()
    crowd = Crowd(house.port, 3, words=(5, 20), turns=12).start()
    crowd.thread.join(60)
    crowd.finish()
    house.await_drained()
    assert house.check() == ""

    dump = folder / "dump.sql"
    subprocess.run(
        [str(postgres.binaries / "pg_dump"), "--file", str(dump), "--dbname", postgres.url(database)], check=True)
    assert dump.stat().st_size > 10_000
    assert traces(dump, house.data, *house.folder.glob("*.log")) == []

    made = house.cli("backup", str(folder / "backup"), "--json")
    assert made.returncode == 0 and "pg_dump" in made.stderr, made.stderr
    assert {file["name"] for file in json.loads(made.stdout)["files"]} == {"journal.sqlite", "spool.sqlite"}

    old = json.loads(house.cli("keys", "show", "--json").stdout)["current"]
    rotated = json.loads(house.cli("keys", "rotate", "--json").stdout)
    assert rotated["job"] and rotated["current"] != old
    moved = house.cli("keys", "reencrypt")
    assert moved.returncode == 0, moved.stderr
    assert house.check() == ""
    found, _ = verdict(house.port, crowd.turns, {})
    assert found.is_good and found.saved > 0, str(found)

    stats = json.loads(house.cli("store", "stats", "--json").stdout)
    assert stats["rows"]["message"] == 2 * len(crowd.turns) and stats["bytes"] > 0
    people = [json.loads(line) for line in house.cli("users", "list", "--json").stdout.splitlines()]
    assert len(people) == 1
    done = house.cli("users", "delete", people[0]["id"], "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["message"] == 2 * len(crowd.turns)
    assert asyncio.run(read_back(house.port)).conversations == {}
    assert house.cli("users", "list", "--json").stdout == ""
    assert "PostgreSQL" in house.cli("migrate").stdout


def test_a_database_of_other_keys_is_refused(make_house, postgres, database):
    first = make_house("first", url=postgres.url(database))
    first.start_server()
    first.server.stop()
    second = make_house("second", url=postgres.url(database))
    server = second.start_server(is_awaited=False)
    assert server.wait(30) == 78
    assert "keyring" in server.log.read_text()
