"""Many speakers at once, in a thread of their own, while the test breaks things around them."""

import asyncio
import random
import threading
import time

from ledger import Record, Verdict, judge, read_back
from speaker import Speaker, Turn


class Crowd:
    """Clients that talk until they are told to stop, and then finish what they began."""

    def __init__(
        self, port: int, count: int, seed: int = 1, words: tuple[int, int] = (0, 30), pace: int = 0, patience: float = 15,
        turns: int = 1 << 30, turns_each: int = 20, pause: float = 0, strangers: int = 0
    ):
        self.port, self.seed, self.words, self.pace, self.patience = port, seed, words, pace, patience
        self.turns_each, self.pause = turns_each, pause
        # So many of them begin a new conversation with each question.
        self.strangers = strangers
        self.left = turns
        self.speakers: list[Speaker] = []
        self.is_over = False
        self.begun = time.monotonic()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.talk(count)), daemon=True)
        self.failure: BaseException | None = None

    @property
    def turns(self) -> list[Turn]:
        return [turn for speaker in list(self.speakers) for turn in list(speaker.turns)]

    async def talk(self, count: int):
        try:
            await asyncio.gather(*[self.hold_forth(place) for place in range(count)])
        except Exception as failure:
            self.failure = failure

    async def hold_forth(self, place: int):
        chance = random.Random(f"{self.seed}-{place}")
        number = 0
        while not self.is_over and self.left > 0:
            # A new conversation now and then, since beginning one is a write of its own.
            speaker = Speaker(self.port, f"{self.seed}.{place}.{number}", chance, self.patience)
            self.speakers.append(speaker)
            number += 1
            for _ in range(1 if place < self.strangers else chance.randint(1, self.turns_each)):
                if self.is_over or self.left <= 0:
                    break
                self.left -= 1
                await speaker.speak(chance.randint(*self.words), self.pace)
                if self.pause:
                    await asyncio.sleep(chance.uniform(0, 2 * self.pause))

    def start(self) -> "Crowd":
        self.thread.start()
        return self

    def finish(self, seconds: float = 60):
        """No new questions; returns when all that were asked are answered."""
        self.is_over = True
        self.thread.join(seconds)
        if self.failure:
            raise self.failure
        open_turns = [turn for turn in self.turns if turn.outcome is None]
        assert not self.thread.is_alive(), f"{len(open_turns)} turns had no end, such as {open_turns[:2]}"


def verdict(port: int, turns: list[Turn], asked: dict[str, int]) -> tuple[Verdict, Record]:
    """What all of it comes to."""
    record = asyncio.run(read_back(port))
    record.asked = asked
    return judge(turns, record), record
