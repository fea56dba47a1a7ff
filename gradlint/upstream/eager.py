"""Tensors and variables as TensorFlow's eager mode knows them: identities, values, handles."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.upstream.names import member, value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Tensor = Any
"""A `tf.Tensor`; TensorFlow ships no types."""


def tensor_id(tensor: Tensor) -> int:
    """A number that no other tensor of this process has, eager or symbolic."""
    return int(member(tensor, "tensor id"))


def array_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The values of an eager tensor without a copy where TensorFlow allows it; read only."""
    return np.asarray(member(tensor, "tensor memory")())


def bytes_of(tensor: Tensor) -> int:
    """Bytes of the values of an eager tensor; 0 for what holds none, such as a handle."""
    return int(member(tensor, "elements of a tensor")()) * _size_of(tensor.dtype)


@functools.cache
def _size_of(dtype: Any) -> int:
    """Bytes of one element; TensorFlow asks NumPy each time."""
    return int(dtype.size) if dtype.is_numpy_compatible else 0


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """The shape of an eager tensor, without TensorFlow's own objects for it: a run makes thousands of tensors."""
    return tuple(member(tensor, "shape of a tensor")())


def share_memory(one: Tensor, other: Tensor) -> bool:
    """Whether two eager tensors are one piece of the host's memory, as a variable and what was read from it."""
    if not are_alike(one, other):
        return False
    places = [array_of(tensor).__array_interface__["data"][0] for tensor in (one, other)]
    return bool(places[0] == places[1])


def are_equal(one: Tensor, other: Tensor) -> bool:
    """Whether two eager tensors are of one shape and dtype and have the same values."""
    return are_alike(one, other) and np.array_equal(array_of(one), array_of(other))


def are_alike(one: Tensor, other: Tensor) -> bool:
    """Whether two eager tensors are of one shape and dtype."""
    return bool(one.shape == other.shape and one.dtype == other.dtype)


_graph: Any = None
"""The graph of the run on symbols that is in progress."""


@contextlib.contextmanager
def running_on(graph: Any) -> Iterator[None]:
    """Let the symbols of a graph stand for values during a `with` block."""
    global _graph
    before, _graph = _graph, graph
    try:
        yield
    finally:
        _graph = before


def graph_of_run() -> Any:
    """The graph of the run on symbols that is in progress; None when there is none."""
    return _graph


def is_in_graph_of_run() -> bool:
    """Whether operations are being written into the graph of the run on symbols, not into one inside of it."""
    return _graph is not None and value_of("get_default_graph")() is _graph


def is_value(tensor: object) -> bool:
    """Whether `tensor` is one of TensorFlow's that holds values."""
    return isinstance(tensor, value_of("EagerTensor"))


def is_eager(tensor: object) -> bool:
    """Whether `tensor` holds values; in a run on symbols, whether it stands for some."""
    if is_value(tensor):
        return True
    return _graph is not None and isinstance(tensor, tf.Tensor) and getattr(tensor, "graph", None) is _graph


def text_of(op_type: str | bytes) -> str:
    """TensorFlow reports some operation types as bytes."""
    return op_type.decode() if isinstance(op_type, bytes) else str(op_type)


def read_unnoticed(variable: Any) -> Tensor:
    """The value of a `tf.Variable`, without a word to tapes and to whoever waits for variables that are read.

    A custom gradient must answer for every variable that is read while its function runs.
    """
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def is_variable(value: object) -> bool:
    """Whether a value is a Keras or TensorFlow variable."""
    return isinstance(value, (keras.Variable, tf.Variable)) or hasattr(value, "handle")


def handle_of(variable: Any) -> Tensor:
    """The resource handle of a Keras or TensorFlow variable: what the tape knows it by."""
    value = getattr(variable, "value", variable)
    return value.handle if hasattr(value, "handle") else variable.handle


def tf_variable(variable: Any) -> Any:
    """The `tf.Variable` behind a Keras variable."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def stands_for_variable(value: object) -> bool:
    """Whether a value is a Keras variable, or the symbol that stands for one in a run on symbols."""
    return isinstance(value, keras.Variable) or getattr(value, "handle", None) is value


def dtype_name(variable: Any) -> str:
    """The name of a variable's dtype."""
    return str(getattr(variable.dtype, "name", variable.dtype))
