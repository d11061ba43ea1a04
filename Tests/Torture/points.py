"""The steps at which the product can be made to die, read from its sources."""

import re
from functools import cache

from house import ROOT

REACH = re.compile(r'FaultPoint\.reach\(\s*"([a-z0-9_]+)"\s*\)')


@cache
def points() -> list[str]:
    files = sorted([*(ROOT / "Modules").rglob("*.swift"), *(ROOT / "Apps").rglob("*.swift")])
    return sorted({name for file in files for name in REACH.findall(file.read_text())})
