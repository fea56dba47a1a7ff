"""The private names of TensorFlow and Keras that gradlint relies on, all in this file.

Each is wrapped in a function or context manager that says what it gives, so that a new release of either
library is met here and nowhere else. Checked with TensorFlow 2.21 and Keras 3.15.
"""

from __future__ import annotations

import contextlib
import functools
import random
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.backend.common.name_scope import current_path as keras_current_path
from keras.src.backend.common.stateless_scope import StatelessScope
from keras.src.ops.operation import Operation
from keras.src.optimizers.base_optimizer import BaseOptimizer
from keras.src.trainers.trainer import Trainer
from tensorflow.python import pywrap_tfe
from tensorflow.python.autograph.core import converter
from tensorflow.python.autograph.impl import api as autograph
from tensorflow.python.eager import backprop, context, imperative_grad, record
from tensorflow.python.eager import tape as tapes
from tensorflow.python.eager.polymorphic_function import polymorphic_function
from tensorflow.python.framework import func_graph, op_callbacks, ops
from tensorflow.python.ops import cond_v2, custom_gradient, resource_variable_ops, script_ops, while_v2
from tensorflow.python.util import tf_stack

Tensor = Any
"""A `tf.Tensor`; TensorFlow ships no types."""

OpCallback = Callable[..., None]


def tensor_id(tensor: Tensor) -> int:
    """A number that no other tensor of this process has, eager or symbolic."""
    return int(tensor._id)


def array_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The values of an eager tensor without a copy where TensorFlow allows it; read only."""
    return np.asarray(tensor._numpy())


_graph: Any = None
"""The graph of the run on symbols that is in progress."""


def is_eager(tensor: object) -> bool:
    """Whether `tensor` holds values; in a run on symbols, whether it stands for some."""
    if isinstance(tensor, ops.EagerTensor):
        return True
    return _graph is not None and isinstance(tensor, tf.Tensor) and getattr(tensor, "graph", None) is _graph


def current_path() -> str:
    """The path of the layer that is running, as Keras spells it; empty outside of every layer."""
    return str(keras_current_path())


@contextlib.contextmanager
def patched(owner: object, name: str, value: object) -> Iterator[None]:
    """Set an attribute for the duration of a `with` block; other threads keep calling the original function."""
    # Read through __dict__ where there is one: getattr would bind a function or unwrap a staticmethod.
    original = vars(owner).get(name, None) if hasattr(owner, "__dict__") else None
    if original is None:
        original = getattr(owner, name)
    setattr(owner, name, _in_this_thread(value, original) if callable(value) else value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextlib.contextmanager
def added(owner: object, name: str, value: object) -> Iterator[None]:
    """Give an object an attribute that it does not have, for the duration of a `with` block."""
    assert not hasattr(owner, name), name
    setattr(owner, name, value)
    try:
        yield
    finally:
        delattr(owner, name)


def _in_this_thread(function: Callable[..., Any], original: Any) -> Callable[..., Any]:
    """A function that only the current thread gets to call: a model may be training in another one."""
    thread = threading.get_ident()

    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return (function if threading.get_ident() == thread else original)(*args, **kwargs)

    return dispatch


@contextlib.contextmanager
def on_operation(callback: OpCallback) -> Iterator[None]:
    """Call `callback(op_type, inputs, attrs, outputs, op_name, graph)` after each operation."""
    op_callbacks.add_op_callback(callback)
    try:
        yield
    finally:
        op_callbacks.remove_op_callback(callback)


@contextlib.contextmanager
def functions_run_eagerly() -> Iterator[None]:
    """Open `tf.function`s up, so that the operations inside of them are seen one by one."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def on_custom_gradient(
    start: Callable[[], Any],
    end: Callable[[Any, str, Sequence[Tensor], Sequence[Tensor]], Callable[[BaseException], None]],
) -> Iterator[None]:
    """Report each `tf.custom_gradient`: `token = start()`, then `end(token, name, inputs, outputs)`.

    What `end` returns is called with the error when the gradient function raises; the function then counts as
    one that hands on nothing, as in `gradients`.

    The operations inside of the function reach the tape as well, but the tape forgets how the results were
    made: their gradient is the function's own.
    """
    decorator = custom_gradient._eager_mode_decorator
    record_operation = record.record_operation
    open_tokens: list[Any] = []

    def decorated(function: Any, args: Any, kwargs: Any) -> Any:
        open_tokens.append(start())
        try:
            return decorator(function, args, kwargs)
        finally:
            open_tokens.pop()

    # TensorFlow calls it by position and by keyword: the names are its own.
    def recorded(
        op_type: Any, output_tensors: Any, input_tensors: Any, backward_function: Any, forward_function: Any = None
    ) -> None:
        # The capture of a tensor by a graph is none of them.
        if op_type == "captured_value" or not all(is_eager(tensor) for tensor in output_tensors):
            record_operation(op_type, output_tensors, input_tensors, backward_function, forward_function)
            return
        token = open_tokens[-1] if open_tokens else start()
        failed = end(token, str(op_type), list(input_tensors), list(output_tensors))

        def guarded(*gradients: Any) -> Any:
            try:
                return backward_function(*gradients)
            except Exception as error:
                failed(error)
                return [None] * len(input_tensors)

        record_operation(op_type, output_tensors, input_tensors, guarded, forward_function)

    in_graph = custom_gradient._graph_mode_decorator

    def in_own_graph(function: Any, args: Any, kwargs: Any) -> Any:
        own = _graph is not None and ops.get_default_graph() is _graph
        return (decorated if own else in_graph)(function, args, kwargs)

    with (
        patched(custom_gradient, "_eager_mode_decorator", decorated),
        patched(custom_gradient, "_graph_mode_decorator", in_own_graph),
        patched(record, "record_operation", recorded),
    ):
        yield


@contextlib.contextmanager
def on_inner_gradient(
    callback: Callable[[list[Tensor], list[Tensor], Callable[[list[Tensor]], list[Any]]], list[Any]],
) -> Iterator[None]:
    """Hand every `tape.gradient` of the model's own code to `callback(targets, sources, compute)`.

    `compute(more)` gives the gradients of the sources, and after them those of more tensors; None where the tape
    knows of no connection, whatever the code wants to have in its place.
    """
    original = imperative_grad.imperative_grad

    def gradient(
        tape: Any,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        sources_raw: Any = None,
        unconnected_gradients: Any = tf.UnconnectedGradients.NONE,
    ) -> Any:
        found = callback(
            list(target),
            list(sources),
            lambda more: list(original(tape, target, [*sources, *more], output_gradients)),
        )
        if tf.UnconnectedGradients(unconnected_gradients) is tf.UnconnectedGradients.NONE:
            return found
        given = sources if sources_raw is None else sources_raw
        return [tf.zeros_like(raw) if slope is None else slope for slope, raw in zip(found, given, strict=True)]

    with patched(imperative_grad, "imperative_grad", gradient):
        yield


@contextlib.contextmanager
def on_python_function(callback: Callable[[list[Tensor], Callable[[], Any]], Any]) -> Iterator[None]:
    """Hand every `tf.numpy_function` to `callback(inputs, run)`; eager TensorFlow runs no operation for it."""
    original = script_ops.py_func_common

    def py_func(func: Any, inp: Any, Tout: Any, stateful: bool = True, name: Any = None) -> Any:
        return callback(list(inp), lambda: original(func, inp, Tout, stateful, name))

    with patched(script_ops, "py_func_common", py_func):
        yield


class _Kept(dict[Any, Any]):
    """A dict that keeps what is popped."""

    def pop(self, key: Any, *default: Any) -> Any:
        return self.get(key, *default)


@contextlib.contextmanager
def python_functions_differentiable_twice() -> Iterator[None]:
    """Let the gradient of a `tf.py_function` be asked for by more than one tape.

    TensorFlow throws the inner tape away after its first use, and fails with a KeyError at the second.
    """
    persistent = types.SimpleNamespace(
        **{**vars(backprop), "GradientTape": functools.partial(tf.GradientTape, persistent=True)}
    )
    with patched(script_ops, "tape_cache", _Kept()), patched(script_ops, "backprop", persistent):
        yield


@contextlib.contextmanager
def on_numpy_conversion(callback: Callable[[Tensor], None]) -> Iterator[None]:
    """Call `callback(tensor)` whenever Python code takes the values out of an eager tensor.

    NumPy reads the memory of a tensor without calling any method of it. What it does call are the protocols by which
    others replace its functions, and are told of the results of its ufuncs. They say here that nothing is replaced.
    """
    thread = threading.get_ident()

    def look(values: Any) -> None:
        if threading.get_ident() != thread:
            return
        for value in values:
            if isinstance(value, ops.EagerTensor):
                callback(value)
            elif isinstance(value, (list, tuple)):
                look(value)

    def watching(function: Callable[..., Any]) -> Callable[..., Any]:
        def convert(*args: Any, **kwargs: Any) -> Any:
            look(args[:1])
            return function(*args, **kwargs)

        return convert

    def array_function(self: Tensor, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(issubclass(kind, (np.ndarray, tf.Tensor)) for kind in types):
            return NotImplemented
        if function not in (np.shape, np.ndim, np.size):
            look([*args, *kwargs.values()])
        return function._implementation(*args, **kwargs)

    def array_wrap(self: Tensor, array: Any, call: Any = None, return_scalar: bool | None = None) -> Any:
        look([self] if call is None else call[1])
        return array[()] if return_scalar or (return_scalar is None and array.ndim == 0) else array

    with (
        _watching_methods(("numpy", "__array__", "__float__", "__int__"), callback),
        patched(np, "array", watching(np.array)),
        patched(np, "asarray", watching(np.asarray)),
        patched(np, "asanyarray", watching(np.asanyarray)),
        patched(np, "ascontiguousarray", watching(np.ascontiguousarray)),
        added(ops._EagerTensorBase, "__array_function__", array_function),
        added(ops._EagerTensorBase, "__array_wrap__", array_wrap),
    ):
        yield


@contextlib.contextmanager
def on_decision(callback: Callable[[Tensor], None]) -> Iterator[None]:
    """Call `callback(tensor)` whenever the value of an eager tensor decides a branch or the length of a loop."""
    with _watching_methods(("__bool__", "__index__"), callback):
        yield


@contextlib.contextmanager
def _watching_methods(names: Sequence[str], callback: Callable[[Tensor], None]) -> Iterator[None]:
    base = ops._EagerTensorBase

    def watching(name: str) -> Callable[..., Any]:
        original = getattr(base, name)

        def method(self: Tensor, *args: Any, **kwargs: Any) -> Any:
            callback(self)
            return original(self, *args, **kwargs)

        return method

    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(patched(base, name, watching(name)))
        yield


@contextlib.contextmanager
def on_variable_access(callback: Callable[[Any], None]) -> Iterator[None]:
    """Call `callback(tf_variable)` whenever a variable is read."""
    original = resource_variable_ops.variable_accessed

    def accessed(variable: Any) -> Any:
        callback(variable)
        return original(variable)

    with patched(resource_variable_ops, "variable_accessed", accessed):
        yield


class _WatchedHandle:
    """Stands for the attribute `_handle` of a `tf.Variable`, and tells who is read without a word."""

    def __init__(self, callback: Callable[[Any], None]) -> None:
        self._callback = callback
        self._thread = threading.get_ident()

    def __get__(self, variable: Any, owner: type | None = None) -> Any:
        if variable is None:
            raise AttributeError("_handle")
        handle = vars(variable).get("_handle")
        if handle is None:
            raise AttributeError(f"{type(variable).__name__!r} object has no attribute '_handle'")
        if threading.get_ident() == self._thread and "_handle" not in sys._getframe(1).f_code.co_names:
            self._callback(variable)
        return handle

    def __set__(self, variable: Any, handle: Any) -> None:
        vars(variable)["_handle"] = handle


@contextlib.contextmanager
def on_silent_read(callback: Callable[[Any], None]) -> Iterator[None]:
    """Call `callback(tf_variable)` when the next operation to run reads a variable by itself; more than once for one.

    An operation that gets a `tf.Variable` as an operand reads it in C++, where neither `on_operation` nor
    `on_variable_access` hear of it. `TFE_Py_FastPathExecute` does so by `PyObject_GetAttrString(variable, "_handle")`,
    in the Python frame of a function that does not name the attribute itself; Python code that fetches it does.
    """
    with added(resource_variable_ops.BaseResourceVariable, "_handle", _WatchedHandle(callback)):
        yield


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


@contextlib.contextmanager
def on_call(callback: Callable[[Any, Any, Callable[[], Any]], Any]) -> Iterator[None]:
    """Hand every call of a Keras layer or operation to `callback(operation, arguments, run)`."""
    original = Operation.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return callback(self, (args, kwargs), lambda: original(self, *args, **kwargs))

    with patched(Operation, "__call__", call):
        yield


@contextlib.contextmanager
def optimizers_disarmed() -> Iterator[None]:
    """Let every Keras optimizer accept gradients and change nothing."""

    def ignore(self: Any, *args: Any, **kwargs: Any) -> None:
        return None

    with patched(BaseOptimizer, "apply", ignore), patched(BaseOptimizer, "apply_gradients", ignore):
        yield


# As TensorFlow has it: during a run on symbols the model's own code gets another (`on_gradient_of_variables`).
_gradient_of_tape = backprop.GradientTape.gradient


def gradients(tape: Any, target: Tensor, sources: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradient of `target` with respect to each source, or None.

    An operation whose gradient function is missing or raises counts as one that hands on nothing: the tape of
    TensorFlow would end the whole backward pass there.

    Args:
        tape: a persistent `tf.GradientTape`, no longer recording.
        target: the loss.
        sources: tensors and resource handles.
    """
    original = backprop._gradient_function

    def guarded(
        op_name: str,
        attr_tuple: Any,
        num_inputs: int,
        inputs: Any,
        outputs: Any,
        out_grads: Any,
        skip: Any,
        scope: Any,
    ) -> Any:
        try:
            return original(op_name, attr_tuple, num_inputs, inputs, outputs, out_grads, skip, scope)
        except Exception:
            return [None] * num_inputs

    # The tape calls one registered Python function for the gradient of any operation.
    pywrap_tfe.TFE_Py_RegisterGradientFunction(_in_this_thread(guarded, original))
    try:
        return list(_gradient_of_tape(tape, target, list(sources)))
    finally:
        pywrap_tfe.TFE_Py_RegisterGradientFunction(original)


def local_gradients(
    op_type: str,
    attributes: tuple[Any, ...],
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    output_gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """What the gradient function of one operation hands to its inputs.

    Raises:
        LookupError: the registry has no entry for the operation type.
    """
    filled = [
        tf.zeros_like(output) if gradient is None else gradient
        for output, gradient in zip(outputs, output_gradients, strict=True)
    ]
    if not isinstance(outputs[0], ops.EagerTensor):
        result = _gradients_of_node(outputs[0].op, filled)
    else:
        result = backprop._gradient_function(
            op_type, attributes, len(inputs), list(inputs), list(outputs), filled, (), ""
        )
    if not isinstance(result, (list, tuple)):
        result = [result]
    return [*result, *[None] * (len(inputs) - len(result))]


def _gradients_of_node(node: Any, slopes: list[Tensor]) -> Any:
    """As `backprop._gradient_function`, for a node of a graph, whose attributes nobody needs to copy."""
    function = ops.get_gradient_function(node)
    return [None] * len(node.inputs) if function is None else function(node, *slopes)


def execute(op_type: str, attributes: tuple[Any, ...], inputs: Sequence[Tensor], outputs: int) -> list[Tensor]:
    """Run one operation again on other inputs."""
    return list(pywrap_tfe.TFE_Py_Execute(context.context()._handle, None, op_type, list(inputs), attributes, outputs))


def mapped_stack() -> list[tuple[str, int]]:
    """File and line of each frame, outermost first, with the lines of AutoGraph's generated code mapped back."""
    return [(frame.filename, frame.lineno) for frame in tf_stack.extract_stack()]


def text_of(op_type: str | bytes) -> str:
    """TensorFlow reports some operation types as bytes."""
    return op_type.decode() if isinstance(op_type, bytes) else str(op_type)


def handle_of(variable: Any) -> Tensor:
    """The resource handle of a Keras or TensorFlow variable: what the tape knows it by."""
    value = getattr(variable, "value", variable)
    return value.handle if hasattr(value, "handle") else variable.handle


def overrides(model: Any, method: str) -> bool:
    """Whether the class of a model has its own `train_step` or `compute_loss`."""
    own = getattr(type(model), method, None)
    stock = {getattr(cls, method, None) for cls in (keras.Model, keras.Sequential, Trainer)}
    return own not in stock


def is_compiled_in_name_only(model: Any) -> bool:
    """Whether Keras says that a model is compiled, although nobody has called its own `compile`.

    That is how it loads one that overrides `compile` and not `compile_from_config`.
    """
    return bool(getattr(model, "compiled", False)) and not hasattr(model, "_compile_config")


@contextlib.contextmanager
def restored(variables: Sequence[Any], is_assigned: Callable[[Any], bool]) -> Iterator[None]:
    """Leave variables and every random state as they were found.

    Args:
        variables: the Keras and TensorFlow variables whose values must not change.
        is_assigned: whether the run assigned to a variable; asked at the end.
    """
    # Reading shares the buffer (copy on write), so this costs memory only for what really changes.
    before = [(tf_variable(variable), tf_variable(variable).read_value()) for variable in variables]
    eager = context.context()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    # The eager context makes its generator on first use of a seed.
    tf_seed, tf_generator = eager._seed, getattr(eager, "_rng", None)
    tf_state = tf_generator.getstate() if tf_generator is not None else None
    generator = global_state.get_global_attribute("global_seed_generator")
    counters = {name: dict(global_state.get_global_attribute(name) or {}) for name in ("object_name_uids",)}
    generator_state = tf.identity(tf_variable(generator.state)) if generator is not None else None
    try:
        yield
    finally:
        for variable, value in before:
            if is_assigned(variable):
                variable.assign(value)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        eager._seed = tf_seed
        if tf_generator is not None:
            eager._rng = tf_generator
            tf_generator.setstate(tf_state)
        elif hasattr(eager, "_rng"):
            del eager._rng
        global_state.set_global_attribute("global_seed_generator", generator)
        if generator is not None:
            tf_variable(generator.state).assign(generator_state)
        uids = global_state.get_global_attribute("object_name_uids")
        if uids is not None:
            uids.clear()
            uids.update(counters["object_name_uids"])


def tf_variable(variable: Any) -> Any:
    """The `tf.Variable` behind a Keras variable."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def fresh_seeds(seed: int) -> None:
    """Make every random operation of the coming run repeatable."""
    keras.utils.set_random_seed(seed)
    # Keras 3.12 and earlier keep the generator of operations without a seed of their own.
    global_state.set_global_attribute("global_seed_generator", None)


# -- runs on symbols -------------------------------------------------------------------------------------


@contextlib.contextmanager
def on_symbols() -> Iterator[Any]:
    """Give a graph in which everything that happens is written down and nothing is computed."""
    global _graph
    graph = func_graph.FuncGraph("gradlint")
    before, _graph = _graph, graph
    try:
        with graph.as_default():
            yield graph
    finally:
        _graph = before


def symbol(shape: Sequence[int | None], dtype: str) -> Tensor:
    """A tensor without values."""
    return tf.compat.v1.placeholder(dtype, shape)


def captured_by(graph: Any, tensor: Tensor) -> Tensor | None:
    """What a symbol of a graph stands for, if it was made outside of it."""
    if tensor.op.type != "Placeholder":
        return None
    return next((outer for outer, inner in graph.captures if inner is tensor), None)


class SymbolicScope(StatelessScope):  # type: ignore[misc]  # Keras ships no types
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
            with _graph.as_default():
                known = (variable, symbol(variable.shape, _dtype_name(variable)))
            self._first[id(variable)] = known
            self.state_mapping.setdefault(id(variable), _as_variable(known[1], variable))
            self._on_read(*known)
        return known[1]

    def get_current_value(self, variable: Any) -> Any:
        if id(variable) not in self.state_mapping:
            self.symbol_of(variable)
        value = self.state_mapping[id(variable)]
        if variable.trainable and stands_for_variable(value):
            tapes.variable_accessed(value)
        return value

    def add_update(self, update: tuple[Any, Any]) -> None:
        variable, value = update
        first = self.symbol_of(variable)
        if is_eager(value) and first.dtype.is_floating:
            assigned = self._on_assign(first, value)
            value = value if assigned is value else _as_variable(assigned, variable)
        self.state_mapping[id(variable)] = value

    def __enter__(self) -> Any:
        self._pending = list(global_state.get_global_attribute("uninitialized_variables", []))
        return super().__enter__()

    def __exit__(self, *args: Any, **kwargs: Any) -> None:
        if not self._allocate:
            global_state.set_global_attribute("uninitialized_variables", self._pending)
        super().__exit__(*args, **kwargs)


def _as_variable(tensor: Tensor, variable: Any) -> Tensor:
    """Give a symbol what TensorFlow, and code that holds `variable.value`, expect of a `tf.Variable`.

    Tapes, and custom gradients that close over variables, know a variable by its handle: the symbol is its own.
    """
    tensor.handle = tensor
    for name in ("assign", "assign_add", "assign_sub"):
        setattr(tensor, name, getattr(variable, name))
    return tensor


def stands_for_variable(value: object) -> bool:
    """Whether a value is a Keras variable, or the symbol that stands for one in a run on symbols."""
    return isinstance(value, keras.Variable) or getattr(value, "handle", None) is value


class _ByIdentity(list[Any]):
    """A list of tensors, which cannot be compared."""

    def remove(self, item: Any) -> None:
        self[:] = [other for other in self if other is not item]


def _dtype_name(variable: Any) -> str:
    return str(getattr(variable.dtype, "name", variable.dtype))


@contextlib.contextmanager
def control_flow_inlined(decided: Callable[[Tensor], None], join: Callable[[list[Tensor]], Tensor]) -> Iterator[None]:
    """Build all branches of a condition, and the body of a loop, into the one graph that is being built.

    A branch of its own graph would hide what it holds from the tape's judgement. A loop's body is built twice, so
    that what the first step leaves for the second is connected.

    Args:
        decided: called with each tensor that chooses a branch or ends a loop.
        join: gives one tensor that depends on the results of all branches.
    """
    original = polymorphic_function.Function.__call__
    own_cond, own_case, own_loop = cond_v2.cond_v2, cond_v2.indexed_case, while_v2.while_loop

    def elsewhere() -> bool:
        return ops.get_default_graph() is not _graph

    def joined(results: list[Any]) -> Any:
        flat = [tf.nest.flatten(result) for result in results]
        if len({len(parts) for parts in flat}) != 1:
            raise ValueError("the branches of a condition give different numbers of results")
        pairs = zip(*flat, strict=True)
        return tf.nest.pack_sequence_as(results[0], [_joined_leaf(list(parts), join) for parts in pairs])

    def last_of(first: Any, second: Any) -> Any:
        """What a loop gives after one step or two; nobody knows how many there are."""
        is_number = is_eager(second) and second.dtype.is_floating and first is not second
        return join([first, second]) if is_number else second

    def cond(pred: Any, true_fn: Any, false_fn: Any, name: Any = "cond") -> Any:
        if elsewhere():
            return own_cond(pred, true_fn, false_fn, name)
        known = tf.get_static_value(pred)
        if known is not None:
            return true_fn() if known else false_fn()
        decided(pred)
        return joined([true_fn(), false_fn()])

    def case(index: Any, functions: Any, name: Any = "indexed_case", lower_using_switch_merge: Any = None) -> Any:
        if elsewhere():
            return own_case(index, functions, name, lower_using_switch_merge)
        decided(index)
        return joined([function() for function in functions])

    def loop(
        cond: Any,
        body: Any,
        loop_vars: Any,
        shape_invariants: Any = None,
        parallel_iterations: Any = 10,
        maximum_iterations: Any = None,
        name: Any = None,
        return_same_structure: Any = True,
        back_prop: Any = True,
    ) -> Any:
        if elsewhere():
            return own_loop(
                cond, body, loop_vars, shape_invariants, parallel_iterations, maximum_iterations, name,
                return_same_structure, back_prop,
            )  # fmt: skip
        steps = [_as_tensors(loop_vars)]
        for _ in range(2):
            going_on = cond(*steps[-1])
            if is_eager(going_on):
                decided(going_on)
            flat = tf.nest.flatten(body(*steps[-1]))
            steps.append(_as_tensors(tf.nest.pack_sequence_as(loop_vars, flat)))
        values = tf.nest.map_structure(last_of, steps[1], steps[2])
        return values if return_same_structure or len(values) != 1 else values[0]

    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        if elsewhere():
            return original(function, *args, **kwargs)
        python = function._python_function
        if not function._autograph:
            return python(*args, **kwargs)
        options = converter.ConversionOptions(recursive=True, user_requested=True)
        return autograph.converted_call(python, args, kwargs, options=options)

    with (
        patched(cond_v2, "cond_v2", cond),
        patched(cond_v2, "indexed_case", case),
        patched(while_v2, "while_loop", loop),
        patched(polymorphic_function.Function, "__call__", call),
    ):
        yield


def _as_tensors(values: Any) -> Any:
    def convert(value: Any) -> Any:
        if isinstance(value, (tf.TensorArray, tf.Tensor)) or value is None or hasattr(value, "_type_spec"):
            return value
        return tf.convert_to_tensor(value)

    return tf.nest.map_structure(convert, values)


def _joined_leaf(values: list[Any], join: Callable[[list[Tensor]], Tensor]) -> Any:
    if isinstance(values[0], tf.TensorArray) or all(value is None for value in values):
        return values[0]
    tensors = [tf.convert_to_tensor(value) for value in values]
    return tensors[0] if all(tensor is tensors[0] for tensor in tensors) else join(tensors)


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """A symbol that depends on several tensors, any of which it may turn out to be."""
    shape = tensors[0].shape
    for tensor in tensors[1:]:
        shape = shape.most_specific_compatible_shape(tensor.shape)
    with record.stop_recording():
        result = tf.compat.v1.placeholder_with_default(tensors[0], shape)
    if not result.dtype.is_floating:
        return result

    def backward(slope: Any) -> list[Any]:
        return [tf.zeros_like(tensor) for tensor in tensors]

    record.record_operation("Branches", [result], list(tensors), backward)
    return result


@contextlib.contextmanager
def on_gradient_of_variables(callback: Callable[[Any, list[Any]], None]) -> Iterator[None]:
    """Call `callback(target, sources)` instead of every `tape.gradient` by Keras variables; symbols come back.

    A variable may have been assigned to since it was handed out, and a tape knows only what it is now.
    """
    original = backprop.GradientTape.gradient

    def gradient(self: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(stands_for_variable(source) for source in tf.nest.flatten(sources)):
            return original(self, target, sources, *args, **kwargs)
        callback(target, tf.nest.flatten(sources))
        return tf.nest.map_structure(lambda v: symbol(v.shape, _dtype_name(v)), sources)

    with patched(backprop.GradientTape, "gradient", gradient):
        yield
