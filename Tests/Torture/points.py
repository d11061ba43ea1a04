"""The steps at which the product can be made to die, read from its sources."""

import re
from functools import cache

from house import ROOT

REACH = re.compile(r'FaultPoint\.reach\(\s*"([a-z0-9_]+)"\s*\)')


@cache
def points() -> list[str]:
    files = sorted([*(ROOT / "Modules").rglob("*.swift"), *(ROOT / "Apps").rglob("*.swift")])
    return sorted({name for file in files for name in REACH.findall(file.read_text())})


# Steps whose names begin so are on the way of one kind of process alone.
WORKER, SERVER = ("worker_", "queue_"), ("after_", "before_", "journal_")


def reachable(store: str, kind: str) -> list[str]:
    """The steps that a kind of process comes by while the store is there.

    Not those on the way to another store, nor to the spool, which waits for an outage.
    """
    elsewhere = "postgres_" if store == "sqlite" else "store_"
    foreign = SERVER if kind == "worker" else WORKER
    return [name for name in points() if "spool" not in name and not name.startswith((elsewhere, *foreign))]
