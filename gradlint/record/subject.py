"""What is run, and how one run may differ from another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlint.thresholds import DEFAULT_THRESHOLDS, Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gradlint.load.binding import Binding
    from gradlint.options import Options


@dataclass(frozen=True, slots=True)
class Subject:
    """What is run: a model, or a callable, with its sample.

    Attributes:
        model: a Keras model; None for a callable.
        function: a callable of the sample that returns a loss; None for a model.
        structure: the model's nesting of input keys, or None.
        inputs: arrays by input key.
        labels: arrays by output name.
        label_keys: sample key of each label.
        learners: models and variables that should learn besides the model's own.
        loss: as the user asked, or None.
        thresholds: from where on an element counts as saturated.
        reduces_all: the values of all tensors are wanted, whatever the run looks like.
    """

    model: Any
    function: Callable[..., Any] | None
    structure: Any
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any]
    label_keys: Mapping[str, str]
    sample_weight: Any
    learners: tuple[Any, ...] = ()
    loss: object = None
    training: bool = True
    seed: int = 0
    thresholds: Thresholds = DEFAULT_THRESHOLDS
    reduces_all: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """How one more run differs: another seed, perturbed inputs, and one small step of every variable.

    The step stands for the first update of training: it opens gates that are zero on purpose at the start and
    leaves closed what no gradient reaches.
    """

    number: int
    perturb_inputs: bool = True


def perturbed(inputs: Mapping[str, Any], generator: np.random.Generator) -> dict[str, Any]:
    """Another sample of the same kind.

    Measured columns get noise of half their own spread. Whole numbers (ids, counts, flags) keep their values
    and change rows, since noise could make them invalid; a column of zeros gets unit noise.
    """
    result: dict[str, Any] = {}
    for key, value in inputs.items():
        array = np.asarray(value) if not hasattr(value, "row_splits") else value
        if not isinstance(array, np.ndarray) or array.ndim == 0 or array.size == 0:
            result[key] = value
        elif array.dtype.kind == "f":
            if not array.any():
                result[key] = generator.normal(size=array.shape).astype(array.dtype)
            elif np.array_equal(array, np.round(array)):
                result[key] = array[generator.permutation(len(array))]
            else:
                spread = float(np.nanstd(array)) or float(np.abs(array).max())
                noise = 0.5 * spread * generator.normal(size=array.shape)
                result[key] = (array + noise).astype(array.dtype)
        else:
            result[key] = array[generator.permutation(len(array))]
    return result


def subject_of(
    options: Options,
    binding: Binding,
    inputs: Mapping[str, object],
    arrays: Mapping[str, object],
    *,
    model: object = None,
    function: Callable[..., object] | None = None,
    structure: object = None,
    reduces_all: bool = False,
) -> Subject:
    """What runs, on the arrays that a sample binds to it.

    Args:
        options: how it runs.
        binding: which of the arrays are labels and weights.
        inputs: arrays by input key.
        arrays: those of the sample, by its own keys.
        model: a live model, or
        function: a callable that returns a loss.
        structure: how the model nests its inputs.
        reduces_all: the values of all tensors will be asked for.
    """
    return Subject(
        model=model,
        function=function,
        structure=structure,
        inputs=inputs,
        labels={output: arrays[key] for output, key in binding.labels},
        label_keys=dict(binding.labels),
        sample_weight=arrays[binding.sample_weight] if binding.sample_weight else None,
        learners=options.learners,
        loss=options.loss,
        training=options.is_training,
        seed=options.seed,
        thresholds=options.bounds,
        reduces_all=reduces_all,
    )
