"""The first step of training, judged: heads with their labels, and losses that start too high."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.passes.heads import heads, mismatch
from gradlint.record.terms import BINARY, CATEGORICAL, CTC, SPARSE, Region

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.heads import Head
    from gradlint.record.start import Target, Update

REGRESSION = frozenset(
    {"mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "mean_absolute_percentage_error",
     "mean_squared_logarithmic_error"}
)  # fmt: skip


def targets(flow: Flow) -> tuple[Target, ...]:
    """The labels of every output with a loss of Keras's own."""
    start = flow.recording.start
    return start.targets if start is not None else ()


def targets_with_heads(flow: Flow) -> Iterator[tuple[Target, Head]]:
    """Labels with the end of the model that they are compared with."""
    found = heads(flow)
    for target in targets(flow):
        head = next((h for h in found if target.output in ("", h.output)), None)
        if head is not None:
            yield target, head


def cause_of_head(head: Head) -> Cause:
    """The last operation that gives an output its values."""
    return Cause(head.op.layer or head.layer or None, head.op.type, head.op.file, head.op.line)


def cause_of_target(flow: Flow, target: Target) -> tuple[Cause, int]:
    """The end of the model that labels are compared with, and its position; nothing when the run failed."""
    for other, head in targets_with_heads(flow):
        if other is target:
            return cause_of_head(head), head.position
    return Cause(), -1


def high_starts(flow: Flow) -> Iterator[tuple[Target, Head]]:
    """Outputs whose loss starts far above that of the best constant, although head, loss and labels fit."""
    for target, head in targets_with_heads(flow):
        fits = mismatch(head) is None and is_impossible(target) is None
        if target.starts_above(flow.thresholds.initial_loss) and fits:
            yield target, head


def is_of_scale(flow: Flow, target: Target) -> bool:
    """Whether a loss that starts too high would not, were the inputs scaled by their own deviation."""
    start, whole = flow.recording.start, flow.recording.loss.value
    if start is None or start.scaled_loss is None or not whole:
        return False
    excess, fall = target.excess, start.scaled_loss / whole
    limit = flow.thresholds.initial_loss
    return limit < excess < limit / fall and fall * math.sqrt(excess) < 1.0


_FEWEST_WEIGHTS = 8
"""Weights whose norm tells of the initialiser: once in ten thousand draws eight of them have a third of it or less."""


def update_ratio(updates: Sequence[Update]) -> float:
    """The norm of an update over that of the weights; what starts at zero does not count.

    The norm of a few weights is a matter of chance, and the ratio zero.
    """
    kernels = [update for update in updates if update.weight > 0.0]
    if sum(update.size for update in kernels) < _FEWEST_WEIGHTS:
        return 0.0
    weight = math.hypot(*(update.weight for update in kernels))
    return math.hypot(*(update.update for update in kernels)) / weight if weight else 0.0


def is_impossible(target: Target) -> str | None:
    """Why labels cannot be those that a loss expects; None when they can."""
    span = f"from {target.low:g} to {target.high:g}"
    if target.nan:
        return None
    if target.loss in BINARY and (target.low < 0.0 or target.high > 1.0):
        if (target.low, target.high) == (-1.0, 1.0) and target.whole == 1.0:
            return "are -1 and 1, where 0 and 1 are expected"
        return f"range {span}, where 0 to 1 is expected"
    if target.loss == SPARSE:
        return _is_impossible_class(target, span)
    if target.loss in CATEGORICAL and target.prediction[-1:] != (1,) and target.shape == _filled(target):
        if target.low < 0.0:
            return f"range {span}, where probabilities are expected"
        if target.row_low < 1 - _SUM_MARGIN or target.row_high > 1 + _SUM_MARGIN:
            sums = f"{target.row_low:g}" if target.row_low == target.row_high else None
            return (
                f"have rows that sum to {sums or f'{target.row_low:.3g} to {target.row_high:.3g}'}, where 1 is expected"
            )
    if target.loss == "poisson" and target.low < 0.0:
        return f"range {span}, where counts are expected"
    steps = target.prediction[1] if target.loss == CTC and len(target.prediction) == 3 else 0
    if 0 < steps < target.steps:
        return f"have rows that need {target.steps} steps, and no way through the {steps} of the prediction is found"
    return None


# Probabilities in half precision add up to one within a hundredth.
_SUM_MARGIN = 1e-2


@dataclass(frozen=True, slots=True)
class WithoutUnit:
    """A class among the labels for which a prediction has no unit: the loss, or what calls it, has ended the run.

    Attributes:
        label: the class.
        units: of the prediction.
        cause: where the loss is computed.
        target: the labels, where the loss is one of Keras's own.
    """

    label: int
    units: int
    cause: Cause
    target: Target | None

    @property
    def wants_units(self) -> bool:
        """Whether classes were asked of a single unit."""
        return self.units == 1


_WITHOUT_UNIT = re.compile(r"label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)")
"""What the operation under every sparse cross-entropy says; TensorFlow 2.18 to 2.22."""


def class_without_unit(flow: Flow) -> WithoutUnit | None:
    """The class on which the run has ended in a loss; None when it did not end so."""
    failure = flow.recording.failure
    said = _WITHOUT_UNIT.search(failure.message) if failure is not None else None
    if failure is None or said is None or failure.region is not Region.LOSS:
        return None
    label, units = int(said[1]), int(said[2])
    target = next((t for t in targets(flow) if t.loss == SPARSE and t.low <= label <= t.high), None)
    return WithoutUnit(label, units, Cause(failure.layer, failure.op, failure.file, failure.line), target)


def _filled(target: Target) -> tuple[int, ...]:
    """The shape of a prediction, with the labels' own lengths where the model does not say."""
    if len(target.prediction) != len(target.shape):
        return target.prediction
    return tuple(length or own for length, own in zip(target.prediction, target.shape, strict=True))


def _is_impossible_class(target: Target, span: str) -> str | None:
    classes = target.prediction[-1] if target.prediction else 0
    expected = f"classes from 0 to {classes - 1}" if classes else "whole numbers"
    if target.whole < 1.0:
        return f"are fractions {span}, where {expected} are expected"
    low, high = target.low, target.high
    if target.ignored is not None:
        low, high = (0.0 if low == target.ignored else low), (0.0 if high == target.ignored else high)
    if low < 0.0 or (classes and high >= classes):
        return f"range {span}, where {expected} are expected"
    return None
