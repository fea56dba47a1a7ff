"""What a step asks and tells its tapes and optimizers, while it runs: live tensors, of which a record is made later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gradlint.record.terms import TargetKind

if TYPE_CHECKING:
    from gradlint.record.step_record import Frames
    from gradlint.upstream.optimizers import Application
    from gradlint.upstream.steps import Question


@dataclass(slots=True)
class LiveTape:
    """One tape of the user's."""

    tape: Any
    frames: Frames
    spans: list[list[int]] = field(default_factory=list)
    watches: list[tuple[int, int]] = field(default_factory=list)
    integers: list[tuple[int, str, Frames]] = field(default_factory=list)
    resets: list[tuple[int, Frames]] = field(default_factory=list)
    refused: list[tuple[str, Frames]] = field(default_factory=list)


@dataclass(slots=True)
class LiveCall:
    """One question to a tape, and the answer."""

    question: Question
    tape: int | None
    frames: Frames
    first: int
    last: int = 0
    targets: list[int] = field(default_factory=list)
    target_tensors: list[Any] = field(default_factory=list)
    target_kind: TargetKind = TargetKind.TENSOR
    sources: list[Any] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    slopes: list[Any] = field(default_factory=list)
    in_reach: list[Any] = field(default_factory=list)
    odd_sources: str = ""
    result: Any = None
    error: str | None = None
    is_filled: bool = False


@dataclass(slots=True)
class LiveUpdate:
    """One use of an optimizer."""

    application: Application
    frames: Frames
    first: int
    last: int = 0
    gradients: list[int | None] = field(default_factory=list)
    learning_rate: float | None = None
    is_scheduled: bool = False
    scaled: bool | None = None
    scale: list[int] = field(default_factory=list)
    divisor: float = 1.0
    """What the optimizer divides the gradients by."""
    around: dict[int, list[Any]] = field(default_factory=dict)
    """By handle id, the values before it and after it of variables that the step had moved by hand already."""
    error: str | None = None


@dataclass(slots=True)
class LiveEvaluation:
    """One call of `predict` or the like, with the arrays that it gave."""

    method: str
    model: Any
    position: int
    frames: Frames
    arrays: list[Any]
