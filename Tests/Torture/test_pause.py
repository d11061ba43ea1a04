"""A process that stands still for longer than its lease, and then goes on as if no time had passed."""

import signal
import time

import pytest
from conftest import STORES, chosen
from crowd import Crowd
from house import House
from scenario import settle

# The shortest lease that the settings allow, and a pause that is longer.
LEASE, PAUSE = "3s", 7


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("who", chosen(["worker", "server", "both"], ["both"]))
def test_a_pause_longer_than_the_lease_doubles_nothing(who, store, house_on, seed, say):
    house: House = house_on(store, settings={"worker": {"lease": LEASE}}).start()
    # Takes over meanwhile. It runs before the pause, which may come in the middle of a write that shuts all others out.
    second = house.start_worker()
    crowd = Crowd(house.port, 6, seed=seed).start()
    time.sleep(1)
    paused = [process for name, processes in {"worker": house.workers, "server": [house.server]}.items()
              for process in processes if who in (name, "both") and process is not second]
    for process in paused:
        process.signal(signal.SIGSTOP)
    time.sleep(PAUSE)
    for process in paused:
        process.signal(signal.SIGCONT)
    time.sleep(1)
    settle(house, crowd, say, f"{store}, {who} paused for {PAUSE} s, lease {LEASE}")


@pytest.mark.parametrize("store", STORES)
def test_a_worker_that_wakes_late_settles_nothing(store, house_on, seed, say):
    """The pause begins at the worst place: the effect is stored, the job is not yet settled."""
    house: House = house_on(store, settings={"worker": {"lease": LEASE}})
    house.start_server()
    sleeper = house.start_worker({"FAULT_AT": "worker_effect_before_settle:1:pause"})
    house.start_worker()
    crowd = Crowd(house.port, 4, seed=seed).start()
    deadline = time.monotonic() + 20
    while not is_stopped(sleeper.popen.pid):
        assert time.monotonic() < deadline, "the worker never came to the place where it should pause"
        time.sleep(0.02)
    time.sleep(PAUSE)
    sleeper.signal(signal.SIGCONT)
    time.sleep(1)
    settle(house, crowd, say, f"{store}, a worker paused between effect and settlement")


def is_stopped(process: int) -> bool:
    with open(f"/proc/{process}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "T"
