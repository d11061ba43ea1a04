"""The server is killed in mid-answer, over and over, while viewers watch: each goes on where it was, and is told the truth.

A viewer may have been shown a little more than the journal had (`streaming.durability: behind`); what it is left with is
what the journal has, which is what the store has, and no id is ever given to two events.
"""

import asyncio
import json
import os
import random
import time
from dataclasses import dataclass, field

import answers
import pytest
import wire
from house import House
from speaker import Speaker, Turn

# Breaks of an answer that is being watched.
POINTS = 200
LEAP = 1_000_000_000


@dataclass
class WatchedTurn(Turn):
    """A turn that remembers each id, and what the event under it was."""

    seen: dict[str, str] = field(default_factory=dict)
    broken: int = 0

    def forget(self):
        """Asked for anew, the same ids come again, with the same events."""
        super().forget()

    def take(self, name: str, event: dict):
        if name:
            stream, _, offset = name.rpartition("-")
            if stream == self.stream and int(offset) <= self.offset:
                self.faults.append(f"{name} came after {self.offset}")
            text = json.dumps(event, sort_keys=True)
            # A resync stands for the events before it, under the id of the last of them.
            if event["type"] != "resync" and self.seen.setdefault(name, text) != text:
                self.faults.append(f"{name} was another event before")
        super().take(name, event)


class Viewer(Speaker):
    """Asks, and comes back after each break; counts the breaks in mid-answer."""

    is_over = False

    async def watch(self, number: int, words: int, pace: int) -> WatchedTurn:
        turn = WatchedTurn(answers.question(f"{self.name}-{number}", words, pace))
        self.conversation = None
        turn.asked_at = time.monotonic()
        self.turns.append(turn)
        while turn.outcome is None and not self.is_over:
            before = turn.offset
            try:
                await (self.resume(turn) if turn.can_resume else self.ask(turn))
            except wire.BROKEN:
                turn.broken += before < turn.offset
            if turn.outcome is None:
                await asyncio.sleep(self.chance.uniform(0.01, 0.05))
        return turn


async def replay(port: int, stream: str) -> Turn:
    """The whole stream as somebody sees it who comes now."""
    turn = WatchedTurn("", streams=[stream])
    async with wire.call(port, "GET", f"/api/v1/streams/{stream}", fields={"Accept": "text/event-stream"}) as reply:
        assert reply.status == 200, reply.status
        async for name, event in reply.events():
            turn.take(name, event)
    return turn


async def learn(port: int, turn: Turn):
    """Which answer it is, for a viewer who came when there was nothing left but a resync."""
    body, fields = {"message": turn.question}, {"Accept": "application/json", "Idempotency-Key": turn.key}
    async with wire.call(port, "POST", "/api/v1/chat/messages", body, fields) as reply:
        assert reply.status in (200, 202), reply.status
        told = await reply.json()
    assert told["stream"] == turn.stream
    turn.conversation = told["conversation_id"]
    turn.know(told["message"]["id"])


async def stored(port: int, turn: Turn) -> dict:
    if not turn.conversation:
        await learn(port, turn)
    path = f"/api/v1/conversations/{turn.conversation}/messages"
    async with wire.call(port, "GET", path) as reply:
        assert reply.status == 200, reply.status
        messages = (await reply.json())["messages"]
    return next(message for message in messages if message["id"] == turn.answer_id)


async def hold(house: House, turn: WatchedTurn):
    """What the viewer was left with is what the stream replays, and what the store has."""
    assert not turn.faults, (turn.question, turn.faults)
    truth = answers.answer(turn.question)
    again = await replay(house.port, turn.stream)
    assert not again.faults, again.faults
    row = await stored(house.port, turn)
    assert (again.text, again.outcome) == (turn.text, turn.outcome), turn.question
    assert (row["content"], row["outcome"]) == (turn.text, turn.outcome), turn.question
    assert truth.startswith(turn.text), turn.question
    if turn.outcome == "complete":
        assert turn.text == truth
    else:
        assert turn.outcome == "interrupted", turn.outcome
        assert turn.errors[-1:] == ["interrupted"] and turn.offset > LEAP
        assert turn.saved is None


async def torment(house: House, points: int, seed: int) -> list[WatchedTurn]:
    chance = random.Random(seed)
    turns: list[WatchedTurn] = []
    life = 0
    while sum(turn.broken for turn in turns) < points:
        life += 1
        viewers = [Viewer(house.port, f"{seed}.{life}.{place}", chance) for place in range(12)]
        # Some end before the kill, most are in the middle.
        watching = [asyncio.create_task(viewer.watch(0, chance.randint(5, 120), 10)) for viewer in viewers]
        await asyncio.sleep(chance.uniform(0.05, 0.9))
        try:
            house.server.kill()
            await asyncio.to_thread(house.start_server)
            # All of this life, before the next: what a second crash makes of the first is looked at below.
            new = await asyncio.wait_for(asyncio.gather(*watching), 60)
        finally:
            # Or they would come back for ever to a server that is not there.
            for viewer in viewers:
                viewer.is_over = True
        for turn in new:
            await asyncio.wait_for(hold(house, turn), 30)
        turns += new
        assert life < 3 * points, "the viewers were hardly ever in the middle"
    return turns


@pytest.mark.parametrize("durability", ["behind", "before_delivery"])
@pytest.mark.timeout(1800)
def test_a_viewer_of_a_killed_server_goes_on_and_is_told_the_truth(durability, make_house, seed, say, is_long):
    house = make_house(settings={"streaming": {"durability": durability}})
    house.start_server()
    begun = time.monotonic()
    turns = asyncio.run(torment(house, POINTS if is_long else POINTS // 4, seed))
    # The streams of all lives are there, each as it was, after one more.
    house.server.kill()
    house.start_server()

    async def look():
        for turn in random.Random(seed).sample(turns, min(len(turns), 60)):
            await asyncio.wait_for(hold(house, turn), 30)

    asyncio.run(look())
    counts = {name: sum(turn.outcome == name for turn in turns) for name in ("complete", "interrupted")}
    lost = sum(turn.resyncs for turn in turns)
    say(f"{durability}, seed {seed}: {sum(turn.broken for turn in turns)} answers broken off in the middle, {counts}, "
        f"{lost} resyncs, {time.monotonic() - begun:.0f} s")
    assert counts["interrupted"] > 0


@pytest.mark.timeout(120)
def test_with_before_delivery_a_viewer_has_seen_nothing_that_the_journal_has_not(make_house, seed):
    house = make_house(settings={"streaming": {"durability": "before_delivery"}})
    house.start_server()
    chance = random.Random(seed)

    async def once(number: int):
        viewer = Viewer(house.port, f"{seed}.first.{number}", chance)
        watching = asyncio.create_task(viewer.watch(0, 80, 5))
        await asyncio.sleep(chance.uniform(0.2, 0.4))
        shown = viewer.turns[0].text
        house.server.kill()
        await asyncio.to_thread(house.start_server)
        turn = await watching
        assert turn.text.startswith(shown), (shown, turn.text)
        await hold(house, turn)

    for number in range(5):
        asyncio.run(once(number))


@pytest.mark.timeout(120)
def test_a_stopped_server_leaves_nothing_to_interrupt(make_house, seed):
    house = make_house(settings={"server": {"timeouts": {"drain": "100ms"}}})
    house.start_server()
    chance = random.Random(seed)

    async def stop():
        viewer = Viewer(house.port, f"{seed}.stopped", chance)
        watching = asyncio.create_task(viewer.watch(0, 400, 20))
        while not viewer.turns or len(viewer.turns[0].text) < 40:
            await asyncio.sleep(0.02)
        await asyncio.to_thread(house.server.stop)
        await asyncio.to_thread(house.start_server)
        turn = await asyncio.wait_for(watching, 30)
        assert turn.outcome == "truncated" and not turn.faults
        again = await replay(house.port, turn.stream)
        assert (again.text, again.outcome, again.errors) == (turn.text, "truncated", turn.errors)

    asyncio.run(stop())


@pytest.mark.timeout(120)
def test_the_journal_holds_no_word_of_what_was_said(make_house, seed):
    house = make_house()
    house.start_server()
    viewer = Viewer(house.port, f"{seed}.canary", random.Random(seed))
    turn = asyncio.run(viewer.watch(0, 30, 0))
    assert turn.outcome == "complete"
    house.server.kill()
    found = [path for path in house.data.rglob("journal.sqlite*")]
    assert found, os.listdir(house.data)
    for path in found:
        data = path.read_bytes()
        assert turn.text[:19].encode() not in data and b"content_chunk" not in data, path
