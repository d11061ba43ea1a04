"""A client that never gives up: asks, resumes after every break, and remembers what it was told is safe."""

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, field

import answers
import wire


@dataclass
class Turn:
    """One question under one key, and all that was ever said about it."""

    question: str
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    # The one it was asked in; `None` where it began one.
    asked_in: str | None = None
    conversation: str | None = None
    # What was acknowledged: that the question is stored, and that the answer is, with this hash.
    is_asked: bool = False
    saved: dict | None = None
    was_pending: bool = False
    # What was shown.
    streams: list[str] = field(default_factory=list)
    offset: int = 0
    text: str = ""
    outcome: str | None = None
    answer_id: str | None = None
    answer_ids: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    attempts: int = 0
    can_resume: bool = False
    resyncs: int = 0
    asked_at: float = 0
    first_at: float = 0
    done_at: float = 0
    saved_at: float = 0
    # Of events that arrived: the longest silence between two.
    silence: float = 0
    last_at: float = 0
    faults: list[str] = field(default_factory=list)

    @property
    def stream(self) -> str | None:
        return self.streams[-1] if self.streams else None

    def forget(self):
        """Before a stream that begins anew."""
        self.offset, self.text = 0, ""

    def take(self, name: str, event: dict):
        """One event of the stream."""
        now = time.monotonic()
        self.silence = max(self.silence, now - self.last_at if self.last_at else 0)
        self.last_at = now
        kind, facts = event["type"], event.get("metadata", {})
        if name:
            stream, _, offset = name.rpartition("-")
            if stream != self.stream:
                self.streams.append(stream)
            elif int(offset) != self.offset + 1 and kind != "resync":
                self.faults.append(f"{name} came after {self.offset}")
            self.offset = int(offset)
        self.can_resume = self.stream is not None
        if kind == "stream_start":
            self.conversation = facts["conversation_id"]
            self.know(facts["message_id"])
        elif kind == "content_chunk" and event["panel"] == "chat":
            self.first_at = self.first_at or now
            self.text += event["content"]
        elif kind == "resync":
            self.resyncs += 1
            self.text = shown(facts.get("texts", []))
        elif kind == "stage_complete" and event["panel"] == "chat" and facts["sha256"] != answers.digest(self.text):
            self.faults.append("the text shown is not the one that stage_complete closes")
        elif kind == "saved":
            self.know(facts["message_id"])
            # Kept for good: whatever happens later, this was acknowledged.
            self.saved, self.saved_at = facts, self.saved_at or now
            self.was_pending |= bool(facts.get("pending"))
        elif kind == "error":
            self.errors.append(facts["error_code"])
        elif kind == "stream_done":
            self.outcome, self.done_at = facts["outcome"], now

    def know(self, message: str):
        self.answer_id = message
        self.answer_ids.add(message)


def shown(texts: list[dict]) -> str:
    """The chat panel's text in a `resync`."""
    return "".join(text["content"] for text in texts if text["panel"] == "chat")


class Speaker:
    """Holds one conversation, turn after turn."""

    def __init__(self, port: int, name: str, chance: random.Random, patience: float = 15):
        self.port, self.name, self.chance, self.patience = port, name, chance, patience
        self.conversation: str | None = None
        self.turns: list[Turn] = []

    async def speak(self, words: int = 12, pace: int = 0) -> Turn:
        """One turn to its end, however often the server dies meanwhile."""
        turn = Turn(answers.question(f"{self.name}-{len(self.turns)}", words, pace), asked_in=self.conversation)
        turn.asked_at = time.monotonic()
        self.turns.append(turn)
        await self.insist(turn)
        self.conversation = turn.conversation
        return turn

    async def insist(self, turn: Turn):
        """Goes on until the turn's end is known."""
        while turn.outcome is None:
            turn.attempts += 1
            try:
                # Where there is no stream to go on with, the key joins the turn that there is.
                await (self.resume(turn) if turn.can_resume else self.ask(turn))
            except wire.BROKEN:
                pass
            if turn.outcome is None:
                await asyncio.sleep(self.chance.uniform(0.01, 0.1))

    async def ask(self, turn: Turn):
        body = {"message": turn.question}
        if self.conversation:
            body["conversation_id"] = self.conversation
        fields = {"Accept": "text/event-stream", "Idempotency-Key": turn.key}
        async with wire.call(self.port, "POST", "/api/v1/chat/messages", body, fields, self.patience) as reply:
            if reply.status != 200:
                return await self.refused(turn, reply)
            turn.is_asked = True
            turn.forget()
            await self.read(turn, reply)

    async def resume(self, turn: Turn):
        fields = {"Accept": "text/event-stream"}
        if turn.offset:
            fields["Last-Event-ID"] = f"{turn.stream}-{turn.offset}"
        async with wire.call(
            self.port, "GET", f"/api/v1/streams/{turn.stream}", fields=fields, patience=self.patience
        ) as reply:
            if reply.status != 200:
                return await self.refused(turn, reply)
            await self.read(turn, reply)

    async def read(self, turn: Turn, reply: wire.Reply):
        turn.last_at = 0
        async for name, event in reply.events():
            turn.take(name, event)

    async def refused(self, turn: Turn, reply: wire.Reply):
        """Whatever it was for, the next attempt asks anew under the same key."""
        turn.refusals.append(reply.status)
        turn.can_resume = False
        if reply.status not in (404, 429, 503, 507):
            turn.faults.append(f"refused: {reply.status} {await reply.json()}")
        if reply.status in (429, 503, 507):
            await asyncio.sleep(0.2)
