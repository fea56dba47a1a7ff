"""What a training step is given: the arrays in its arguments, others in their place, and models that are not built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.record.parameters import Argument
from gradlint.record.subject import perturbed
from gradlint.upstream import eager
from gradlint.upstream.models import is_built

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def given_arrays(given: Sequence[Argument]) -> dict[str, Any]:
    """The arrays and tensors in the arguments of a step, by a key that says where they are."""
    return {key: value for argument in given for key, value in _leaves(argument) if _is_array(value)}


def taken_from(batch: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors of a batch that some inputs were taken from, by input; none of an input that could be several."""
    leaves = [value for _, value in _leaves(Argument(batch, "")) if _is_array(value)]
    found = {key: [leaf for leaf in leaves if np.array_equal(leaf, array)] for key, array in inputs.items()}
    return {key: same[0] for key, same in found.items() if len(same) == 1}


def foreign_tensors(given: Sequence[Argument]) -> dict[str, Any]:
    """The tensors of PyTorch in the arguments of a step, by key; told by what they can do."""
    return {key: value for argument in given for key, value in _leaves(argument) if hasattr(value, "detach")}


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or eager.is_eager(value)


def _leaves(given: Argument) -> Iterator[tuple[str, Any]]:
    value, key = given.value, given.key
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(Argument(part, f"{key}/{name}" if key else str(name)))
    elif isinstance(value, (list, tuple)):
        for name, part in zip(given.keys(), value, strict=True):
            yield from _leaves(Argument(part, name))
    else:
        yield key or "batch", value


def replaced_arrays(given: Sequence[Argument], arrays: Mapping[str, Any]) -> list[Any]:
    """The values of the arguments of a step, with other arrays in their places."""
    return [_rebuilt(argument, arrays) for argument in given]


def _rebuilt(given: Argument, arrays: Mapping[str, Any]) -> Any:
    value, key = given.value, given.key
    if type(value) is dict:
        return {
            name: _rebuilt(Argument(part, f"{key}/{name}" if key else str(name)), arrays)
            for name, part in value.items()
        }
    if type(value) in (list, tuple):
        parts = [_rebuilt(Argument(part, name), arrays) for name, part in zip(given.keys(), value, strict=True)]
        return type(value)(parts)
    return value if isinstance(value, (dict, list, tuple)) else arrays.get(key or "batch", value)


def perturbations(arrays: Mapping[str, Any], number: int, seed: int) -> Iterator[dict[str, Any]]:
    """Other arrays of the same kinds."""
    for place in range(number):
        generator = np.random.default_rng(seed + 1 + place)
        moved = perturbed({key: np.asarray(value) for key, value in arrays.items()}, generator)
        yield {key: as_given(value, moved[key]) for key, value in arrays.items()}


def as_given(value: Any, array: np.ndarray[Any, Any]) -> Any:
    """An array in the form of another value: as a tensor where that is one."""
    return array if isinstance(value, np.ndarray) else tf.constant(array, value.dtype)


def needs_building(values: Sequence[Any]) -> bool:
    """Whether a model among some arguments has not created its variables yet."""
    pending, models = list(values), []
    while pending:
        value = pending.pop()
        if isinstance(value, keras.Layer):
            models.append(value)
        elif isinstance(value, dict):
            pending.extend(value.values())
        elif isinstance(value, (list, tuple)):
            pending.extend(value)
    return any(not is_built(model) for model in models)
