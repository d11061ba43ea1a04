"""The power goes: what was not synced is gone, or half of it."""

import random
import time

import pytest
from conftest import KILLS, chosen, on
from crowd import Crowd
from disk import PAGE, SECTOR, Disk
from scenario import settle

pytestmark = [on("sqlite")]

# What of the unsynced comes to the platter nevertheless.
KEPT = {"nothing": None, "half of the pages": PAGE, "half of the sectors": SECTOR}


@pytest.mark.parametrize("kept", chosen(KEPT, ["half of the pages"]))
@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_when_the_power_goes(kept, make_house, folder, seed, say):
    disk = Disk(folder / "disk")
    house = make_house(data=disk.data)
    house.environment = disk.environment
    chance, cuts = random.Random(f"{seed}-{kept}"), 30 if KILLS else 4
    house.start()
    crowd = Crowd(house.port, 6, seed=seed).start()
    for _ in range(cuts):
        time.sleep(chance.uniform(0.2, 1.2))
        house.kill()
        disk.cut(chance if KEPT[kept] else None, KEPT[kept] or PAGE)
        house.start()
    settle(house, crowd, say, f"{cuts} power cuts, {kept} of the unsynced kept")
