"""What a training step leaves for a comparison with another one: its recording, and a print of each of its values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.finding import Cause
    from gradlint.record.recording import Recording
    from gradlint.record.step_record import StepRecord

# Relative distance up to which values count as the same: the order of a sum changes the last digits.
_TOLERANCES = {"float16": 0.02, "bfloat16": 0.05}
TOLERANCE = 1e-4

# Projections have the standard deviation of a distance; this many of them are no accident.
_DEVIATIONS = 4.0


@dataclass(frozen=True, slots=True)
class Print:
    """An array, reduced to what tells it from others.

    Attributes:
        norm: Euclidean norm of its finite elements.
        marks: its projections on random directions, the same ones for all arrays of a size.
        constant: the value of all elements, if it is one.
        nonfinite: number of NaN and infinite elements.
    """

    shape: tuple[int, ...]
    dtype: str
    norm: float
    marks: tuple[float, ...] = ()
    constant: float | None = None
    nonfinite: int = 0

    @property
    def size(self) -> int:
        """Number of elements."""
        number = 1
        for length in self.shape:
            number *= length
        return number

    def times(self, factor: float) -> Print:
        """The print of the array times a number."""
        return replace(
            self,
            norm=self.norm * abs(factor),
            marks=tuple(mark * factor for mark in self.marks),
            constant=None if self.constant is None else self.constant * factor,
        )

    def is_like(self, other: Print, tolerance: float = TOLERANCE, floor: float = 0.0) -> bool:
        """Whether another array has the same values in the same order, whatever its shape.

        Args:
            other: of the other array.
            tolerance: relative distance that does not count; that of a half-precision dtype where it is larger.
            floor: norm below which there is noise only.
        """
        if self.size != other.size or self.nonfinite != other.nonfinite:
            return False
        allowed = max(tolerance, _TOLERANCES.get(self.dtype, 0.0), _TOLERANCES.get(other.dtype, 0.0))
        distance = allowed * max(self.norm, other.norm) + floor
        return abs(self.norm - other.norm) <= distance and all(
            abs(one - two) <= _DEVIATIONS * distance for one, two in zip(self.marks, other.marks, strict=True)
        )

    def ratio(self, other: Print) -> float | None:
        """The number that this array has to be multiplied with to give the other; None where there is none."""
        if not self.norm or not other.norm or self.size != other.size:
            return None
        factor = other.norm / self.norm
        if self.marks and self.marks[0] * other.marks[0] < 0:
            factor = -factor
        return factor if self.times(factor).is_like(other, 1e-3) else None


@dataclass(frozen=True, slots=True)
class VariableTrail:
    """One variable at the start of a step, and what the step makes of it.

    Attributes:
        key: tells it from others of the process; two steps may share it.
        moved: by how much the step has changed it.
        writes: how often the step gives it a value.
        is_seed: the state of a generator of random numbers.
    """

    path: str
    key: int
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    before: Print
    moved: Print
    writes: int = 0
    is_seed: bool = False


@dataclass(frozen=True, slots=True)
class Outermost:
    """A call of a layer that no other layer makes.

    Attributes:
        training: what the layer takes as its `training`; None where nobody says.
        minds: something in it works otherwise in training.
        keys: of the trainable variables of the layer.
        place: the layer and the user's line.
        identity: tells the layer from others of the process.
    """

    identity: int
    training: bool | None
    minds: bool
    keys: frozenset[int]
    place: Cause


@dataclass(frozen=True, slots=True)
class OptimizerTrail:
    """An optimizer that the step uses.

    Attributes:
        name: of its class.
        settings: its configuration, as text by name.
        iterations: how often it was used before.
        scale: what the gradients that it gets are divided by.
        schedule: of its learning rate, as text; empty where that is a number.
    """

    name: str
    settings: Mapping[str, str]
    iterations: int = 0
    scale: float = 1.0
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Trail:
    """One run of a step.

    Attributes:
        prints: of tensors, by index into `recording.tensors`.
        slopes: of the gradient of what the step differentiates, by tensor index.
        answers: what the tapes gave, by number of the call and place of the source.
        scales: what the target of each call was multiplied with for the sake of half precision.
        applied: what optimizers make of each gradient, by number of the update and place of the pair.
        masked: a loss that the step calls gets a mask of Keras's.
    """

    recording: Recording
    record: StepRecord
    prints: Mapping[int, Print]
    slopes: Mapping[int, Print] = field(default_factory=dict)
    answers: Mapping[tuple[int, int], Print] = field(default_factory=dict)
    scales: tuple[float, ...] = ()
    applied: Mapping[tuple[int, int], Print] = field(default_factory=dict)
    variables: tuple[VariableTrail, ...] = ()
    outermost: tuple[Outermost, ...] = ()
    optimizers: tuple[OptimizerTrail, ...] = ()
    masked: bool = False
