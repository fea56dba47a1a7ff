"""The first step of training, judged: heads with their labels, and losses that start too high."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.passes.heads import heads
from gradlint.record.start import BINARY, CATEGORICAL, SPARSE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.passes.heads import Head
    from gradlint.record.start import Target

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
    return None


# Probabilities in half precision add up to one within a hundredth.
_SUM_MARGIN = 1e-2


def _filled(target: Target) -> tuple[int, ...]:
    """The shape of a prediction, with the labels' own lengths where the model does not say."""
    if len(target.prediction) != len(target.shape):
        return target.prediction
    return tuple(length or own for length, own in zip(target.prediction, target.shape, strict=True))


def _is_impossible_class(target: Target, span: str) -> str | None:
    classes = target.prediction[-1] if target.prediction else 0
    if target.whole < 1.0:
        return f"are fractions {span}, where classes from 0 to {classes - 1} are expected"
    low, high = target.low, target.high
    if target.ignored is not None:
        low, high = (0.0 if low == target.ignored else low), (0.0 if high == target.ignored else high)
    if low < 0.0 or (classes and high >= classes):
        return f"range {span}, where classes from 0 to {classes - 1} are expected"
    return None
