"""Runs on symbols: a graph in which everything is written down and nothing is computed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from gradlint.upstream.eager import Tensor, dtype_name, graph_of_run, is_eager, running_on, stands_for_variable
from gradlint.upstream.names import value_of
from gradlint.upstream.restoring import global_attribute, set_global_attribute
from gradlint.upstream.scopes import scope_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@contextlib.contextmanager
def on_symbols() -> Iterator[Any]:
    """Give a graph in which everything that happens is written down and nothing is computed."""
    graph = value_of("FuncGraph")("gradlint")
    graph.name_scope = _taking_any_name(graph.name_scope)
    with running_on(graph), graph.as_default():
        yield graph


def _taking_any_name(name_scope: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A graph refuses names that eager mode takes; those of its own operations matter to nobody here."""
    return lambda name: name_scope(scope_name(name) if isinstance(name, str) and name else name)


def symbol(shape: Sequence[int | None], dtype: str) -> Tensor:
    """A tensor without values."""
    return tf.compat.v1.placeholder(dtype, shape)


def captured_by(graph: Any, tensor: Tensor) -> Tensor | None:
    """What a symbol of a graph stands for, if it was made outside of it."""
    if tensor.op.type != "Placeholder":
        return None
    return next((outer for outer, inner in graph.captures if inner is tensor), None)


class SymbolicScope(keras.StatelessScope):  # type: ignore[misc]  # Keras ships no types
    """Lets a model run on symbols: every Keras variable is one, whether it has been allocated or not.

    Args:
        allocate: give values to the variables that the run creates, as a live model needs.
        on_read: called with a variable and its symbol when it is read for the first time.
        on_assign: `(symbol of the variable, value) -> what to read from now on`.
    """

    def __init__(
        self,
        allocate: bool,
        on_read: Callable[[Any, Tensor], None],
        on_assign: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        super().__init__(collect_losses=True, initialize_variables=allocate)
        self.losses = _ByIdentity()
        self._allocate = allocate
        self._on_read = on_read
        self._on_assign = on_assign
        self._first: dict[int, tuple[Any, Tensor]] = {}
        self._pending: list[Any] = []

    def symbol_of(self, variable: Any) -> Tensor:
        """The symbol that a variable started with."""
        known = self._first.get(id(variable))
        if known is None:
            with graph_of_run().as_default():
                known = (variable, symbol(variable.shape, dtype_name(variable)))
            self._first[id(variable)] = known
            self.state_mapping.setdefault(id(variable), _as_variable(known[1], variable))
            self._on_read(*known)
        return known[1]

    def get_current_value(self, variable: Any) -> Any:
        if id(variable) not in self.state_mapping:
            self.symbol_of(variable)
        value = self.state_mapping[id(variable)]
        if variable.trainable and stands_for_variable(value):
            value_of("symbol accessed")(value)
        return value

    def add_update(self, update: tuple[Any, Any]) -> None:
        variable, value = update
        first = self.symbol_of(variable)
        if is_eager(value) and first.dtype.is_floating:
            assigned = self._on_assign(first, value)
            value = value if assigned is value else _as_variable(assigned, variable)
        self.state_mapping[id(variable)] = value

    def __enter__(self) -> Any:
        self._pending = list(global_attribute("uninitialized_variables", []))
        return super().__enter__()

    def __exit__(self, *args: Any, **kwargs: Any) -> None:
        if not self._allocate:
            set_global_attribute("uninitialized_variables", self._pending)
        super().__exit__(*args, **kwargs)


def _as_variable(tensor: Tensor, variable: Any) -> Tensor:
    """Give a symbol what TensorFlow, and code that holds `variable.value`, expect of a `tf.Variable`.

    Tapes, and custom gradients that close over variables, know a variable by its handle: the symbol is its own.
    """
    tensor.handle = tensor
    for name in ("assign", "assign_add", "assign_sub"):
        setattr(tensor, name, getattr(variable, name))
    return tensor


class _ByIdentity(list[Any]):
    """A list of tensors, which cannot be compared."""

    def remove(self, item: Any) -> None:
        self[:] = [other for other in self if other is not item]


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """A symbol that depends on several tensors, any of which it may turn out to be."""
    shape = tensors[0].shape
    for tensor in tensors[1:]:
        shape = shape.most_specific_compatible_shape(tensor.shape)
    with value_of("stop_recording")():
        result = tf.compat.v1.placeholder_with_default(tensors[0], shape)
    if not result.dtype.is_floating:
        return result

    def backward(slope: Any) -> list[Any]:
        return [tf.zeros_like(tensor) for tensor in tensors]

    value_of("record_operation")("Branches", [result], list(tensors), backward)
    return result
