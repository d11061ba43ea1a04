"""Adds up the test results that Scripts/test collected.

    summary.py FOLDER [BROKEN_STEP ...]

FOLDER holds `swift-<suite>.jsonl`, the event streams of Swift Testing, and `python.xml`, the JUnit report of pytest. Prints every
failure and the reason of every skipped test, and closes with the line `N passed, N failed, N skipped`. A step that broke
counts as a failure of its own when no test accounts for it: a test run that crashes must not look like a short one.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


class Results:
    """Names of tests by how they went."""

    def __init__(self):
        self.passed: list[str] = []
        self.failed: list[tuple[str, str]] = []
        self.skipped: list[tuple[str, str]] = []

    def add_swift(self, path: Path) -> None:
        names, open_tests, reasons = {}, {}, {}
        for line in path.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # the last line of a run that crashed
            payload = record["payload"]
            if record["kind"] == "test":
                if payload["kind"] == "function":
                    names[payload["id"]] = payload.get("displayName") or payload["name"]
                continue
            test, kind = payload.get("testID"), payload["kind"]
            texts = [message["text"] for message in payload.get("messages", [])]
            if kind == "issueRecorded" and payload["issue"].get("isFailure", not payload["issue"]["isKnown"]):
                place = payload["issue"].get("sourceLocation") or {}
                where = f"{place.get('fileID', '')}:{place.get('line', '')}: "
                reasons.setdefault(test, []).append(where + " ".join(texts))
            elif test not in names:
                continue
            elif kind == "testStarted":
                open_tests[test] = True
            elif kind == "testSkipped":
                self.skipped.append((names[test], after_colon(texts)))
            elif kind == "testCancelled":
                open_tests[test] = False
            elif kind == "testEnded":
                is_cancelled = open_tests.pop(test, True) is False
                if test in reasons:
                    self.failed.append((names[test], "\n".join(reasons.pop(test))))
                elif is_cancelled:
                    self.skipped.append((names[test], after_colon(texts)))
                else:
                    self.passed.append(names[test])
        for test in open_tests:
            self.failed.append((names[test], "\n".join(reasons.pop(test, ["did not end: the run crashed or was stopped"]))))
        for texts in reasons.values():
            self.failed.append(("outside any test", "\n".join(texts)))

    def add_python(self, path: Path) -> None:
        for case in ElementTree.parse(path).iter("testcase"):
            name = f"{case.get('classname')}.{case.get('name')}"
            problem = case.find("failure") if case.find("failure") is not None else case.find("error")
            skip = case.find("skipped")
            if problem is not None:
                self.failed.append((name, (problem.get("message") or "").split("\n")[0]))
            elif skip is not None:
                self.skipped.append((name, skip.get("message") or "no reason given"))
            else:
                self.passed.append(name)


def after_colon(texts: list[str]) -> str:
    """The reason in `Test "x" skipped: "reason"`."""
    text = " ".join(texts)
    return text.rpartition(': "')[2].rstrip('"') if ': "' in text else "no reason given"


def main() -> int:
    folder, broken = Path(sys.argv[1]), sys.argv[2:]
    results = Results()
    for report in sorted(folder.glob("swift-*.jsonl")):
        results.add_swift(report)
    if (folder / "python.xml").exists():
        results.add_python(folder / "python.xml")
    for step in broken:
        if not (step.endswith("test run") and results.failed):
            results.failed.append((step, "failed; see above"))
    if not results.passed and not results.failed:
        results.failed.append(("the test run", "no test ran"))
    print()
    for name, reason in results.skipped:
        print(f"skipped: {name}: {reason}")
    for name, reason in results.failed:
        print(f"FAILED: {name}\n    " + reason.replace("\n", "\n    "))
    print(f"{len(results.passed)} passed, {len(results.failed)} failed, {len(results.skipped)} skipped")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
