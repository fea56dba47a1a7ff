"""Rows to numbers: rates with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.benchmarks.truth.scoring import Row

Z = 1.959963984540054
"""Of the normal distribution: 95% lie between -Z and Z."""
WITH_A_BUG = ("bugs", "programs", "steps", "sources")
HEALTHY = ("healthy", "healthy_steps")


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95% interval of a rate (Wilson 1927): it stays within 0 and 1, also where all or none are hits."""
    if not of:
        return 0.0, 1.0
    rate, spread = hits / of, Z * Z / of
    middle = (rate + spread / 2) / (1 + spread)
    half = Z * math.sqrt(rate * (1 - rate) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many of so many."""

    hits: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.hits, self.of)

    def __str__(self) -> str:
        if not self.of:
            return "-"
        low, high = self.interval
        return f"{self.hits} of {self.of}: {self.hits / self.of:.1%} ({low:.0%} to {high:.0%})"


def rate(rows: Iterable[Row], holds: Callable[[Row], object]) -> Rate:
    flags = [bool(holds(row)) for row in rows]
    return Rate(sum(flags), len(flags))


def of_kind(rows: Sequence[Row], *kinds: str) -> list[Row]:
    """The rows of some kinds that could be run."""
    return [row for row in rows if row["kind"] in kinds and "skipped" not in row]


def recall(rows: Sequence[Row]) -> Rate:
    return rate(of_kind(rows, *WITH_A_BUG), lambda row: row["found"])


def explained(rows: Sequence[Row]) -> Rate:
    return rate(of_kind(rows, *WITH_A_BUG), lambda row: row["explained"])


def quiet(rows: Sequence[Row]) -> Rate:
    return rate(of_kind(rows, *WITH_A_BUG), lambda row: row["quiet"])


def clean(rows: Sequence[Row]) -> Rate:
    return rate(of_kind(rows, *HEALTHY), lambda row: row["clean"])


def precision(rows: Sequence[Row]) -> Rate:
    """Of the models that were called broken, those that are: a twin or a healthy model with an alarm is not."""
    right = recall(rows).hits
    noisy, unclean = quiet(rows), clean(rows)
    return Rate(right, right + noisy.of - noisy.hits + unclean.of - unclean.hits)


def alarms_each(rows: Sequence[Row]) -> float:
    """Alarms for each model in which there is nothing to find, repaired twins among them."""
    found = of_kind(rows, *WITH_A_BUG, *HEALTHY)
    return sum(len(row["false"]) for row in found) / max(len(found), 1)


def verdict(row: Row) -> str:
    """What must not change without anybody noticing."""
    if "skipped" in row:
        return "skipped"
    return " ".join(word for word in ("found", "explained", "quiet", "clean") if row.get(word)) or "nothing"
