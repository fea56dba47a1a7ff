"""Other data: what becomes of gradients when the sample is replaced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from gradlint.passes.reasons import Why

_REVIVED = 100.0
"""How many times its own norm a gradient grows on other data that was merely tiny on the sample's."""


class Drawn(Enum):
    """Which arrays are replaced by random ones, and how those are drawn; in the order of the trials.

    Attributes:
        spread: standard deviation of floats; None for that of the array itself.
        times: by which they are multiplied.
    """

    EMPTY = "arrays of zeros", None, 1.0
    OWN_SCALE = "own scale", None, 1.0
    UNIT_SCALE = "unit scale", 1.0, 1.0
    WIDE = "ten times its scale", None, 10.0

    def __init__(self, label: str, spread: float | None, times: float) -> None:
        self.label, self.spread, self.times = label, spread, times


@dataclass(frozen=True, slots=True)
class OtherData:
    """A run on a sample whose arrays are random.

    Attributes:
        drawn: which arrays were replaced, and how.
        keys: of the arrays.
        norms: of the gradients that are neither zero nor absent, by key and path.
        zeroed: by position of an operation that zeros go into, that of the one that makes zeros of the data.
    """

    drawn: Drawn
    keys: tuple[str, ...]
    norms: Mapping[str, float]
    zeroed: Mapping[int, int]

    def revives(self, name: str, norm: float | None) -> bool:
        """Whether what had a zero or a tiny gradient has a usable one on these data."""
        return self.norms.get(name, 0.0) > _REVIVED * (norm or 0.0)


Neutral = Callable[[Collection[int]], Iterator[OtherData]]
"""`neutral(positions)`: runs on other data, one after the other; asked about operations that zeros go into."""

DEPENDS_ON_DATA = (
    Why.RECTIFIER, Why.SATURATION, Why.CLIPPING, Why.ZERO_FACTOR, Why.ZERO_ACTIVATION, Why.CANCELLATION, Why.OTHER,
)  # fmt: skip
"""Reasons that other data may refute; the others lie in the form or in the weights."""
