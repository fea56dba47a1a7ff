"""SavedModels: functions of which only the graph is left, run operation by operation, so that all of it is seen."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from gradlint.errors import UsageError
from gradlint.upstream.names import Feature, value_of
from gradlint.upstream.patching import optional, replaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_RESTORED = ("restored_function_body", "signature_wrapper")
_LOOPS = frozenset({"While", "StatelessWhile"})
_BRANCHES = frozenset({"If", "StatelessIf"})


@optional(Feature.SAVED)
@contextlib.contextmanager
def opened_graphs() -> Iterator[None]:
    """Run the graph of a function that is called with values node by node."""
    whole = value_of("call of a graph")
    read = value_of("symbol accessed")

    def call(self: Any, tensor_inputs: Sequence[Any], captured_inputs: Sequence[Any]) -> Any:
        if not tf.executing_eagerly() or not _is_restored(self):
            return whole(self, tensor_inputs, captured_inputs)
        for variable in self.graph.variables:
            read(variable)
        return self.function_type.pack_output(_run(self.graph, [*tensor_inputs, *captured_inputs]))

    with replaced("call of a graph", call):
        yield


def _is_restored(function: Any) -> bool:
    """Whether a function comes from a SavedModel; those that Python has just traced are run by TensorFlow itself.

    Loading leaves no other mark than the names of what it makes callable.
    """
    name = function.name.decode() if isinstance(function.name, bytes) else str(function.name)
    return any(part in name for part in _RESTORED)


def _graph(node: Any, name: str) -> Any:
    return value_of("function of a graph")(node.graph, node.get_attr(name).name).graph


def _run(graph: Any, inputs: Sequence[Any]) -> list[Any]:
    values: dict[Any, Any] = {symbol.ref(): value for symbol, value in zip(graph.inputs, inputs, strict=True)}
    done = {symbol.op for symbol in graph.inputs}

    def run(node: Any) -> None:
        if node in done:
            return
        done.add(node)
        for symbol in node.inputs:
            run(symbol.op)  # A loop that was differentiated takes lists that were made after it.
        made = _made(node, [values[symbol.ref()] for symbol in node.inputs])
        values.update((symbol.ref(), value) for symbol, value in zip(node.outputs, made, strict=False))

    for node in graph.get_operations():
        run(node)
    return [values[symbol.ref()] for symbol in graph.outputs]


def _made(node: Any, inputs: list[Any]) -> Sequence[Any]:
    """The outputs of one node; branches and loops go as the values decide."""
    if node.type in _CALLS:
        return _run(_graph(node, "f"), inputs)
    if node.type in _BRANCHES:
        return _run(_graph(node, "then_branch" if inputs[0] else "else_branch"), inputs[1:])
    if node.type in _LOOPS:
        condition, body = _graph(node, "cond"), _graph(node, "body")
        state = inputs[: len(body.inputs)]  # One that was differentiated keeps lists for that behind its own state.
        while _run(condition, state[: len(condition.inputs)])[0]:
            state = _run(body, state)[: len(state)]
        return state
    if node.type == "Const":
        return (tf.constant(tf.make_ndarray(node.get_attr("value"))),)
    return _executed(node, inputs)


def _executed(node: Any, inputs: list[Any]) -> Sequence[Any]:
    """The outputs of one operation, run as TensorFlow's own functions run it: seen by tapes and by the recorder."""
    attributes: list[Any] = []
    for entry in node.op_def.attr:
        attributes += [entry.name, _plain(node.get_attr(entry.name))]
    context = value_of("eager context")()
    given = tuple(attributes)
    made = value_of("run an operation")(
        node.type.encode(), len(node.outputs), inputs=inputs, attrs=given, ctx=context, name=None
    )
    value_of("record an operation")(node.type, inputs, given, made or ())
    return made or ()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.as_datatype_enum if isinstance(value, tf.DType) else value


def load(folder: str) -> Any:
    """What the folder of a SavedModel holds."""
    return tf.saved_model.load(folder)


class SavedStep:
    """A loaded SavedModel as a function of its sample: a fixed random projection of what a signature gives.

    A SavedModel has no loss; only what TensorFlow promises of signatures is used.

    Attributes:
        keys: of the signature's inputs.
        learners: the trainable variables that the signature reads.
    """

    def __init__(self, loaded: Any, seed: int) -> None:
        signatures = dict(loaded.signatures)
        name = "serving_default" if "serving_default" in signatures else next(iter(signatures), "")
        if not name:
            raise UsageError(
                "the loaded object has no signature; write a function that calls it and returns a loss, and name what "
                "should learn: check(function, sample, variables=[...])"
            )
        self.__name__ = f"a random projection of {name}"
        self._signature, self._seed = signatures[name], seed
        self._inputs = dict(sorted(self._signature.structured_input_signature[1].items()))  # theirs is of no order
        self.keys: tuple[str, ...] = tuple(self._inputs)
        self.learners: tuple[Any, ...] = tuple(self._signature.trainable_variables)

    def __call__(self, sample: Mapping[str, Any]) -> Any:
        given = {key: value for key, value in sample.items() if key in self._inputs}
        others = [value for key, value in sample.items() if key.partition(":")[0] != "y"]
        if len(self._inputs) == len(others) == 1:  # whatever it is called
            given = dict(zip(self.keys, others, strict=True))
        if set(given) != set(self._inputs):
            raise UsageError(f"the signature takes {', '.join(self.keys)}; the sample has {', '.join(sample)}")
        outputs = self._signature(**{key: tf.cast(value, self._inputs[key].dtype) for key, value in given.items()})
        draw = np.random.default_rng(self._seed)
        found = [tf.cast(value, tf.float32) for _, value in sorted(outputs.items()) if value.dtype.is_floating]
        return tf.add_n([tf.reduce_sum(value * draw.normal(size=value.shape).astype("float32")) for value in found])
