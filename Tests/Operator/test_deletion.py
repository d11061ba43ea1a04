"""What a server still shows and keeps of a user whom the operator deletes."""

import asyncio
import json
import sqlite3

import answers
import pytest
import wire
from crowd import Crowd
from waiting import await_

def user_of(house) -> str:
    people = [json.loads(line) for line in house.cli("users", "list", "--json").stdout.splitlines()]
    assert len(people) == 1
    return people[0]["id"]


def delete(house, user: str) -> dict:
    done = house.cli("users", "delete", user, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"]


def journaled(house, user: str) -> tuple[int, int]:
    """How many streams of a user the journal has, and how many segments of streams it does not know or that are theirs."""
    database = sqlite3.connect(f"file:{house.data / 'journal.sqlite'}?mode=ro", uri=True)
    try:
        (streams,) = database.execute("SELECT count(*) FROM stream WHERE owner = ?", [user]).fetchone()
        (segments,) = database.execute(
            "SELECT count(*) FROM segment WHERE stream IN (SELECT key FROM stream WHERE owner = ?)"
            " OR stream NOT IN (SELECT key FROM stream)", [user]).fetchone()
        return streams, segments
    finally:
        database.close()


def status(house, stream: str) -> int:
    async def ask() -> int:
        async with wire.call(house.port, "GET", f"/api/v1/streams/{stream}") as reply:
            return reply.status
    return asyncio.run(ask())


def finished_turn(house):
    crowd = Crowd(house.port, 1, turns=1).start()
    crowd.thread.join(60)
    crowd.finish()
    return crowd.turns[0]


class Running:
    """An answer under way, which is watched for as long as it lasts."""

    def __init__(self, house, question: str):
        self.house, self.question, self.stream, self.outcome = house, question, None, None

    async def talk(self, then=None):
        fields = {"Accept": "text/event-stream"}
        async with wire.call(
            self.house.port, "POST", "/api/v1/chat/messages", {"message": self.question}, fields, patience=60
        ) as reply:
            assert reply.status == 200
            async for name, event in reply.events():
                if event["type"] == "content_chunk" and self.stream is None:
                    self.stream = name.rpartition("-")[0]
                    if then:
                        await asyncio.to_thread(then)
                if event["type"] == "stream_done":
                    self.outcome = event["metadata"]["outcome"]
                    return


@pytest.fixture(params=["sqlite", "postgres"])
def any_house(request, make_house):
    if request.param == "sqlite":
        return make_house()
    server, name = request.getfixturevalue("postgres"), request.getfixturevalue("database")
    return make_house(url=server.url(name))


def test_a_running_server_lets_go_of_a_deleted_user_and_not_of_one_who_comes_back(any_house):
    house = any_house
    house.start()
    finished = finished_turn(house)
    house.await_drained()
    user = user_of(house)
    # Four minutes, if nobody ends it.
    running = Running(house, answers.question("long", 4000, 60))
    turns = []
    asyncio.run(running.talk(then=lambda: (delete(house, user), turns.append(finished_turn(house)))))
    assert running.outcome == "cancelled"
    back = turns[0]
    for stream in (finished.stream, running.stream):
        await_(lambda: status(house, stream) == 404)
    await_(lambda: journaled(house, user) == (1, journaled_of(house, back.stream)))
    assert status(house, back.stream) == 200

    delete(house, user)
    await_(lambda: journaled(house, user) == (0, 0))
    assert status(house, back.stream) == 404


def journaled_of(house, stream: str) -> int:
    database = sqlite3.connect(f"file:{house.data / 'journal.sqlite'}?mode=ro", uri=True)
    try:
        return database.execute(
            "SELECT count(*) FROM segment WHERE stream IN (SELECT key FROM stream WHERE id = ?)", [stream]
        ).fetchone()[0]
    finally:
        database.close()


def test_a_server_that_was_down_shows_nothing_of_a_deleted_user(any_house):
    house = any_house
    house.start()
    finished = finished_turn(house)
    house.await_drained()
    running = Running(house, answers.question("long", 4000, 60))
    with pytest.raises(wire.BROKEN):
        asyncio.run(running.talk(
            then=lambda: (await_(lambda: journaled_of(house, running.stream)), house.server.kill())))
    user = user_of(house)
    streams, segments = journaled(house, user)
    assert streams == 2 and segments >= 2
    assert delete(house, user)["message"] == 4

    house.start_server()
    for stream in (finished.stream, running.stream):
        assert status(house, stream) == 404
    assert journaled(house, user)[0] == 0
    await_(lambda: journaled(house, user) == (0, 0))
    back = finished_turn(house)
    house.server.kill()
    house.start_server()
    assert status(house, back.stream) == 200
    assert house.check() == ""
