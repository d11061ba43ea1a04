"""What the tests have in common: break something under a crowd, mend it, and hold all to account."""

import asyncio
import random
import time
from collections.abc import Callable

from crowd import Crowd, verdict
from house import House
from ledger import Verdict
from speaker import Speaker, Turn

# Within so many seconds of the target's return all that waited is stored.
DRAINED = 10
# A server looks every 5 s for answers that another left open, and gives an end 15 s to come out of a spool.
CLOSED = 30


def settle(house: House, crowd: Crowd, say: Callable, what: str, seconds: float = 60) -> Verdict:
    """Ends the crowd, waits for an empty queue, reads everything back and judges it."""
    crowd.finish(seconds)
    stored = house.await_stored(DRAINED)
    # Titles and summaries take their time after a storm; nobody waits for them.
    drained = stored + house.await_drained(240)
    end = time.monotonic() + CLOSED
    while True:
        found, record = verdict(house.port, crowd.turns, house.model.asked())
        if time.monotonic() > end or not any(row["state"] == "streaming" for row in record.rows):
            break
        time.sleep(1)
    trouble = house.check()
    if not house.is_postgres:
        assert found.healed == 0, "an answer ended twice, though there is no spool that could bring an end home"
    say(f"{what}: {found}; all stored {stored:.1f} s and queue empty {drained:.1f} s after the last answer"
        + (f", {house.replayed} dead letters put back" if house.replayed else ""))
    assert found.is_good, f"{what}: {found}"
    assert not trouble, f"{what}: medstream store check says: {trouble}"
    assert found.saved > 0, "nothing was acknowledged, so nothing was tried"
    return found


def ask_again(house: House, crowd: Crowd, seed: int):
    """Old keys join their turns: whoever asks again gets the old answer."""
    chance = random.Random(seed)
    # The end of a pending one may have come out of the spool after its stream was given another.
    turns = [turn for turn in crowd.turns if turn.outcome != "interrupted" and not turn.was_pending]
    for old in chance.sample(turns, min(20, len(turns))):
        turn = Turn(old.question, key=old.key)
        speaker = Speaker(house.port, "again", chance)
        speaker.conversation = old.asked_in
        asyncio.run(asyncio.wait_for(speaker.insist(turn), 20))
        # An answer that is told from the record has no ids in it.
        found = (turn.answer_id or old.answer_id, turn.stream, turn.text, turn.outcome)
        expected = (old.answer_id, old.stream, old.text, old.outcome)
        assert found == expected, f"asked again, {old.question!r} has {found} and not {expected}"

