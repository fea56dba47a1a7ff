"""What is run, and how one run may differ from another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlint.load.given import limits_of
from gradlint.load.limits import room_for_results
from gradlint.load.model.target import FunctionTarget
from gradlint.thresholds import DEFAULT_THRESHOLDS, Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gradlint.load.model.target import Bound, Target
    from gradlint.load.spec import Structure
    from gradlint.options import Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What runs on a sample: a model, a function, or, when it is neither, a step that was observed while it ran.

    Attributes:
        inputs: arrays by input key.
        labels: arrays by output name.
        label_keys: sample key of each label.
        sample_weight: an array, arrays by output name, or None.
        learners: models and variables that should learn besides the model's own.
        thresholds: from where on an element counts as saturated.
        reduces_all: the values of all tensors are wanted, whatever the run looks like.
        room: bytes that the results of a run's operations may take together.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    label_keys: Mapping[str, str] = field(default_factory=dict)
    sample_weight: Any = None
    learners: tuple[Any, ...] = ()
    training: bool = True
    seed: int = 0
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    reduces_all: bool = False
    room: int | None = None

    @property
    def model(self) -> Any:
        """The Keras model that is called; None where the user's own code calls what it likes."""
        return None

    @property
    def structure(self) -> Structure | None:
        """The model's nesting of input keys; None where it does not say."""
        return None

    @property
    def owners(self) -> tuple[Any, ...]:
        """All models and variables that should learn."""
        return self.learners


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSubject(Subject):
    """A callable of the sample that returns a loss."""

    function: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSubject(Subject):
    """A Keras model.

    Attributes:
        loss: as the user asked; None for the compiled one.
    """

    model: Any = field()  # Without it, the property above would be taken for a default.
    structure: Structure | None = field(default=None)
    loss: object = None

    @property
    def owners(self) -> tuple[Any, ...]:
        return (self.model, *self.learners)


@dataclass(frozen=True, slots=True)
class Probe:
    """How one more run differs: another seed, perturbed inputs, and variables after some updates.

    Updates open gates that are zero on purpose at the start, and leave closed what no gradient reaches.

    Attributes:
        number: from 0; the seed follows from it.
        perturb_inputs: the inputs are other ones.
        steps: `tf.Variable`s, and what is added to each.
    """

    number: int
    perturb_inputs: bool = True
    steps: Sequence[tuple[Any, Any]] = ()


def perturbed(inputs: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """Another sample of the same kind.

    Measured columns get noise of half their own spread. Whole numbers (ids, counts, flags) keep their values and change
    rows, since noise could make them invalid; an array of zeros gets unit noise. Steps of zeros among others are
    padding: they stay so, and change rows with what is whole, so that steps and their mask stay together.
    """
    result: dict[str, Any] = {}
    orders: dict[int, Any] = {}

    def in_other_rows(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if len(array) not in orders:
            orders[len(array)] = generator.permutation(len(array))
        moved: np.ndarray[Any, Any] = array[orders[len(array)]]
        return moved

    for key, value in inputs.items():
        array = np.asarray(value) if not hasattr(value, "row_splits") else value
        if not isinstance(array, np.ndarray) or array.ndim == 0 or array.size == 0:
            result[key] = value
        elif array.dtype.kind != "f" or (array.any() and np.array_equal(array, np.round(array))):
            result[key] = in_other_rows(array)
        elif not array.any():
            result[key] = np.asarray(generator.normal(size=array.shape), array.dtype)
        else:
            moved = in_other_rows(array) if _padding(array).any() else array
            spread = float(np.nanstd(array)) or float(np.abs(array).max())
            noise = 0.5 * spread * generator.normal(size=array.shape)
            result[key] = (moved + noise * ~_padding(moved)).astype(array.dtype)
    return result


_MOST_PADDING = 0.95
"""Share of steps of zeros beyond which zeros are what an array is about."""


def _padding(array: np.ndarray[Any, Any]) -> Any:
    """True at the steps of zeros of an array of shape (rows, steps, …, features), where there are others."""
    if array.ndim < 3:
        return np.zeros_like(array, bool)
    blank = ~array.any(axis=-1, keepdims=True)
    return blank if blank.mean() < _MOST_PADDING else np.zeros_like(blank)


def masks_of_padding(inputs: Mapping[str, Any]) -> frozenset[str]:
    """The inputs that say, step by step, where others are padded: without these they mean nothing."""
    dense = {key: array for key, value in inputs.items() if (array := _dense(value)) is not None}
    blank = [padding[..., 0] for array in dense.values() if (padding := _padding(array)).any()]
    return frozenset(
        key
        for key, array in dense.items()
        for steps in blank
        if array.size == steps.size and any(np.array_equal(array.ravel(), part.ravel()) for part in (steps, ~steps))
    )


def subject_of(options: Options, target: Target, given: Bound, *, reduces_all: bool = False) -> Subject:
    """What runs, on the arrays that a sample binds to it.

    Args:
        options: how it runs.
        target: a model, or a function that returns a loss.
        given: the sample.
        reduces_all: the values of all tensors will be asked for.
    """
    arrays, binding = given.arrays, given.binding
    sample: dict[str, Any] = {
        "inputs": given.inputs,
        "labels": {output: arrays[key] for output, key in binding.labels},
        "label_keys": dict(binding.labels),
        "sample_weight": arrays[binding.sample_weight]
        if binding.sample_weight
        else {output: arrays[key] for output, key in binding.weights} or None,
        "training": options.is_training,
        "seed": options.seed,
        "thresholds": options.bounds,
        "reduces_all": reduces_all,
        "room": room_for_results(limits_of(options)),
    }
    if isinstance(target, FunctionTarget):
        return FunctionSubject(function=target.function, learners=(*target.learners, *options.learners), **sample)
    return ModelSubject(
        model=target.model, structure=given.structure, loss=options.loss, learners=options.learners, **sample
    )


def is_constant(value: Any) -> bool:
    """Whether all elements of an array are the same; of one element that means nothing."""
    array = _dense(value)
    return array is not None and array.size > 1 and bool((array == array.flat[0]).all())


def random_like(value: Any, generator: np.random.Generator, spread: float | None = None, times: float = 1.0) -> Any:
    """A random array of the shape and dtype of another; what is ragged or holds no numbers stays as it is.

    Args:
        value: the other array.
        generator: of the numbers. Measured ones have a mean of zero; whole ones lie in the range of the others, which
            of ids are valid; where those are all alike, bytes may be any, and the rest 0 or 1.
        spread: standard deviation of floats, whole ones among them; None for that of the array.
        times: by which floats are multiplied.
    """
    array = _dense(value)
    if array is None:
        return value
    is_float = array.dtype.kind == "f"
    is_flat = is_constant(array)
    if is_float and (is_flat or spread is not None or times != 1.0 or not np.array_equal(array, np.round(array))):
        spread = spread or float(np.nanstd(array)) or float(np.nanmax(np.abs(array))) or 1.0
        return (times * spread * generator.normal(size=array.shape) * ~_padding(array)).astype(array.dtype)
    low, high = (0, 255 if array.dtype == np.uint8 else 1) if is_flat else (int(array.min()), int(array.max()))
    return generator.integers(low, high, size=array.shape, endpoint=True).astype(array.dtype)


def _dense(value: Any) -> np.ndarray[Any, Any] | None:
    """An array of numbers; None for what is ragged, empty, or holds something else."""
    if hasattr(value, "row_splits"):
        return None
    array = np.asarray(value)
    return array if array.dtype.kind in "fiub" and array.size else None
