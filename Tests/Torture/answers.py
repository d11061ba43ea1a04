"""What the model of these tests answers: a text that the question alone decides, so that every client knows it."""

import hashlib
import random
import re

# Words of one, two, three and four bytes a letter, and what a careless copy might break.
WORDS = (
    "pulse", "pressure", "oxygen", "the", "rate", "at", "rest", "is", "Herzschlag", "größer", "als", "80", "°C",
    "心拍数", "は", "正常", "🩺", "e\u0301tude", "\"quoted\"", "\\", "a\nline", "tab\there", "&amp;", "<b>", "μg/l", "𝛼",
)


def question(name: str, words: int, pace: int = 0) -> str:
    """A question that asks for so many words, with so many milliseconds between them."""
    return f"Question {name}: größer als 80 °C? 心拍数 🩺 [words={words}] [pace={pace}]"


def pieces(question: str) -> list[str]:
    """The answer's tokens."""
    chance = random.Random(hashlib.sha256(question.encode()).digest())
    asked = re.search(r"\[words=(\d+)\]", question)
    words = [chance.choice(WORDS) for _ in range(int(asked.group(1)) if asked else 10)]
    name = hashlib.sha256(question.encode()).hexdigest()[:12]
    return [f"Answer {name}:"] + [" " + word for word in words]


def answer(question: str) -> str:
    return "".join(pieces(question))


def pace(question: str) -> float:
    """Seconds between two tokens."""
    found = re.search(r"\[pace=(\d+)\]", question)
    return int(found.group(1)) / 1000 if found else 0


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
