"""Backups: made while people talk, restored into an empty directory, refused when they are not what they were."""

import json
import shutil
from pathlib import Path

import pytest
from crowd import Crowd, verdict
from evidence import traces
from house import House
from waiting import await_saved


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def busy(house):
    house.start()
    return house


def back_up(house: House, folder: Path, *options: str) -> dict:
    made = house.cli("backup", str(folder), "--json", *options)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def test_a_backup_under_load_holds_all_that_was_acknowledged_before_it(busy, make_house, folder):
    crowd = Crowd(busy.port, 4, pace=2).start()
    await_saved(crowd, 20)
    safe = [turn for turn in crowd.turns if turn.saved is not None]
    manifest = back_up(busy, folder / "backup")
    crowd.finish()
    assert safe and "medstream.sqlite" in {file["name"] for file in manifest["files"]}
    assert "keys" not in names(folder / "backup")
    assert names(folder / "backup") == {file["name"] for file in manifest["files"]} | {"manifest.json"}
    assert traces(folder / "backup") == []
    for file in (folder / "backup").iterdir():
        assert file.stat().st_mode & 0o077 == 0

    other = make_house("other", settings={"encryption": {"key_file": str(busy.data / "keys")}})
    restored = other.cli("restore", str(folder / "backup"), "--into", str(other.data))
    assert restored.returncode == 0, restored.stderr
    other.start()
    other.await_drained()
    found, record = verdict(other.port, safe, {})
    # What was said after the backup is not in it; what was acknowledged before is, with its bytes.
    assert not found.lost and found.saved == len(safe), str(found)
    assert all(row["state"] == "final" for row in record.rows)
    assert other.check() == ""
    # The restored installation is one to talk to.
    more = Crowd(other.port, 2, seed=5, turns=6).start()
    more.thread.join(60)
    more.finish()
    assert all(turn.saved for turn in more.turns)


def test_a_backup_with_keys_needs_no_others(busy, make_house, folder):
    crowd = Crowd(busy.port, 2, turns=6).start()
    crowd.thread.join(60)
    crowd.finish()
    back_up(busy, folder / "backup", "--with-keys")
    shutil.rmtree(busy.data)
    other = make_house("other")
    restored = other.cli("restore", str(folder / "backup"), "--into", str(other.data))
    assert restored.returncode == 0, restored.stderr
    assert (other.data / "keys").stat().st_mode & 0o777 == 0o600
    other.start()
    found, _ = verdict(other.port, crowd.turns, {})
    assert found.is_good and found.saved > 0, str(found)


def test_a_backup_that_changed_or_belongs_to_other_keys_is_refused_and_nothing_is_put_in_place(busy, make_house, folder):
    crowd = Crowd(busy.port, 2, turns=4).start()
    crowd.thread.join(60)
    crowd.finish()
    backup = folder / "backup"
    back_up(busy, backup)
    store = backup / "medstream.sqlite"
    whole = store.read_bytes()
    target = folder / "target"

    def refused(code: int, sentence: str, config: House = busy):
        told = config.cli("restore", str(backup), "--into", str(target))
        assert told.returncode == code and sentence in told.stderr, (told.returncode, told.stderr)
        assert not target.exists() or not names(target)

    changed = bytearray(whole)
    changed[len(changed) // 2] ^= 4
    store.write_bytes(changed)
    refused(1, "SHA-256")
    store.write_bytes(whole[:-4096])
    refused(1, "SHA-256")
    store.unlink()
    refused(1, "lacks its file")
    store.write_bytes(whole)

    other = make_house("other")
    assert other.cli("keys", "create").returncode == 0
    refused(78, "is another", other)
    (other.data / "keys").unlink()
    refused(78, "There is no key file", other)

    (backup / "manifest.json").rename(backup / "manifest.json.partial")
    refused(1, "no finished backup")
    (backup / "manifest.json.partial").rename(backup / "manifest.json")

    target.mkdir(exist_ok=True)
    (target / "precious").write_text("mine")
    told = busy.cli("restore", str(backup), "--into", str(target))
    assert told.returncode == 1 and "not empty" in told.stderr
    assert names(target) == {"precious"}
    told = busy.cli("backup", str(target))
    assert told.returncode == 1 and "not empty" in told.stderr and names(target) == {"precious"}
    (target / "precious").unlink()
    assert busy.cli("restore", str(backup), "--into", str(target)).returncode == 0
