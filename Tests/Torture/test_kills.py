"""Server and worker are killed over and over, at random and at every step, while a crowd talks."""

import random
import time

import pytest
from conftest import KILLS, STORES, on
from crowd import Crowd
from kills import kill_loop
from proxy import Proxy
from scenario import DRAINED, ask_again, settle

SHORT = 50


@pytest.mark.parametrize("store", STORES)
@pytest.mark.timeout(3600)
def test_nothing_acknowledged_is_lost_or_doubled_when_processes_die(store, house_on, seed, say, is_long):
    house = house_on(store).start()
    crowd = Crowd(house.port, 8, seed=seed, pause=0.1).start()
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
    assert not (is_long and toll.missed), f"these steps were never reached: {toll.missed}"


@on("postgres")
@pytest.mark.timeout(1800)
def test_what_went_to_the_spool_survives_the_death_of_those_who_put_it_there(postgres, database, make_house, seed, say):
    """The store goes away, answers go to the spool, the server dies, and then the store is back."""
    proxy = Proxy(postgres.port)
    house = make_house(url=postgres.url(database, port=proxy.port)).start()
    # Until the spool is empty, a new server turns questions in conversations away that it does not know.
    crowd = Crowd(house.port, 8, seed=seed, pause=0.02, strangers=2).start()
    chance, rounds, placed = random.Random(seed), 40 if KILLS else 4, 0
    for number in range(rounds):
        time.sleep(chance.uniform(0.3, 0.8))
        proxy.turn("reset")
        time.sleep(chance.uniform(0.3, 1.0))
        if number % 2:
            placed += house.server.wait(5) is not None
        house.kill()
        proxy.turn("pass")
        env = {} if number % 2 else {"FAULT_AT": f"after_spool_before_ack:{chance.choice([1, 2, 5] if KILLS else [1])}"}
        house.start_server(env)
        house.start_worker()
    say(f"{rounds} outages, each with the death of server and worker, {placed} of them right after a write to the spool")
    found = settle(house, crowd, say, "outages and deaths")
    ask_again(house, crowd, seed)
    proxy.stop()
    assert found.pending > 0, "no answer was saved as pending, so the spool was never used"
    assert placed > 0, "the server never died right after a write to the spool"
