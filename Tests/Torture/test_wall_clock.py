"""The wall clock jumps by an hour, forth and back, while all goes on."""

import glob
import time

import pytest
from conftest import STORES, chosen
from crowd import Crowd
from house import House
from scenario import settle

FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("jump", chosen(["+1h", "-1h"], ["-1h"]))
def test_a_clock_that_jumps_loses_and_doubles_nothing(jump, store, house_on, folder, seed, say):
    library = next(iter(glob.glob(FAKETIME)), None)
    assert library, "libfaketime is not installed: run Scripts/setup test"
    clock = folder / "clock"
    clock.write_text("+0")
    house: House = house_on(store)
    house.environment = {
        "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    house.start()
    crowd = Crowd(house.port, 6, seed=seed, pause=0.02).start()
    for now in (jump, "+0", jump):
        time.sleep(1)
        clock.write_text(now)
    time.sleep(1)
    # A restart in the other time, and a death.
    house.kill()
    house.start()
    time.sleep(1)
    clock.write_text("+0")
    settle(house, crowd, say, f"{store}, wall clock {jump} and back")
