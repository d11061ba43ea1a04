"""Looking after what is kept: checks, numbers, and deletion with a receipt."""

import asyncio
import json
import sqlite3

from crowd import Crowd
from ledger import read_back


def talk(house, turns: int = 8) -> Crowd:
    crowd = Crowd(house.port, 2, turns=turns).start()
    crowd.thread.join(60)
    crowd.finish()
    return crowd


def test_check_finds_nothing_where_nothing_is_wrong_and_what_was_changed_by_hand(house):
    house.start()
    talk(house)
    house.await_drained()
    assert house.check() == ""
    house.kill()
    database = sqlite3.connect(house.data / "medstream.sqlite")
    table, column = database.execute(
        "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table' AND m.name = 'message' AND upper(c.type) = 'BLOB' AND c.name IN ('sealed', 'body')"
    ).fetchone()
    database.execute(f"UPDATE {table} SET {column} = zeroblob(60) WHERE rowid = (SELECT min(rowid) FROM {table})")
    database.commit()
    database.close()
    told = house.cli("store", "check", "--json")
    findings = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode == 1
    assert [finding["kind"] for finding in findings if finding["table"] == "message"] == ["sealed"]
    assert "Question" not in told.stdout + told.stderr


def test_stats_and_migrate_work_beside_a_server(house):
    house.start()
    crowd = talk(house)
    facts = json.loads(house.cli("store", "stats", "--json").stdout)
    assert facts["rows"]["message"] == 2 * len(crowd.turns)
    assert facts["bytes"] > 0 and facts["free_bytes"] > 0
    told = house.cli("migrate")
    assert told.returncode == 0 and "medstream.sqlite" in told.stdout, told.stderr
    talk(house)


def test_a_deleted_user_is_gone_with_a_receipt(house):
    house.start()
    crowd = talk(house)
    house.await_drained()
    people = [json.loads(line) for line in house.cli("users", "list", "--json").stdout.splitlines()]
    assert len(people) == 1 and people[0]["conversations"] > 0
    user = people[0]["id"]

    unsure = house.cli("users", "delete", user)
    assert unsure.returncode == 64 and "--yes" in unsure.stderr
    assert len(asyncio.run(read_back(house.port)).conversations) == people[0]["conversations"]

    done = house.cli("users", "delete", user, "--yes", "--json")
    receipt = json.loads(done.stdout)
    assert done.returncode == 0 and receipt["user"] == user
    assert receipt["rows"]["conversation"] == people[0]["conversations"]
    assert receipt["rows"]["message"] == 2 * len(crowd.turns)
    assert asyncio.run(read_back(house.port)).conversations == {}
    again = json.loads(house.cli("users", "delete", user, "--yes", "--json").stdout)
    assert again["rows"] == {}
    assert house.check() == ""
