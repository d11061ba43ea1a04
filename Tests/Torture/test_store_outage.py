"""PostgreSQL is stopped, frozen or killed, or the line to it hangs, while 200 viewers read answers."""

import statistics
import time
from dataclasses import dataclass

import pytest
from conftest import KILLS, chosen, on
from crowd import Crowd
from house import BUILT, SHIPPED
from proxy import Proxy
from scenario import DRAINED, settle
from speaker import Turn

pytestmark = [on("postgres"), pytest.mark.timeout(600)]

VIEWERS, PACE, WORDS, PAUSE = (200, 100, (30, 60), 0.5) if KILLS else (30, 50, (10, 30), 0.5)
SECONDS = 60 if KILLS else 6
# What a question or an answer may wait once for the store to be found missing.
NOTICED = 2.0


class Stopped:
    """Each of these goes `down` and comes back `up`."""

    def __init__(self, postgres, database):
        self.postgres, self.url = postgres, postgres.url(database)

    def down(self):
        self.postgres.stop()

    def up(self):
        self.postgres.start()

    def close(self):
        pass


class Killed(Stopped):
    def down(self):
        self.postgres.kill()


class Frozen(Stopped):
    def down(self):
        self.postgres.freeze()

    def up(self):
        self.postgres.thaw()


class Hung(Stopped):
    """A line that accepts connections and never answers."""

    mode = "hang"

    def __init__(self, postgres, database):
        self.proxy = Proxy(postgres.port)
        self.url = postgres.url(database, port=self.proxy.port)

    def down(self):
        self.proxy.turn(self.mode)

    def up(self):
        self.proxy.turn("pass")

    def close(self):
        self.proxy.stop()


class Refused(Hung):
    """A line that breaks at once, whenever it is tried."""

    mode = "reset"


@dataclass
class Pace:
    """How fluent the answers were that began within some time."""

    turns: int
    first: float
    slowest_first: float
    silence: float

    @staticmethod
    def of(turns: list[Turn], begin: float, end: float) -> "Pace":
        # Only what went its whole way within that time.
        ours = [turn for turn in turns if turn.first_at and begin <= turn.asked_at and begin < turn.done_at <= end]
        firsts = [turn.first_at - turn.asked_at for turn in ours] or [0]
        return Pace(
            len(ours), statistics.median(firsts), max(firsts), statistics.median([turn.silence for turn in ours] or [0]))

    def __str__(self) -> str:
        return (f"{self.turns} turns, first word after {1000 * self.first:.0f} ms (worst "
                f"{1000 * self.slowest_first:.0f}), longest silence {1000 * self.silence:.0f} ms (median)")


BLOWS = [Stopped, Killed, Frozen, Hung, Refused]


@pytest.mark.parametrize("blow", chosen(BLOWS, [Killed, Hung]), ids=lambda blow: blow.__name__.lower())
def test_answers_flow_on_and_are_stored_when_the_store_is_back(blow, postgres, database, make_house, seed, say):
    fate = blow(postgres, database)
    name = blow.__name__.lower()
    try:
        # What is held to a time in the long form is the release build.
        house = make_house(url=fate.url, built=SHIPPED if KILLS else BUILT).start()
        crowd = Crowd(house.port, VIEWERS, seed=seed, words=WORDS, pace=PACE, pause=PAUSE).start()
        time.sleep(5)
        begun = time.monotonic()
        fate.down()
        time.sleep(SECONDS)
        ended = time.monotonic()
        fate.up()
        drained = house.await_stored(6 * DRAINED)
    finally:
        fate.up()
        before, during = Pace.of(crowd.turns, 0, begun), Pace.of(crowd.turns, begun + NOTICED, ended)
    say(f"PostgreSQL {name} for {ended - begun:.0f} s under {VIEWERS} streams: drained {drained:.1f} s after its return")
    say(f"  before: {before}; during: {during}")
    found = settle(house, crowd, say, f"  PostgreSQL {name}")
    fate.close()
    assert found.pending > 0, "no answer was saved as pending, so the spool was never used"
    assert during.turns > 0, "no answer went its whole way during the outage"
    assert drained < DRAINED
    assert not house.replayed, "turns were given up during the outage"
    assert during.first < before.first + 0.5 and during.silence < before.silence + 0.5, "answers slowed down"
