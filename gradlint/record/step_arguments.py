"""What a training step is given: the arrays in its arguments, others in their place, and models that are not built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.record.subject import perturbed
from gradlint.upstream import eager
from gradlint.upstream.models import is_built

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def given_arrays(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays and tensors in the arguments of a step, by a key that says where they are."""
    found: dict[str, Any] = {}
    for value, prefix in _arguments(args, kwargs):
        _collect(value, prefix, found)
    return found


def _arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[tuple[Any, str]]:
    return [*((value, "" if len(args) == 1 else str(place)) for place, value in enumerate(args))] + [
        (value, name) for name, value in kwargs.items()
    ]


def _collect(value: Any, key: str, found: dict[str, Any]) -> None:
    if isinstance(value, np.ndarray) or eager.is_eager(value):
        found[key or "batch"] = value
    elif isinstance(value, dict):
        for name, part in value.items():
            _collect(part, f"{key}/{name}" if key else str(name), found)
    elif isinstance(value, (list, tuple)):
        for place, part in enumerate(value):
            _collect(part, f"{key}/{place}" if key else str(place), found)


def replaced_arrays(
    args: Sequence[Any], kwargs: Mapping[str, Any], arrays: Mapping[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a step, with other arrays in their places."""
    keys = [key for _, key in _arguments(args, kwargs)]
    new = [_rebuilt(value, key, arrays) for value, key in _arguments(args, kwargs)]
    return tuple(new[: len(args)]), dict(zip(keys[len(args) :], new[len(args) :], strict=True))


def _rebuilt(value: Any, key: str, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, np.ndarray) or eager.is_eager(value):
        return arrays.get(key or "batch", value)
    if type(value) is dict:
        return {name: _rebuilt(part, f"{key}/{name}" if key else str(name), arrays) for name, part in value.items()}
    if type(value) in (list, tuple):
        parts = [_rebuilt(part, f"{key}/{place}" if key else str(place), arrays) for place, part in enumerate(value)]
        return type(value)(parts)
    return value


def perturbations(arrays: Mapping[str, Any], number: int, seed: int) -> Iterator[dict[str, Any]]:
    """Other arrays of the same kinds."""
    for place in range(number):
        generator = np.random.default_rng(seed + 1 + place)
        moved = perturbed({key: np.asarray(value) for key, value in arrays.items()}, generator)
        yield {
            key: moved[key] if isinstance(value, np.ndarray) else tf.constant(moved[key], value.dtype)
            for key, value in arrays.items()
        }


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
