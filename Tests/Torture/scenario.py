"""What the tests have in common: break something under a crowd, mend it, and hold all to account."""

import asyncio
import random
from collections.abc import Callable

from crowd import Crowd, verdict
from house import House
from ledger import Verdict
from speaker import Speaker, Turn

# Within so many seconds of the target's return all that waited is stored.
DRAINED = 10


def settle(house: House, crowd: Crowd, say: Callable, what: str, seconds: float = 60) -> Verdict:
    """Ends the crowd, waits for an empty queue, reads everything back and judges it."""
    crowd.finish(seconds)
    drained = house.await_drained(60)
    found, _ = verdict(house.port, crowd.turns, house.model.asked())
    trouble = house.check()
    if not house.is_postgres:
        assert found.healed == 0, "an answer ended twice, though there is no spool that could bring an end home"
    say(f"{what}: {found}; queue empty {drained:.1f} s after the last answer"
        + (f", {house.replayed} dead letters put back" if house.replayed else ""))
    assert found.is_good, f"{what}: {found}"
    assert not trouble, f"{what}: medstream store check says: {trouble}"
    assert found.saved > 0, "nothing was acknowledged, so nothing was tried"
    return found


def ask_again(house: House, crowd: Crowd, seed: int):
    """Old keys join their turns: whoever asks again gets the old answer."""
    chance = random.Random(seed)
    for old in chance.sample(crowd.turns, min(20, len(crowd.turns))):
        turn = Turn(old.question, key=old.key)
        speaker = Speaker(house.port, "again", chance)
        speaker.conversation = old.asked_in
        asyncio.run(asyncio.wait_for(speaker.insist(turn), 20))
        # An answer that is told from the record has no ids in it.
        found = (turn.answer_id or old.answer_id, turn.stream, turn.text, turn.outcome)
        expected = (old.answer_id, old.stream, old.text, old.outcome)
        assert found == expected, f"asked again, {old.question!r} has {found} and not {expected}"

