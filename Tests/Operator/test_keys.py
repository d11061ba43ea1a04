"""Keys: what they protect, how they rotate, and what happens without them."""

import json
import os
import re
import sqlite3
import time
from contextlib import closing

import pytest
from crowd import Crowd, verdict
from evidence import forms, traces
from house import House, tail
from waiting import await_, await_saved


def talk(house: House, turns: int = 12, seed: int = 1) -> Crowd:
    crowd = Crowd(house.port, 3, seed=seed, turns=turns).start()
    crowd.thread.join(60)
    crowd.finish()
    return crowd


def assert_kept(house: House, *crowds: Crowd):
    turns = [turn for crowd in crowds for turn in crowd.turns]
    found, _ = verdict(house.port, turns, {})
    assert found.is_good and found.saved > 0, str(found)


def refusal(house: House) -> str:
    """Starts a server that must refuse, and gives back what it says."""
    before = len(tail(house.folder / "medstream-server.log"))
    server = house.start_server(is_awaited=False)
    assert server.wait(30) == 78, tail(server.log)
    return tail(server.log)[before:]


def test_a_search_finds_what_was_not_sealed(tmp_path):
    for number, form in enumerate(forms("größer als 80")):
        (tmp_path / "file").write_bytes(b"x" * number + form + b"y")
        assert traces(tmp_path) == [f"{tmp_path / 'file'}: größer als 80"]
    (tmp_path / "file").write_bytes(b"nothing")
    assert traces(tmp_path) == []


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_that_was_said_can_be_read_from_the_disk(house, end):
    house.start()
    crowd = Crowd(house.port, 4, words=(20, 60), pace=5).start()
    await_saved(crowd, 20)
    # In the midst of answers: the journal and the log beside the store are in use.
    assert traces(house.data, *house.folder.glob("*.log")) == []
    assert len(list(house.data.iterdir())) > 2
    crowd.is_over = True
    if end == "stop":
        house.server.stop()
    else:
        house.server.kill()
    assert traces(house.data, *house.folder.glob("*.log")) == []
    house.start_server()
    crowd.finish()
    assert any(turn.saved for turn in crowd.turns) and house.check() == ""
    house.kill()
    assert traces(house.data, *house.folder.glob("*.log")) == []


def test_the_first_start_makes_the_keys_and_says_where(house):
    house.start_server()
    keys = house.data / "keys"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert house.data.stat().st_mode & 0o777 == 0o700
    assert str(keys) in tail(house.server.log)
    for file in house.data.iterdir():
        assert file.stat().st_mode & 0o077 == 0, f"{file} is open to others"


def test_without_its_keys_a_store_is_refused_and_left_alone(house):
    house.start_server()
    crowd = talk(house)
    house.server.stop()
    keys = house.data / "keys"
    own = keys.read_text()

    # Lost.
    keys.unlink()
    assert "There is no key file" in (said := refusal(house)), said
    assert not keys.exists(), "a new key file would hide that the old one is gone"

    # Another installation's.
    keys.write_text(house.cli("keys", "create", "--print").stdout)
    keys.chmod(0o600)
    assert "key" in (said := refusal(house)).lower(), said
    check = house.cli("store", "check")
    assert check.returncode == 78, check.stdout + check.stderr

    # Open to others.
    keys.write_text(own)
    keys.chmod(0o640)
    assert "chmod 600" in (said := refusal(house)), said

    # Damaged.
    keys.chmod(0o600)
    keys.write_text(own.replace("key ", "key 0", 1))
    assert "line " in (said := refusal(house)), said

    keys.write_text(own)
    house.start_server()
    assert_kept(house, crowd)


def rows_of(house: House, key: str) -> int:
    """Messages that a key sealed."""
    with closing(sqlite3.connect(house.data / "medstream.sqlite")) as database:
        return database.execute("SELECT count(*) FROM message WHERE key = ?", [int(key, 16)]).fetchone()[0]


def test_a_rotation_under_load_loses_nothing_and_the_old_key_can_go(make_house, say):
    # The journal needs the old key as long as streams that it sealed are replayed.
    house = make_house(settings={"streaming": {"retention": "3s"}})
    house.start()
    before = talk(house)
    crowd = Crowd(house.port, 4, seed=2, pace=2).start()
    await_saved(crowd, 20)
    old = json.loads(house.cli("keys", "show", "--json").stdout)["current"]
    rotated = house.cli("keys", "rotate", "--json")
    assert rotated.returncode == 0, rotated.stderr
    new = json.loads(rotated.stdout)["current"]
    assert new != old
    await_(lambda: rows_of(house, new))

    too_early = house.cli("keys", "retire", old)
    assert too_early.returncode == 1 and old in (house.data / "keys").read_text(), too_early.stderr

    crowd.finish()
    # The worker seals anew what is there, without being asked.
    begun = time.monotonic()
    await_(lambda: rows_of(house, old) == 0)
    say(f"sealed anew {time.monotonic() - begun:.1f} s after the last answer")
    moved = house.cli("keys", "reencrypt")
    assert moved.returncode == 0, moved.stderr
    # Everybody has taken the new key up by now: the minute that nobody may be sure of is over.
    keys = house.data / "keys"
    keys.write_text(re.sub(rf"(?m)^(key {new}) \S+", r"\1 2026-01-02T03:04:05Z", keys.read_text()))
    await_(lambda: house.cli("keys", "retire", old).returncode == 0, 60)
    assert old not in (house.data / "keys").read_text()

    house.server.signal(1)
    after = talk(house, seed=3)
    for process in [house.server, *house.workers]:
        process.stop()
    house.start()
    assert_kept(house, before, crowd, after)
    assert house.check() == ""


def test_keys_may_come_from_the_environment(make_house):
    first = make_house("first")
    lines = [line for line in first.cli("keys", "create", "--print").stdout.splitlines() if not line.startswith("#")]
    house = make_house("second", settings={"encryption": {"keys": "${MEDSTREAM_KEYS}"}})
    house.environment = {"MEDSTREAM_KEYS": ";".join(lines)}
    house.start()
    crowd = talk(house)
    house.server.stop()
    assert not (house.data / "keys").exists()
    secrets = [line.split()[-1] for line in lines]
    for file in [path for path in house.folder.rglob("*") if path.is_file()]:
        assert not any(secret.encode() in file.read_bytes() for secret in secrets), file
    house.start_server()
    assert_kept(house, crowd)
    assert os.environ.get("MEDSTREAM_KEYS") is None
