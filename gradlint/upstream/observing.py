"""The places where TensorFlow and Keras tell what happens while a model runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.upstream.eager import Tensor, is_eager, is_in_graph_of_run, is_value
from gradlint.upstream.libraries import is_library_file
from gradlint.upstream.names import Feature, value_of
from gradlint.upstream.patching import added, optional, patched, replaced
from gradlint.upstream.saved import opened_graphs

OpCallback = Callable[..., None]


@contextlib.contextmanager
def on_operation(callback: OpCallback) -> Iterator[None]:
    """Call `callback(op_type, inputs, attrs, outputs, op_name, graph)` after each operation."""
    value_of("add_op_callback")(callback)
    try:
        yield
    finally:
        value_of("remove_op_callback")(callback)


@contextlib.contextmanager
def functions_run_eagerly() -> Iterator[None]:
    """Open `tf.function`s up, so that the operations inside of them are seen one by one."""
    with _functions_run(eagerly=True), opened_graphs():
        yield


def functions_run_whole() -> contextlib.AbstractContextManager[None]:
    """Run `tf.function`s as they are written: `predict` hands one arrays, which it alone turns into tensors."""
    return _functions_run(eagerly=False)


@contextlib.contextmanager
def _functions_run(*, eagerly: bool) -> Iterator[None]:
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(eagerly)
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
    decorator = value_of("eager custom gradient")
    record_operation = value_of("record_operation")
    open_tokens: list[Any] = []

    def decorated(function: Any, args: Any, kwargs: Any) -> Any:
        open_tokens.append(start())
        try:
            return decorator(_answering_for_variables(function), args, kwargs)
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

    in_graph = value_of("graph custom gradient")

    def in_own_graph(function: Any, args: Any, kwargs: Any) -> Any:
        return (decorated if is_in_graph_of_run() else in_graph)(function, args, kwargs)

    with (
        replaced("eager custom gradient", decorated),
        replaced("graph custom gradient", in_own_graph),
        replaced("record_operation", recorded),
    ):
        yield


def _answering_for_variables(function: Callable[..., Any]) -> Callable[..., Any]:
    """A library's function with a gradient of its own, which also answers for variables that it did not expect.

    Outside of a graph TensorFlow wants a second answer for every variable that the function reads, also for one that
    is an argument. Keras's quantisation to float8 has none, and can be trained in a graph alone, as `fit` does it.
    """
    code = getattr(function, "__code__", None)
    if code is None or not is_library_file(code.co_filename):
        return function

    def answering(*args: Any, **kwargs: Any) -> tuple[Any, Callable[..., Any]]:
        result, gradient = function(*args, **kwargs)

        def answered(*slopes: Any, variables: Sequence[Any] | None = None) -> Any:
            if not variables:
                return gradient(*slopes)
            found = gradient(*slopes, variables=variables)
            is_pair = isinstance(found, (list, tuple)) and len(found) == 2 and isinstance(found[1], (list, tuple))
            return found if is_pair and len(found[1]) == len(variables) else (found, [None] * len(variables))

        return result, answered

    answering.__name__ = str(getattr(function, "__name__", "function"))
    return answering


@optional(Feature.DETOURS)
@contextlib.contextmanager
def on_python_function(callback: Callable[[list[Tensor], Callable[[], Any]], Any]) -> Iterator[None]:
    """Hand every `tf.numpy_function` to `callback(inputs, run)`; eager TensorFlow runs no operation for it."""
    original = value_of("py_func_common")

    def py_func(func: Any, inp: Any, Tout: Any, stateful: bool = True, name: Any = None) -> Any:
        return callback(list(inp), lambda: original(func, inp, Tout, stateful, name))

    with replaced("py_func_common", py_func):
        yield


@optional(Feature.DETOURS)
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
            if is_value(value):
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

    eager_tensor = value_of("eager tensor methods")
    with (
        _watching_methods(("numpy", "__array__", "__float__", "__int__"), callback),
        patched(np, "array", watching(np.array)),
        patched(np, "asarray", watching(np.asarray)),
        patched(np, "asanyarray", watching(np.asanyarray)),
        patched(np, "ascontiguousarray", watching(np.ascontiguousarray)),
        added(eager_tensor, "__array_function__", array_function),
        added(eager_tensor, "__array_wrap__", array_wrap),
    ):
        yield


@optional(Feature.DETOURS)
@contextlib.contextmanager
def on_decision(callback: Callable[[Tensor], None]) -> Iterator[None]:
    """Call `callback(tensor)` whenever the value of an eager tensor decides a branch or the length of a loop."""
    with _watching_methods(("__bool__", "__index__"), callback):
        yield


@contextlib.contextmanager
def _watching_methods(names: Sequence[str], callback: Callable[[Tensor], None]) -> Iterator[None]:
    base = value_of("eager tensor methods")

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


@optional(Feature.READS)
@contextlib.contextmanager
def on_variable_access(callback: Callable[[Any], None]) -> Iterator[None]:
    """Call `callback(tf_variable)` whenever a variable is read."""
    original = value_of("variable_accessed")

    def accessed(variable: Any) -> Any:
        callback(variable)
        return original(variable)

    with replaced("variable_accessed", accessed):
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


@optional(Feature.READS)
@contextlib.contextmanager
def on_silent_read(callback: Callable[[Any], None]) -> Iterator[None]:
    """Call `callback(tf_variable)` when the next operation to run reads a variable by itself; more than once for one.

    An operation that gets a `tf.Variable` as an operand reads it in C++, where neither `on_operation` nor
    `on_variable_access` hear of it. `TFE_Py_FastPathExecute` does so by `PyObject_GetAttrString(variable, "_handle")`,
    in the Python frame of a function that does not name the attribute itself; Python code that fetches it does.
    """
    base = value_of("BaseResourceVariable")
    with added(base, "_handle", _WatchedHandle(callback)):
        yield


@contextlib.contextmanager
def on_call(callback: Callable[[Any, Any, Callable[[], Any]], Any]) -> Iterator[None]:
    """Hand every call of a Keras layer or operation to `callback(operation, arguments, run)`."""
    original = keras.Operation.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return callback(self, (args, kwargs), lambda: original(self, *args, **kwargs))

    with patched(keras.Operation, "__call__", call):
        yield


def mapped_stack() -> list[tuple[str, int]]:
    """File and line of each frame, outermost first, with the lines of AutoGraph's generated code mapped back."""
    return [(frame.filename, frame.lineno) for frame in value_of("extract_stack")()]


def frames_in_rewritten_code(error: BaseException) -> list[tuple[str, int]]:
    """File and line of the frames at which an error left code that AutoGraph rewrote, innermost first."""
    metadata = getattr(error, "ag_error_metadata", None)
    return [(frame.filename, frame.lineno) for frame in getattr(metadata, "translated_stack", ())]


@contextlib.contextmanager
def complete_tracebacks() -> Iterator[None]:
    """Keep TensorFlow and Keras from taking their own frames out of the tracebacks of errors."""
    keras_filters = keras.config.is_traceback_filtering_enabled()
    tf_filters = tf.debugging.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    tf.debugging.disable_traceback_filtering()
    try:
        yield
    finally:
        if keras_filters:
            keras.config.enable_traceback_filtering()
        if tf_filters:
            tf.debugging.enable_traceback_filtering()
