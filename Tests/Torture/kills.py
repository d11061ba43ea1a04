"""The kill loop: server and worker die at random and at chosen steps, while a crowd talks."""

import random
import signal
import threading
from collections import Counter
from dataclasses import dataclass, field

from house import House, Process
from points import reachable

# Seconds from readiness to the kill.
SOONEST, LATEST = 0.02, 0.35


@dataclass
class Toll:
    """How often each died, and where, of the steps that are on their way."""

    steps: set[str]
    random: Counter = field(default_factory=Counter)
    placed: Counter = field(default_factory=Counter)
    unready: int = 0
    failures: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        return self.random.total() + self.placed.total()

    @property
    def missed(self) -> list[str]:
        return sorted(name for name in self.steps if not self.placed[name])

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {self.random['server']} of the server and {self.random['worker']} of the worker at "
            f"random, {self.unready} of them while starting; {self.placed.total()} at {len(self.placed)} of "
            f"{len(self.steps)} chosen steps" + (f"; never reached: {', '.join(self.missed)}" if self.missed else ""))


class Reaper:
    """Starts one kind of process and kills it, over and over."""

    def __init__(self, house: House, kind: str, toll: Toll, kills: int, seed: int):
        self.house, self.kind, self.toll, self.kills = house, kind, toll, kills
        self.chance = random.Random(f"{seed}-{kind}")
        self.steps = reachable(house.store, kind)
        self.thread = threading.Thread(target=self.reap, daemon=True)
        self.count = 0

    def fault(self) -> tuple[str, int]:
        """A step, and which of its times is the last; first those at which nothing has died yet."""
        fresh = [name for name in self.steps if not self.toll.placed[name]]
        if fresh:
            return self.chance.choice(fresh), self.chance.choice([1, 1, 2])
        return self.chance.choice(self.steps), self.chance.choice([1, 2, 3, 10])

    def launch(self, fault: tuple[str, int] | None) -> Process:
        start = self.house.start_server if self.kind == "server" else self.house.start_worker
        return start({"FAULT_AT": f"{fault[0]}:{fault[1]}"} if fault else {}, is_awaited=False)

    def reap(self):
        try:
            while self.count < self.kills:
                self.take_one()
        except Exception as failure:
            self.toll.failures.append(f"{self.kind}: {failure!r}")

    def take_one(self):
        fault = self.fault() if self.chance.random() < 0.4 else None
        process = self.launch(fault)
        if not fault and self.chance.random() < 0.1:
            # Recovery dies too.
            process.wait(self.chance.uniform(0.005, 0.15))
            self.toll.unready += 1
        else:
            process.wait_ready(30)
            process.wait(self.chance.uniform(SOONEST, LATEST) * (3 if fault else 1))
        if process.has_ended:
            code = process.popen.returncode
            if not fault or code != -signal.SIGKILL:
                self.toll.failures.append(f"the {self.kind} ended by itself with {code}")
                self.count += 1
                return
            self.toll.placed[fault[0]] += 1
        else:
            process.kill()
            self.toll.random[self.kind] += 1
        self.count += 1


def kill_loop(house: House, kills: int, seed: int) -> Toll:
    """Returns when so many died; both are dead then, and to be started again by the caller."""
    toll = Toll({*reachable(house.store, "server"), *reachable(house.store, "worker")})
    reapers = [Reaper(house, "server", toll, kills - kills // 2, seed), Reaper(house, "worker", toll, kills // 2, seed)]
    for reaper in reapers:
        reaper.thread.start()
    for reaper in reapers:
        reaper.thread.join()
    return toll

