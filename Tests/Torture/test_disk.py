"""The disk is full, cannot be written, or fails: nothing is acknowledged that is not safe, and nothing stored is lost."""

import errno
import os
import subprocess
import time

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


def mount(*arguments) -> bool:
    """Whether it worked; only root may."""
    return os.geteuid() == 0 and subprocess.run(["mount", *arguments]).returncode == 0


@pytest.fixture
def small_disk(folder):
    """A file system of 64 MB, of which the ballast takes 16."""
    place = folder / "small"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", place):
        pytest.skip("a file system can be mounted by root alone; the disk of disk.c was full instead")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def image(folder):
    """A file system of its own in a file, and how to mount it."""
    place, file = folder / "image", folder / "image.ext4"
    place.mkdir()
    with file.open("wb") as made:
        made.truncate(128 << 20)
    made = subprocess.run(["mkfs.ext4", "-q", file], env={**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"})
    command = ["-o", "loop", str(file), str(place)]
    if made.returncode or not mount(*command):
        pytest.skip("a file system can be mounted by root alone; the disk of disk.c was read-only instead")
    yield place, command
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
    refused = sum(len(turn.refusals) for turn in crowd.turns)
    (small_disk / "filler").unlink()
    settle(house, crowd, say, f"file system full for 4 s, {refused} refused meanwhile")
    assert refused > 0, "a question was not refused while the file system was full"


def test_a_file_system_that_turns_read_only_is_survived(image, make_house, seed, say):
    """As ext4 does when it finds itself damaged: in mid-write, with everything open."""
    place, command = image
    house: House = make_house(data=place / "data").start()
    crowd = Crowd(house.port, 6, seed=seed, pause=0.05).start()
    time.sleep(1.5)
    assert mount("-o", "remount,abort", str(place))
    begun = time.monotonic()
    time.sleep(2)
    saved, refused = states(crowd, begun + 0.5)
    house.kill()
    subprocess.run(["umount", place], check=True)
    assert mount(*command)
    house.start()
    settle(house, crowd, say, f"file system read-only for 2 s, {refused} refused meanwhile")
    assert saved == 0 and refused > 0
