"""Holds what clients were told against what the installation can show at the end."""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import answers
import wire
from speaker import Turn


@dataclass
class Record:
    """Everything that can be read back, conversation by conversation, in the order in which it is told."""

    conversations: dict[str, list[dict]]
    asked: dict[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> list[dict]:
        return [row for rows in self.conversations.values() for row in rows]


async def pages(port: int, path: str, name: str) -> list[dict]:
    found, after = [], ""
    while True:
        async with wire.call(port, "GET", f"{path}?limit=100{after}") as reply:
            assert reply.status == 200, f"{path}: {reply.status} {await reply.json()}"
            page = await reply.json()
        found += page[name]
        if not page["next"]:
            return found
        after = f"&after={page['next']}"


async def read_back(port: int) -> Record:
    """What the API tells of its one user."""
    heads = await pages(port, "/api/v1/conversations", "conversations")
    few = asyncio.Semaphore(4)

    async def messages(name: str):
        async with few:
            return name, await pages(port, f"/api/v1/conversations/{name}/messages", "messages")

    return Record(dict(await asyncio.gather(*[messages(head["id"]) for head in heads])))


@dataclass
class Verdict:
    """Counts and, of what is wrong, the words for it."""

    turns: int = 0
    questions: int = 0
    saved: int = 0
    pending: int = 0
    # Interrupted when they were last watched, and whole since the spool brought their end home.
    healed: int = 0
    outcomes: Counter = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)

    def __str__(self) -> str:
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        head = (
            f"acknowledged {self.questions} questions and {self.saved} answers ({self.pending} pending); "
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, wrong {len(self.wrong)}; {outcomes}"
            + (f", of them {self.healed} whole since" if self.healed else ""))
        found = [f"\n  {kind}: {what}" for kind in ("lost", "doubled", "wrong") for what in getattr(self, kind)[:5]]
        return head + "".join(found)


def judge(turns: list[Turn], record: Record) -> Verdict:
    """Every way in which the record may differ from what was acknowledged or shown."""
    verdict = Verdict(turns=len(turns))
    rows = {row["id"]: row for row in record.rows}
    by_question = defaultdict(list)
    replies = defaultdict(list)
    for row in record.rows:
        if row["role"] == "user":
            by_question[row["content"]].append(row)
        elif row["retry_of"] is None:
            replies[row["reply_to"]].append(row)
    for name, count in Counter(row["id"] for row in record.rows).items():
        if count > 1:
            verdict.doubled.append(f"message {name} is told {count} times")
    for turn in turns:
        verdict.questions += turn.is_asked
        verdict.saved += turn.saved is not None
        verdict.pending += turn.was_pending
        verdict.outcomes[turn.outcome or "unfinished"] += 1
        weigh(turn, by_question[turn.question], replies, rows, verdict)
        verdict.wrong += [f"{turn.question}: {fault}" for fault in turn.faults]
        if len(turn.answer_ids) > 1 or len(set(turn.streams)) > 1:
            verdict.doubled.append(f"{turn.question}: one key, answers {turn.answer_ids}, streams {turn.streams}")
        if record.asked.get(turn.question, 0) > 1:
            verdict.doubled.append(f"{turn.question}: the model was asked {record.asked[turn.question]} times")
    known = {turn.question for turn in turns}
    verdict.wrong += [f"nobody asked {text!r}" for text in by_question if text not in known]
    # The model is asked when the question is stored, and not before.
    verdict.lost += [f"{text!r} was sent to the model and is not stored"
                     for text in record.asked if text in known and not by_question[text]]
    verdict.wrong += [f"message {row['id']} is still {row['state']}" for row in record.rows if row["state"] != "final"]
    check_order(turns, record, verdict)
    return verdict


def weigh(turn: Turn, questions: list[dict], replies: dict, rows: dict, verdict: Verdict):
    """One turn: its question, its answer, and the bytes of both."""
    if turn.is_asked and not questions:
        verdict.lost.append(f"question {turn.question!r} was acknowledged and is not stored")
    if len(questions) > 1:
        verdict.doubled.append(f"question {turn.question!r} is stored {len(questions)} times")
    for question in questions:
        found = replies[question["id"]]
        if len(found) > 1:
            verdict.doubled.append(f"question {turn.question!r} has {len(found)} answers")
        if turn.answer_id and turn.answer_id not in {row["id"] for row in found}:
            verdict.lost.append(f"answer {turn.answer_id} to {turn.question!r} was announced and is not stored")
    whole = answers.answer(turn.question)
    if turn.saved is not None:
        row = rows.get(turn.saved["message_id"])
        if row is None:
            verdict.lost.append(f"answer {turn.saved['message_id']} was acknowledged and is not stored")
        elif answers.digest(row["content"]) != turn.saved["sha256"]:
            verdict.lost.append(f"answer {row['id']} has other bytes than were acknowledged: {row['content']!r}")
    row = rows.get(turn.answer_id or "")
    if row is None:
        return
    if row["outcome"] == "complete" and row["content"] != whole:
        verdict.wrong.append(f"answer {row['id']} is stored as complete and is not whole: {row['content']!r}")
    if not whole.startswith(row["content"]):
        verdict.wrong.append(f"answer {row['id']} is none of the model's: {row['content']!r}")
    if "storage_failed" in turn.errors:
        # The viewer was told that the record is not what was shown.
        return
    if turn.outcome == "interrupted" and row["outcome"] == "complete":
        verdict.healed += 1
        return
    if turn.outcome and turn.outcome != row["outcome"]:
        verdict.wrong.append(f"answer {row['id']} ended {turn.outcome} {turn.errors} and is stored as {row['outcome']}")
    if turn.outcome and turn.text != row["content"]:
        verdict.wrong.append(f"answer {row['id']} was shown as {turn.text!r} and is stored as {row['content']!r}")


def check_order(turns: list[Turn], record: Record, verdict: Verdict):
    """Within a conversation: question, answer, question, answer, as they were asked."""
    asked = {turn.question: place for place, turn in enumerate(turns)}
    for name, rows in record.conversations.items():
        ours = [row for row in rows if row["retry_of"] is None]
        roles = [row["role"] for row in ours]
        if roles != ["user", "assistant"] * (len(ours) // 2):
            verdict.wrong.append(f"conversation {name} reads {roles}")
        places = [asked.get(row["content"], -1) for row in ours if row["role"] == "user"]
        if places != sorted(places):
            verdict.wrong.append(f"conversation {name} is out of order")
