"""Conditions and loops, built into the one graph of a run on symbols."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.upstream.eager import Tensor, is_eager, is_in_graph_of_run
from gradlint.upstream.names import member, value_of
from gradlint.upstream.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def control_flow_inlined(decided: Callable[[Tensor], None], join: Callable[[list[Tensor]], Tensor]) -> Iterator[None]:
    """Build all branches of a condition, and the body of a loop, into the one graph that is being built.

    A branch of its own graph would hide what it holds from the tape's judgement. A loop's body is built twice, so
    that what the first step leaves for the second is connected.

    Args:
        decided: called with each tensor that chooses a branch or ends a loop.
        join: gives one tensor that depends on the results of all branches.
    """
    original = value_of("tf.function call")
    own_cond, own_case, own_loop = value_of("cond"), value_of("case"), value_of("while_loop")

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
        if not is_in_graph_of_run():
            return own_cond(pred, true_fn, false_fn, name)
        known = tf.get_static_value(pred)
        if known is not None:
            return true_fn() if known else false_fn()
        decided(pred)
        return joined([true_fn(), false_fn()])

    def case(index: Any, functions: Any, name: Any = "indexed_case", lower_using_switch_merge: Any = None) -> Any:
        if not is_in_graph_of_run():
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
        if not is_in_graph_of_run():
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
        if not is_in_graph_of_run():
            return original(function, *args, **kwargs)
        python = member(function, "function inside")
        if not member(function, "whether AutoGraph"):
            return python(*args, **kwargs)
        options = value_of("ConversionOptions")(recursive=True, user_requested=True)
        return value_of("converted_call")(python, args, kwargs, options=options)

    with (
        replaced("cond", cond),
        replaced("case", case),
        replaced("while_loop", loop),
        replaced("tf.function call", call),
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
