"""The disk is full, cannot be written, or fails: nothing is acknowledged that is not safe, and nothing stored is lost."""

import errno
import http.client
import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from conftest import chosen, on
from crowd import Crowd
from disk import Disk
from house import House
from scenario import settle

pytestmark = [on("sqlite")]

FAULTS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "failing": errno.EIO}


def states(crowd: Crowd, since: float) -> tuple[int, int]:
    """Answers acknowledged since then, and refusals met by any question."""
    turns = crowd.turns
    return sum(turn.saved_at >= since for turn in turns), sum(len(turn.refusals) for turn in turns)


@pytest.mark.parametrize("fault", chosen(FAULTS, ["full"]))
def test_what_cannot_be_written_is_not_acknowledged(fault, make_house, folder, seed, say):
    disk = Disk(folder / "disk")
    house = make_house(data=disk.data)
    house.environment = disk.environment
    house.start()
    crowd = Crowd(house.port, 6, seed=seed).start()
    time.sleep(1)
    disk.fail(FAULTS[fault])
    begun = time.monotonic()
    time.sleep(3)
    saved, refused = states(crowd, begun + 0.5)
    disk.heal()
    settle(house, crowd, say, f"disk {fault} for 3 s, {refused} refused meanwhile")
    assert saved == 0, "an answer was acknowledged while nothing could be written"
    assert refused > 0, "a question was not refused while nothing could be written"


def call(port: int, path: str, question: str | None = None) -> tuple[int, dict]:
    """A call of its own; with a question, one that waits for the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    if question is None:
        connection.request("GET", path)
    else:
        connection.request("POST", path, json.dumps({"message": question}), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read() or b"{}")


ASK = "/api/v1/chat/messages?wait=true"
# A disk that hangs costs so many seconds after the drain, on a busy machine: deploy/medstream.service.
LEFT_WITHIN = 14


def test_a_server_and_a_worker_end_when_they_are_told_to_though_the_disk_hangs(make_house, folder, say):
    disk = Disk(folder / "disk")
    house = make_house(data=disk.data, settings={"server": {"timeouts": {"drain": "1s"}}, "worker": {"drain": "1s"}})
    house.environment = disk.environment
    house.start()
    assert call(house.port, ASK, "What is a cough?")[0] == 200
    disk.hang()
    # Its turn hangs in the store, and it is never told that it is saved.
    waiting = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    waiting.request("POST", ASK, json.dumps({"message": "What is a fever?"}), {"Content-Type": "application/json"})
    time.sleep(0.5)
    begun = time.monotonic()
    worker = house.workers[0]
    worker.signal(15)
    assert house.server.stop(1 + LEFT_WITHIN) == 0
    took = time.monotonic() - begun
    assert worker.wait(1 + LEFT_WITHIN) == 0
    say(f"the server ended {took:.1f} s after it was told to on a disk that hangs")
    assert '"store_left"' in house.server.log.read_text()
    disk.heal()
    house.start()
    _, page = call(house.port, "/api/v1/conversations")
    assert len(page["conversations"]) >= 1
    assert not house.check()


def test_a_damaged_file_is_told_by_readiness(make_house, say):
    house: House = make_house().start()
    turns = [call(house.port, ASK, f"What is a cough, for the {number}th time?") for number in range(30)]
    assert {status for status, _ in turns} == {200}
    assert call(house.port, "/readyz") == (200, {"status": "ready"})
    # What a disk does that has lost some of its blocks, under the open store; the log is moved into the file before.
    worker = house.workers[0]
    assert worker.stop() == 0
    assert house.server.stop() == 0
    house.start_server()
    with (house.data / "medstream.sqlite").open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(8 * 4096)
        file.write(b"\xa5" * (size - 8 * 4096))
    for status, turn in turns:
        call(house.port, f"/api/v1/conversations/{turn['conversation_id']}/messages")
    end = time.monotonic() + 20
    while (ready := call(house.port, "/readyz"))[0] == 200 and time.monotonic() < end:
        time.sleep(0.05)
    say(ready)
    assert ready[0] == 503 and "damaged" in ready[1]["detail"]
    assert call(house.port, ASK, "What is a fever?")[0] == 503
    assert call(house.port, "/healthz")[0] == 200


# Where Debian keeps what root alone uses.
TOOLS = {**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"}


def mount(*arguments) -> bool:
    """Whether it worked; only root may."""
    return os.geteuid() == 0 and subprocess.run(["mount", *arguments]).returncode == 0


@pytest.fixture
def small_disk(folder):
    """A file system of 64 MB, of which the ballast takes 8."""
    place = folder / "small"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", place):
        pytest.skip("a file system can be mounted by root alone; the disk of disk.c was full instead")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def image(folder):
    """A file system of its own in a file, how to mount it, and what lets it find itself damaged when written to."""
    place, file = folder / "image", folder / "image.ext4"
    place.mkdir()
    with file.open("wb") as made:
        made.truncate(128 << 20)
    made = subprocess.run(["mkfs.ext4", "-q", file], env=TOOLS)
    command = ["-o", "loop,errors=remount-ro", str(file), str(place)]
    if made.returncode or not mount(*command):
        pytest.skip("a file system can be mounted by root alone; the disk of disk.c was read-only instead")
    try:
        source = subprocess.run(["findmnt", "-no", "SOURCE", place], check=True, capture_output=True, text=True).stdout
        trigger = Path("/sys/fs/ext4", Path(source.strip()).name, "trigger_fs_error")
        if not os.access(trigger, os.W_OK):
            pytest.skip(f"{trigger} cannot be written; the disk of disk.c was read-only instead")
        yield place, command, trigger
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place) -> None:
    """Takes all the room there is."""
    with (place / "filler").open("ab", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError as full:
            assert full.errno == errno.ENOSPC


def test_a_full_file_system_refuses_and_recovers(small_disk, make_house, seed, say):
    house: House = make_house(data=small_disk / "data").start()
    crowd = Crowd(house.port, 6, seed=seed, pause=0.05).start()
    time.sleep(1)
    end = time.monotonic() + 4
    while time.monotonic() < end:
        fill(small_disk)
        time.sleep(0.05)
    ready = call(house.port, "/readyz")
    refused = sum(len(turn.refusals) for turn in crowd.turns)
    (small_disk / "filler").unlink()
    settle(house, crowd, say, f"file system full for 4 s, {refused} refused meanwhile")
    assert refused > 0, "a question was not refused while the file system was full"
    assert ready[0] == 503 and "no room" in ready[1]["detail"]
    assert call(house.port, "/readyz") == (200, {"status": "ready"})
    assert '"ballast_small"' in house.server.log.read_text()


def damage(place, trigger: Path) -> None:
    """Lets ext4 find itself damaged, so that it turns read-only; what is being written waits for that moment.

    Without the freeze ext4 loses what it has just called synced: in 7 of 120 tries, and in none with it, a program that
    does nothing but append and `fdatasync` missed its last record afterwards (Linux 6.18). See docs/storage.md.
    """
    subprocess.run(["fsfreeze", "--freeze", place], env=TOOLS, check=True)
    try:
        trigger.write_text("damaged by a test")
    finally:
        subprocess.run(["fsfreeze", "--unfreeze", place], env=TOOLS, check=True)


def test_a_file_system_that_turns_read_only_is_survived(image, make_house, seed, say):
    """As ext4 does when it finds itself damaged: in mid-write, with everything open."""
    place, command, trigger = image
    house: House = make_house(data=place / "data").start()
    crowd = Crowd(house.port, 6, seed=seed, pause=0.05).start()
    time.sleep(1.5)
    damage(place, trigger)
    begun = time.monotonic()
    time.sleep(2)
    saved, refused = states(crowd, begun + 0.5)
    house.kill()
    subprocess.run(["umount", place], check=True)
    assert mount(*command)
    house.start()
    settle(house, crowd, say, f"file system read-only for 2 s, {refused} refused meanwhile")
    assert saved == 0 and refused > 0
