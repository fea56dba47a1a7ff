"""What a recurrence makes at each of its steps, from shapes: the layers that Keras runs step by step tell it of none.

Only public names are used; it is here because it knows how Keras takes a recurrence apart.
"""

from __future__ import annotations

import math
from typing import Any


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
    import tensorflow as tf

    def step() -> Any:
        value = tf.zeros((rows, *shape), layer.compute_dtype)
        if isinstance(layer, keras.layers.RNN):
            return inner(value, layer.get_initial_state(rows), training=False)
        return inner(value, training=False)

    try:  # written down as a graph: nothing is computed
        graph = tf.function(step, autograph=False).get_concrete_function().graph
    except Exception:  # a cell of the user's, with a signature of its own
        return 0
    sizes: list[int] = [
        tensor.dtype.size * math.prod(tensor.shape.as_list())
        for operation in graph.get_operations()
        if operation.type not in ("ReadVariableOp", "Placeholder", "Const", "Identity")
        for tensor in operation.outputs
        if tensor.shape.is_fully_defined()
    ]
    return sum(sizes)
