"""Ends first: does an output move when inputs change that it must not know of?

Whatever happens in between, two slices (samples of a batch, steps of a sequence) are independent if one of the
outputs stays as it is while the inputs of the other change. No gradient is asked for, so ids and operations
without one count as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from gradlint.record.subject import perturbed
from gradlint.upstream.eager import array_of, is_eager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gradlint.record.run import Run

RELATIVE_CHANGE = 1e-5
"""An output moves when it changes by more than this share of its largest element. What is computed twice from the same
elements, in arrays of the same shape, comes out the same to the bit but where a device adds in any order: some 1e-6."""
_DRAWS = 2
_FEWEST_STEPS = 3
_CHANGING = 0.25
"""Share of the elements that differ from the step before, from which on labels one step ahead are no coincidence."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """An output that moves with inputs it must not know of.

    Attributes:
        at: index of the output's slice.
        inputs: arrays by key with which it moves.
        change: largest change of an element of it, relative to the largest element of the output.
    """

    at: int
    inputs: Mapping[str, Any]
    change: float


def between_samples(new_run: Callable[[Mapping[str, Any]], Run], inputs: Mapping[str, Any]) -> Dependence | None:
    """Whether the output of the first or the last sample moves when the others are replaced.

    Args:
        new_run: a run in inference mode, with these inputs.
        inputs: arrays by key, all with the same number of rows.
    """
    dense = {key: np.asarray(value) for key, value in inputs.items() if not hasattr(value, "row_splits")}
    size = next(len(array) for array in dense.values())

    def others_replaced(at: int, seed: int) -> Mapping[str, Any]:
        moved = perturbed(dense, np.random.default_rng(seed))
        for key, array in dense.items():
            # Rows that are alike, or two that change places: another row of the sample is as good as new ones.
            if np.array_equal(moved[key], array):
                moved[key] = np.roll(array, seed + 1, axis=0)
            moved[key] = moved[key].copy()
            moved[key][at] = array[at]
        return {**inputs, **moved}

    return _first(new_run, inputs, (size - 1, 0), others_replaced, lambda output, at: output[at], axis=0, size=size)


def from_later_steps(
    new_run: Callable[[Mapping[str, Any]], Run], inputs: Mapping[str, Any], key: str, axis: int
) -> Dependence | None:
    """Whether an output at one step, or before it, moves when the later steps of an input are replaced.

    Args:
        new_run: a run in inference mode, with these inputs.
        inputs: arrays by key.
        key: of the input.
        axis: of its steps, which the outputs have along the same axis.
    """
    array = np.asarray(inputs[key])
    size = array.shape[axis]

    def later_replaced(at: int, seed: int) -> Mapping[str, Any]:
        fresh = np.array(perturbed({key: array}, np.random.default_rng(seed))[key])
        if np.array_equal(fresh, array):
            fresh = np.roll(array, seed + 1, axis=axis)
        kept = tuple([slice(None)] * axis + [slice(0, at + 1)])
        fresh[kept] = array[kept]
        return {**inputs, key: fresh}

    def until(output: Any, at: int) -> Any:
        return output[tuple([slice(None)] * axis + [slice(0, at + 1)])]

    return _first(new_run, inputs, sorted({0, size // 2}), later_replaced, until, axis=axis, size=size)


def is_one_ahead(labels: Any, steps: Any) -> bool:
    """Whether labels repeat an input of shape (rows, steps, …), or some of its columns, one step ahead.

    The next token, the next sample of a wave, the next price among other columns.
    """
    if labels.ndim < 2 or steps.ndim < 2 or labels.shape[:2] != steps.shape[:2] or steps.shape[1] < _FEWEST_STEPS:
        return False
    if steps.dtype.kind not in "fiu" or 0 in steps.shape or 0 in labels.shape:
        return False
    ahead, now = (array.reshape(*array.shape[:2], -1) for array in (steps[:, 1:], labels[:, :-1]))
    before = steps[:, :-1].reshape(ahead.shape)

    def is_repeated(column: Any) -> bool:
        same = [index for index in range(ahead.shape[2]) if np.array_equal(column, ahead[:, :, index])]
        # What hardly changes from step to step repeats itself without looking ahead.
        return any(np.mean(ahead[:, :, index] != before[:, :, index]) > _CHANGING for index in same)

    return now.shape[2] <= ahead.shape[2] and all(is_repeated(now[:, :, index]) for index in range(now.shape[2]))


def _first(
    new_run: Callable[[Mapping[str, Any]], Run],
    inputs: Mapping[str, Any],
    places: Sequence[int],
    changed: Callable[[int, int], Mapping[str, Any]],
    part: Callable[[Any, int], Any],
    *,
    axis: int,
    size: int,
) -> Dependence | None:
    base = _outputs(new_run(inputs))
    if base is None:
        return None

    def is_of_pairs(number: int) -> bool:
        """Whether an output of `size` columns has one for each sample: with fewer samples it has fewer."""
        fewer = _outputs(new_run({key: value[:-1] for key, value in inputs.items()}))
        return fewer is None or fewer[number].shape[1:] != base[number].shape[1:]

    for at in places:
        for seed in range(_DRAWS):
            others = changed(at, seed)
            moved = _outputs(new_run(others))
            if moved is None or len(moved) != len(base):
                continue
            for number, (before, after) in enumerate(zip(base, moved, strict=True)):
                if before.shape != after.shape or before.ndim <= axis or before.shape[axis] != size:
                    continue
                change = _relative(part(before, at), part(after, at), before)
                # A matrix of all pairs, as in contrastive retrieval, compares samples on purpose.
                if change > RELATIVE_CHANGE and not (axis == 0 and size in before.shape[1:] and is_of_pairs(number)):
                    return Dependence(at, others, change)
    return None


def _outputs(run: Run) -> list[np.ndarray[Any, Any]] | None:
    """The model's outputs, or None where it does not take these inputs."""
    with run.isolated():
        try:
            outputs = run.call_model(run.batch())
        except Exception:
            return None
        return [array_of(output).copy() for output in keras.tree.flatten(outputs) if is_eager(output)]


def _relative(before: Any, after: Any, whole: Any) -> float:
    """Largest change of an element, relative to the largest element of the whole output."""
    if before.dtype.kind not in "fiub" or before.size == 0:
        return 0.0
    first, second = before.astype(np.float64), after.astype(np.float64)
    finite = np.isfinite(first) & np.isfinite(second)
    if not finite.any():
        return 0.0
    scale = np.nanmax(np.abs(np.where(np.isfinite(whole.astype(np.float64)), whole, 0.0))) or 1.0
    return float(np.max(np.abs(first[finite] - second[finite])) / scale)
