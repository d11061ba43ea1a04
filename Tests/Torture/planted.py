"""Builds the product with one mistake at a time; the tests of this folder must find each. Started by Scripts/torture.

A suite that never failed proves nothing. The mistakes are edits of single places, applied to a copy of the tree in
.build/planted, so that each costs the building of one module.
"""

import filecmp
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / ".build/planted"
PARTS = ("Package.swift", "Modules", "Apps", "Bench", "Tests", "config")
PRODUCTS = ("medstream-server", "medstream-worker", "medstream")


@dataclass(frozen=True)
class Mistake:
    """`old`, which stands once in `file`, becomes `new`; `tests` are to fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str
    store: str = "sqlite"

    @property
    def planted(self) -> str:
        """The file with the mistake in it."""
        text = (ROOT / self.file).read_text()
        assert text.count(self.old) == 1, f"{self.file} has this {text.count(self.old)} times: {self.old}"
        return text.replace(self.old, self.new)

    def plant(self):
        (COPY / self.file).write_text(self.planted)

    def heal(self):
        shutil.copy(ROOT / self.file, COPY / self.file)


MISTAKES = [
    Mistake(
        "the answer is acknowledged before its commit", "Modules/Chat/TurnRecorder+answer.swift",
        "                try await store.save(answer, then: jobs)\n",
        "                if Task.isCancelled { throw StoreError.full }\n"
        "                Task { [store] in\n"
        "                    try? await Task.sleep(for: .milliseconds(30))\n"
        "                    _ = try? await store.save(answer, then: jobs)\n"
        "                }\n",
        "test_kills"),
    Mistake(
        "what a dead worker held is not reclaimed", "Modules/StoreSQLite/Queue/SQLiteQueue+working.swift",
        "let ended = leases.filter { gone.contains($0.1) || $0.2 != bootID || $0.3 <= now }",
        "let ended = leases.filter { _ in now < 0 }",
        "test_kills"),
    Mistake(
        "a request that comes again is done again", "Modules/StoreSQLite/SQLiteStore+turns.swift",
        "            if let begun = try beginning.earlier(namesakes, in: transaction) { return begun }\n", "", "test_kills"),
    Mistake(
        "a commit does not wait for the disk", "Modules/SQLite/Settings.swift",
        "PRAGMA synchronous=FULL;", "PRAGMA synchronous=NORMAL;", "test_power"),
]


def copy():
    """Brings the copy up to date; files that are the same keep their time, so that they are not built again."""
    for part in PARTS:
        for old in (COPY / part).rglob("*"):
            if old.is_file() and not (ROOT / old.relative_to(COPY)).exists():
                old.unlink()
        for source in [ROOT / part, *(ROOT / part).rglob("*")]:
            target = COPY / source.relative_to(ROOT)
            if source.is_file() and not (target.exists() and filecmp.cmp(source, target, shallow=False)):
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)


def build() -> Path:
    for product in PRODUCTS:
        done = subprocess.run(
            ["swift", "build", "--package-path", COPY, "--product", product], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"The planted tree does not build:\n{(done.stdout + done.stderr)[-3000:]}")
    return COPY / ".build/debug/medstream-server"


def is_found(mistake: Mistake, server: Path) -> bool:
    environment = {**os.environ, "MEDSTREAM_SERVER": str(server), "TORTURE_STORE": mistake.store}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=line", "-k", mistake.tests,
         ROOT / "Tests/Torture"], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if "acknowledged" in line or "Error" in line or "not empty" in line]
    print(f"{mistake.name}: {'found' if done.returncode == 1 else 'NOT FOUND'}; {' '.join(told[:1])[:400]}", flush=True)
    return done.returncode == 1


def main() -> int:
    chosen = [mistake for mistake in MISTAKES if not sys.argv[1:] or mistake.name in sys.argv[1:]]
    print("Copying the tree and building it once", flush=True)
    copy()
    build()
    found = 0
    for mistake in chosen:
        mistake.plant()
        found += is_found(mistake, build())
        mistake.heal()
    print(f"{found} of {len(chosen)} planted mistakes were found")
    return 0 if found == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
