"""How the benchmark prints: tables of targets, and bars with what was reached."""


def print_table(name: str, columns: list[tuple[str, str, int]], rows: dict[str, dict]) -> None:
    """A line for each target. A column is its title, the key of its value, and how many digits stand after the point."""
    print(f"\n{name}")
    widths = [max(10, len(title)) + 2 for title, _, _ in columns]
    print("  " + " " * 12 + "".join(f"{title:>{width}}" for (title, _, _), width in zip(columns, widths)))
    for target, row in rows.items():
        cells = ["-" if row.get(key) is None else f"{row[key]:,.{digits}f}" for _, key, digits in columns]
        print(f"  {target:<12}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths)), flush=True)


class Bars:
    """Collects bars and prints each as it is met or missed; what was not measured is not judged."""

    def __init__(self):
        self.is_good = True
        print("\nBars")

    def most(self, what: str, value: float | None, limit: float | None, unit: str):
        self._judge(what, value, limit, unit, "at most", lambda: value <= limit)

    def least(self, what: str, value: float | None, limit: float | None, unit: str):
        self._judge(what, value, limit, unit, "at least", lambda: value >= limit)

    def _judge(self, what, value, limit, unit, words, is_met):
        if value is None or limit is None:
            return
        verdict = "ok    " if is_met() else "MISSED"
        self.is_good = self.is_good and is_met()
        print(f"  {verdict}  {what}: {value:,.2f} {unit}, {words} {limit:,.2f}", flush=True)


def is_busy(rows: dict[str, dict]) -> bool:
    """Whether other processes took more than a quarter of a core while the rows were measured."""
    return any((row.get("others") or 0) > 25 for row in rows.values())
