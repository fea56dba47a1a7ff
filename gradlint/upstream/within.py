"""What layers make besides what they pass on, from shapes: the scores of an attention, the steps of a recurrence.

Only public names are used; it is here because it knows how Keras takes such layers apart.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Lengths = Callable[[Any], tuple[int, ...]]

_HOLD_MORE = re.compile(
    r"keras\.src\.(layers\.(attention|preprocessing|convolutional\.\w*separable\w*)|ops\.(math|image|linalg))\b"
)
"""Modules of Keras whose layers and operations may hold far more than they take and pass on."""
_MORE_OPERATIONS = frozenset({"DotProductAttention"})
_NO_RESULT = frozenset(
    {"ReadVariableOp", "Placeholder", "Const", "Identity", "StopGradient", "Reshape", "Squeeze", "ExpandDims"}
)
"""Types of operations that make nothing, or share the memory of what they are given."""


def is_loop(layer: Any) -> bool:
    """True for a layer that is run step by step along its second axis."""
    import keras

    return isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed))


def loop_bytes(layer: Any, rows: int, shape: tuple[int, ...]) -> int:
    """Bytes of what is held until all steps have their gradients, but for the gradients of the values themselves.

    At each step these are the results of the operations, and half the gradient of every variable: it is kept for each
    step until they are added up, and the caller counts everything twice.

    Args:
        layer: of those that `is_loop` tells.
        rows: length of the batch axis.
        shape: of the input, batch axis first.
    """
    import keras

    steps = shape[1] if len(shape) > 1 else 1
    if isinstance(layer, keras.layers.Bidirectional):
        return sum(loop_bytes(part, rows, shape) for part in (layer.forward_layer, layer.backward_layer))
    inner: Any = layer.cell if isinstance(layer, keras.layers.RNN) else layer.layer
    if is_loop(inner):
        return steps * loop_bytes(inner, rows, (rows, *shape[2:]))
    held: int = sum(math.prod(variable.shape) * 4 for variable in inner.trainable_variables)
    each: int = _step_bytes(layer, inner, rows, shape[2:]) + held // 2
    return steps * each


def _step_bytes(layer: Any, inner: Any, rows: int, shape: tuple[int, ...]) -> int:
    import keras

    def step(value: Any) -> Any:
        if isinstance(layer, keras.layers.RNN):
            return inner(value, layer.get_initial_state(rows), training=False)
        return inner(value, training=False)

    return _bytes_of(step, [((rows, *shape), layer.compute_dtype)])


def holds_more(operation: Any) -> bool:
    """True for a layer or an operation of Keras's whose results say little of what it takes to compute them."""
    kind = type(operation)
    return _HOLD_MORE.match(kind.__module__) is not None or kind.__name__ in _MORE_OPERATIONS


def bytes_within(operation: Any, node: Any, lengths: Lengths) -> int:
    """Bytes of the results of all operations within one call; 0 where the call cannot be written down.

    Args:
        operation: of those that `holds_more` tells.
        node: the call, in a functional model.
        lengths: gives a shape its lengths.
    """
    import keras

    given = (node.arguments.args, node.arguments.kwargs)
    symbols = [part for part in keras.tree.flatten(given) if isinstance(part, keras.KerasTensor)]

    def call(*values: Any) -> Any:
        waiting = iter(values)
        args, kwargs = keras.tree.map_structure(
            lambda part: next(waiting) if isinstance(part, keras.KerasTensor) else part, given
        )
        with keras.StatelessScope():  # losses and states that the call adds stay in it
            return operation(*args, **kwargs)

    return _bytes_of(call, [(lengths(symbol.shape), symbol.dtype) for symbol in symbols])


def bytes_of_penalty(regularizer: Any, shape: tuple[int, ...], dtype: str) -> int:
    """Bytes of the results of all operations by which a regularizer of Keras's judges a tensor.

    0 for L1 and L2, which pass over it once, and for the user's own, whose code runs no oftener than in `fit`.
    """
    import keras

    plain = (keras.regularizers.L1L2, keras.regularizers.L1, keras.regularizers.L2)
    if not type(regularizer).__module__.startswith("keras.") or isinstance(regularizer, plain):
        return 0
    return _bytes_of(regularizer, [(shape, dtype)])


def _bytes_of(call: Any, inputs: list[tuple[tuple[int, ...], str]]) -> int:
    """Bytes of all results of a function, which is written down as a graph: nothing is computed."""
    import tensorflow as tf

    specs = [tf.TensorSpec(shape, dtype) for shape, dtype in inputs]
    try:
        graph = tf.function(call, autograph=False).get_concrete_function(*specs).graph
    except Exception:  # a cell of the user's, with a signature of its own
        return 0
    sizes: list[int] = [
        tensor.dtype.size * math.prod(tensor.shape.as_list())
        for operation in graph.get_operations()
        if operation.type not in _NO_RESULT
        for tensor in operation.outputs
        if tensor.shape.is_fully_defined()
    ]
    return sum(sizes)
