"""The private names of TensorFlow and Keras that gradlint relies on, all in this file.

Each is wrapped in a function or context manager that says what it gives, so that a new release of either
library is met here and nowhere else. Checked with TensorFlow 2.21 and Keras 3.15.
"""

from __future__ import annotations

import contextlib
import functools
import random
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.backend.common.name_scope import current_path as keras_current_path
from keras.src.ops.operation import Operation
from keras.src.optimizers.base_optimizer import BaseOptimizer
from keras.src.trainers.trainer import Trainer
from tensorflow.python import pywrap_tfe
from tensorflow.python.eager import backprop, context, imperative_grad, record
from tensorflow.python.framework import op_callbacks, ops
from tensorflow.python.ops import custom_gradient, resource_variable_ops, script_ops
from tensorflow.python.util import tf_stack

Tensor = Any
"""A `tf.Tensor`; TensorFlow ships no types."""

OpCallback = Callable[..., None]


def tensor_id(tensor: Tensor) -> int:
    """A number that no other eager tensor of this process has."""
    return int(tensor._id)


def array_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The values of an eager tensor without a copy where TensorFlow allows it; read only."""
    return np.asarray(tensor._numpy())


def is_eager(tensor: object) -> bool:
    """Whether `tensor` holds values."""
    return isinstance(tensor, ops.EagerTensor)


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
        if not all(is_eager(tensor) for tensor in output_tensors):  # The capture of a tensor by a graph.
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

    with (
        patched(custom_gradient, "_eager_mode_decorator", decorated),
        patched(record, "record_operation", recorded),
    ):
        yield


@contextlib.contextmanager
def on_inner_gradient(
    callback: Callable[[list[Tensor], list[Tensor], Callable[[], list[Tensor]]], list[Tensor]],
) -> Iterator[None]:
    """Hand every `tape.gradient` of the model's own code to `callback(targets, sources, compute)`."""
    original = imperative_grad.imperative_grad

    def gradient(tape: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
        return callback(list(target), list(sources), lambda: original(tape, target, sources, *args, **kwargs))

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
    """Call `callback(tensor)` whenever Python code takes the values out of an eager tensor."""
    with _watching_methods(("numpy", "__array__", "__float__", "__int__"), callback):
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


@contextlib.contextmanager
def variable_watch() -> Iterator[Callable[[], Sequence[Any]]]:
    """Give a function that lists the trainable `tf.Variable`s read so far.

    An operation that gets a `tf.Variable` as an operand reads it in C++, where neither `on_operation` nor
    `on_variable_access` hear of it.
    """
    with record.VariableWatcher() as watcher:
        yield lambda: tuple(watcher.watched_variables())


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
        return list(tape.gradient(target, list(sources)))
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
    result = backprop._gradient_function(op_type, attributes, len(inputs), list(inputs), list(outputs), filled, (), "")
    if not isinstance(result, (list, tuple)):
        result = [result]
    return [*result, *[None] * (len(inputs) - len(result))]


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
