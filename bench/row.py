"""One line of the table: a bar, the bare figure, ours, and whether it is met."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio` is ours / bare; without a bare part (`bare` None) the bar is on ours itself."""

    what: str
    unit: str
    bare: float | None
    ours: float
    comparison: Literal["<=", ">="]
    bar: float
    note: str = ""

    @property
    def value(self) -> float:
        """What is held against the bar."""
        return self.ours if self.bare is None else self.ours / self.bare

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        return self.value <= self.bar if self.comparison == "<=" else self.value >= self.bar

    def as_json(self) -> dict[str, Any]:
        """The row with its ratio and verdict."""
        return asdict(self) | {"value": round(self.value, 4), "met": self.met}


def p50(samples: Sequence[float]) -> float:
    """The median."""
    return statistics.median(samples)


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    header = ("what", "bare", "ours", "ratio", "bar", "")
    lines = [header, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    bare = "–" if row.bare is None else f"{_short(row.bare)} {row.unit}"
    ratio = "–" if row.bare is None else f"{row.value:.3f}"
    unit = "" if row.bare is not None else f" {row.unit}"
    bar = f"{row.comparison} {row.bar:g}{unit}"
    verdict = "met" if row.met else "NOT MET"
    return (row.what, bare, f"{_short(row.ours)} {row.unit}", ratio, bar, f"{verdict} {row.note}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
