"""What leaks: slices of a sample that an output must not know of, and does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Leak:
    """Where slices begin to mix that must not know of each other, in inference mode.

    Attributes:
        type: operation type; `layer`, `file` and `line` say where it is.
        input: key of the input whose other slices matter.
        at: index of an output's slice: a sample, or a step.
        others: indices of the forbidden slices it depends on; empty where no gradient tells which.
        change: how far the output moves when those inputs are replaced, relative to its largest element.
        asked_by: key of the labels that repeat the input one step ahead; empty when the user named the input.
        last: the last operation that mixes by itself; None when it is this one, or no gradient tells.
        is_state: only what the model writes to its state passes between the slices.
        is_number: it makes one number of the whole batch, through which no gradient passes: the scale of a quantizer.
    """

    type: str
    layer: str
    file: str | None
    line: int | None
    input: str
    at: int
    others: tuple[int, ...]
    change: float | None = None
    asked_by: str = ""
    last: Leak | None = None
    is_number: bool = False
    is_state: bool = False
