"""Small facts about tensors and variables that the room shares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.upstream import eager, models

if TYPE_CHECKING:
    from collections.abc import Sequence


def tensor(value: Any, dtype: str | None = None) -> Any:
    """A value of the sample as a tensor; tensors stay as they are."""
    if isinstance(value, (tf.Tensor, tf.RaggedTensor, tf.SparseTensor)):
        return value
    return tf.convert_to_tensor(value, dtype=dtype)


def components(tensor: Any) -> list[Any]:
    """The dense tensors of which a ragged or sparse tensor is made."""
    if isinstance(tensor, (tf.RaggedTensor, tf.SparseTensor)):
        return [part for part in tf.nest.flatten(tensor, expand_composites=True) if eager.is_eager(part)]
    return [tensor]


def numbers(tensor: Any) -> Any:
    """The dense tensor that holds the values of a ragged or sparse one; any other is its own."""
    if isinstance(tensor, tf.SparseTensor):
        return tensor.values
    return tensor.flat_values if isinstance(tensor, tf.RaggedTensor) else tensor


def shape_of(tensor: Any) -> tuple[int, ...]:
    """The shape of a tensor; -1 for a length that a symbol does not know, and () for a rank."""
    if eager.is_value(tensor):
        return eager.shape_of(tensor)
    if tensor.shape.rank is None:
        return ()
    return tuple(-1 if length is None else int(length) for length in tensor.shape)


def path_of(variable: Any) -> str:
    """The Keras path of a variable, or the name of a plain `tf.Variable`."""
    return str(getattr(variable, "path", None) or variable.name.split(":")[0])


def unique_paths(variables: Sequence[Any], roots: Sequence[Any]) -> list[str]:
    """Paths that tell variables apart.

    Keras gives the layers of nested Sequential models the same paths when it loads them from a file. Variables
    that share a path get the names of the models around them in front.

    Args:
        variables: in any order.
        roots: the models that hold them.
    """
    plain = [path_of(variable) for variable in variables]
    doubled = {path for path, number in Counter(plain).items() if number > 1}
    around: dict[int, str] = {}
    for root in roots:
        if isinstance(root, keras.Layer) and doubled:
            _walk(root, "" if root is roots[0] else f"{root.name}/", around)
    paths = [
        around.get(id(variable), path) if path in doubled else path
        for variable, path in zip(variables, plain, strict=True)
    ]
    met: Counter[str] = Counter()
    unique = []
    for path in paths:
        met[path] += 1
        unique.append(path if met[path] == 1 else f"{path}#{met[path]}")
    return unique


def _walk(layer: Any, prefix: str, around: dict[int, str]) -> None:
    for variable in models.variables_of_its_own(layer):
        around.setdefault(id(variable), f"{prefix}{variable.name}")
    for child in models.layers_inside(layer):
        _walk(child, f"{prefix}{child.name}/", around)


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


def total(losses: Sequence[Any], seed: int) -> Any:
    """One loss of several, in proportions that let no two of them cancel: those of a GAN may be opposites."""
    if len(losses) == 1:
        return tf.reduce_sum(losses[0])
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, size=len(losses))
    return tf.add_n([float(w) * tf.reduce_sum(tf.cast(t, tf.float32)) for w, t in zip(weights, losses, strict=True)])
