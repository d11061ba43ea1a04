"""What must not be found, and where it is looked for."""

import base64
from pathlib import Path

# Parts of what the speakers of these tests ask and the model answers.
CANARIES = ("Question 1.", "größer als 80", "心拍数", "Herzschlag", "Zanzibar")


def forms(text: str) -> list[bytes]:
    """A text as it may stand in a file that was not meant to hold it."""
    plain = text.encode()
    # Of base64 the part that does not depend on what stands before and after, for each of the three alignments.
    base64s = [base64.b64encode(bytes(skip) + plain)[(skip * 8 + 5) // 6:][:len(plain) * 8 // 6 - 2] for skip in range(3)]
    return [plain, text.encode("utf-16-le"), text.encode("utf-16-be"), plain.hex().encode(), *base64s]


def traces(*places: Path, canaries: tuple[str, ...] = CANARIES) -> list[str]:
    """Files in which a canary stands in the clear, with the canary."""
    wanted = [(text, form) for text in canaries for form in forms(text)]
    found = []
    for place in places:
        files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
        assert files, f"there is nothing in {place}"
        for file in files:
            bytes_ = file.read_bytes()
            found += [f"{file}: {text}" for text, form in wanted if form in bytes_]
    return found
