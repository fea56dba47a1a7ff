"""The gradient as TensorFlow's tape computes it: asked for here, or by the model's own code."""

from __future__ import annotations

import contextlib
import functools
import types
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.upstream.eager import Tensor, dtype_name, is_value, stands_for_variable
from gradlint.upstream.names import Feature, member, value_of
from gradlint.upstream.patching import in_this_thread, optional, patched, replaced
from gradlint.upstream.symbols import symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

# As TensorFlow has it: during a run on symbols the model's own code gets another (`on_gradient_of_variables`).
_gradient_of_tape = tf.GradientTape.gradient


@contextlib.contextmanager
def taped(sources: Iterable[Any]) -> Iterator[Any]:
    """A tape that watches some tensors and nothing else, and may be asked more than once."""
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        for source in sources:
            tape.watch(source)
        yield tape


def gradients(
    tape: Any,
    target: Any,
    sources: Sequence[Tensor],
    output_gradients: Sequence[Tensor] | None = None,
    passing: Callable[[tuple[Any, ...], Sequence[Tensor | None]], bool] | None = None,
) -> list[Tensor | None]:
    """The gradient of `target` with respect to each source, or None.

    An operation whose gradient function is missing or raises counts as one that hands on nothing: the tape of
    TensorFlow would end the whole backward pass there.

    Args:
        tape: a persistent `tf.GradientTape`, no longer recording.
        target: the loss; or several tensors, each with a gradient of its own.
        sources: tensors and resource handles.
        output_gradients: what arrives at the targets; ones, if not given.
        passing: is given the attributes of each operation whose gradient function is asked, the tuple that it was
            recorded with, and what has arrived at its outputs; says whether it goes on from there.
    """
    original = value_of("gradient function")

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
        if passing is not None and not passing(attr_tuple, out_grads):
            return [None] * num_inputs
        try:
            return original(op_name, attr_tuple, num_inputs, inputs, outputs, out_grads, skip, scope)
        except Exception:
            return [None] * num_inputs

    register = value_of("register gradient function")
    # The tape calls one registered Python function for the gradient of any operation.
    register(in_this_thread(guarded, original))
    try:
        return list(_gradient_of_tape(tape, target, list(sources), output_gradients))
    finally:
        register(original)


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
    if not is_value(outputs[0]):
        result = _gradients_of_node(outputs[0].op, filled)
    else:
        gradient = value_of("gradient function")
        result = gradient(op_type, attributes, len(inputs), list(inputs), list(outputs), filled, (), "")
    if not isinstance(result, (list, tuple)):
        result = [result]
    return [*result, *[None] * (len(inputs) - len(result))]


def _gradients_of_node(node: Any, slopes: list[Tensor]) -> Any:
    """As `backprop._gradient_function`, for a node of a graph, whose attributes nobody needs to copy."""
    function = value_of("get_gradient_function")(node)
    return [None] * len(node.inputs) if function is None else function(node, *slopes)


def execute(op_type: str, attributes: tuple[Any, ...], inputs: Sequence[Tensor], outputs: int) -> list[Tensor]:
    """Run one operation again on other inputs."""
    context = value_of("eager context")()
    handle = member(context, "handle of TensorFlow")
    return list(value_of("execute")(handle, None, op_type, list(inputs), attributes, outputs))


@contextlib.contextmanager
def on_inner_gradient(
    callback: Callable[[list[Tensor], list[Tensor], Callable[[list[Tensor]], list[Any]]], list[Any]],
) -> Iterator[None]:
    """Hand every `tape.gradient` of the model's own code to `callback(targets, sources, compute)`.

    `compute(more)` gives the gradients of the sources, and after them those of more tensors; None where the tape
    knows of no connection, whatever the code wants to have in its place.
    """
    original = value_of("imperative_grad")

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

    with replaced("imperative_grad", gradient):
        yield


@contextlib.contextmanager
def on_gradient_of_variables(callback: Callable[[Any, list[Any]], None]) -> Iterator[None]:
    """Call `callback(target, sources)` instead of every `tape.gradient` by Keras variables; symbols come back.

    A variable may have been assigned to since it was handed out, and a tape knows only what it is now.
    """
    original = tf.GradientTape.gradient

    def gradient(self: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(stands_for_variable(source) for source in tf.nest.flatten(sources)):
            return original(self, target, sources, *args, **kwargs)
        callback(target, tf.nest.flatten(sources))
        return tf.nest.map_structure(lambda v: symbol(v.shape, dtype_name(v)), sources)

    with patched(tf.GradientTape, "gradient", gradient):
        yield


class _Kept(dict[Any, Any]):
    """A dict that keeps what is popped."""

    def pop(self, key: Any, *default: Any) -> Any:
        return self.get(key, *default)


@optional(Feature.DETOURS)
@contextlib.contextmanager
def python_functions_differentiable_twice() -> Iterator[None]:
    """Let the gradient of a `tf.py_function` be asked for by more than one tape.

    TensorFlow throws the inner tape away after its first use, and fails with a KeyError at the second.
    """
    persistent = types.SimpleNamespace(
        **{
            **vars(value_of("py_function backprop")),
            "GradientTape": functools.partial(tf.GradientTape, persistent=True),
        }
    )
    with replaced("py_function tapes", _Kept()), replaced("py_function backprop", persistent):
        yield
