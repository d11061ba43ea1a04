"""The disk of disk.c: cutting its power, and letting it fail."""

import errno
import random
import shutil
import subprocess
from pathlib import Path

PAGE, SECTOR = 4096, 512


class Disk:
    """A data folder whose writes are only safe once they are synced."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.data, self.platter, self.fault = folder / "data", folder / "platter", folder / "fault"
        self.data.mkdir()
        self.platter.mkdir()
        library = folder / "disk.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", library, Path(__file__).with_name("disk.c")], check=True, timeout=60)
        self.environment = {
            "LD_PRELOAD": str(library), "DISK_FOLDER": str(self.data), "DISK_PLATTER": str(self.platter),
            "DISK_FAULT": str(self.fault)}

    def cut(self, chance: random.Random | None = None, unit: int = PAGE):
        """The power goes, after all processes: what was not synced is lost.

        With `chance`, a random half of the unsynced pages or sectors came to the platter nevertheless.
        """
        found = {path.name for path in self.data.iterdir()}
        for name in sorted(found | {path.name for path in self.platter.iterdir()}):
            if name.startswith("."):
                # The file was synced, its folder was not: the name is lost, or half of the time it is not.
                hidden = self.platter / name
                hidden.rename(self.platter / name[1:]) if chance and chance.random() < 0.5 else hidden.unlink()
        if chance:
            for name in sorted(found):
                mix(self.data / name, self.platter / name, chance, unit)
        shutil.rmtree(self.data)
        shutil.rmtree(f"{self.platter}.marks", ignore_errors=True)
        shutil.copytree(self.platter, self.data)

    def fail(self, number: int = errno.ENOSPC):
        """From now on every write fails."""
        # In one step: a reader must not find the file empty.
        new = self.fault.with_suffix(".new")
        new.write_text(str(number))
        new.rename(self.fault)

    def hang(self):
        """From now on no write returns."""
        self.fail(-1)

    def heal(self):
        self.fault.unlink(missing_ok=True)


def mix(real: Path, kept: Path, chance: random.Random, unit: int):
    """Brings a random half of what differs to the platter, in any order."""
    if not kept.exists() or real.name.endswith("-shm"):
        return
    now, then = real.read_bytes(), kept.read_bytes()
    mixed = bytearray(then)
    for place in range(0, max(len(now), len(then)), unit):
        part = now[place:place + unit]
        if part != then[place:place + unit] and chance.random() < 0.5:
            if len(mixed) < place:
                mixed += bytes(place - len(mixed))
            mixed[place:place + len(part)] = part
    kept.write_bytes(mixed)
