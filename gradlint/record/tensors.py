"""Small facts about tensors and variables that the room shares."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from gradlint.record import internals


def tensor(value: Any, dtype: str | None = None) -> Any:
    """A value of the sample as a tensor; tensors stay as they are."""
    if isinstance(value, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)):
        return value
    return tf.convert_to_tensor(value, dtype=dtype)


def components(tensor: Any) -> list[Any]:
    """The dense tensors of which a ragged or sparse tensor is made."""
    if isinstance(tensor, (tf.RaggedTensor, tf.SparseTensor)):
        return [part for part in tf.nest.flatten(tensor, expand_composites=True) if internals.is_eager(part)]
    return [tensor]


def path_of(variable: Any) -> str:
    """The Keras path of a variable, or the name of a plain `tf.Variable`."""
    return str(getattr(variable, "path", None) or variable.name.split(":")[0])


def dtype_of(variable: Any) -> str:
    """The name of the dtype of a Keras or TensorFlow variable."""
    dtype = variable.dtype
    return str(getattr(dtype, "name", dtype))


def variables_of(owner: Any) -> list[Any]:
    """All variables that belong to a model, with its optimizer and metrics."""
    found = list(getattr(owner, "variables", [owner]))
    optimizer = getattr(owner, "optimizer", None)
    found.extend(getattr(optimizer, "variables", []) if optimizer is not None else [])
    found.extend(getattr(owner, "metrics_variables", []))
    return found
