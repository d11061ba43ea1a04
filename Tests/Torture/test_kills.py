"""Server and worker are killed over and over, at random and at every step, while a crowd talks."""

import time

import pytest
from conftest import KILLS, STORES
from crowd import Crowd
from kills import kill_loop
from scenario import DRAINED, ask_again, settle

SHORT = 50


@pytest.mark.parametrize("store", STORES)
@pytest.mark.timeout(3600)
def test_nothing_acknowledged_is_lost_or_doubled_when_processes_die(store, house_on, seed, say, is_long):
    house = house_on(store).start()
    crowd = Crowd(house.port, 8, seed=seed).start()
    begun = time.monotonic()
    house.kill()
    toll = kill_loop(house, KILLS if is_long else SHORT, seed)
    say(f"{store}, seed {seed}: {toll} in {time.monotonic() - begun:.0f} s")
    house.start()
    settle(house, crowd, say, f"{store}, kill loop")
    ask_again(house, crowd, seed)
    assert not toll.failures, toll.failures
    assert toll.kills >= (KILLS if is_long else SHORT)
    assert house.await_drained(DRAINED) < DRAINED
    if is_long:
        assert not toll.missed, f"these steps were never reached: {toll.missed}"
