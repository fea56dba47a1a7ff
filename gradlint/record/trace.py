"""The recorder: every operation of one run, with its live tensors, its layer and the user's line."""

from __future__ import annotations

import contextlib
import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.record import source
from gradlint.record.recording import Region
from gradlint.upstream import internals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# Operation types of a graph that take nothing in: their results are where values come from.
SOURCES = frozenset({"Const", "Placeholder", "NoOp"})

# A float of more significant digits is not written in code, but computed.
_LITERAL_DIGITS = 5

# Operation types that give a resource handle a new value.
ASSIGNS = ("Assign", "ResourceApply", "ResourceScatter", "ResourceStrided", "MakeIterator")

# Which operand of them the handle is, where it is not the first.
_ASSIGNED_OPERAND = {"MakeIterator": 1}


_NOTHING: Mapping[int, Any] = {}


@dataclass(slots=True)
class Op:
    """One operation, still alive."""

    type: str
    layer: str
    file: str | None
    line: int | None
    region: Region
    inputs: list[int]
    outputs: list[int]
    attributes: tuple[Any, ...] = ()
    enclosed: int | None = None
    detail: str | None = None
    is_pseudo: bool = False
    error: str | None = None


@dataclass(slots=True)
class Call:
    """One call of a layer."""

    layer: str
    operation: Any
    first: int
    last: int = -1
    outputs: list[int] = field(default_factory=list)
    return_file: str | None = None
    return_line: int | None = None
    is_inference: bool = False
    """The caller says `training=False`."""


@dataclass(slots=True)
class Detour:
    """Values of a tensor were taken out of TensorFlow."""

    tensor: int
    layer: str
    file: str | None
    line: int | None
    region: Region
    is_scalar: bool
    op: int | None = None


def joined(around: str, path: str) -> str:
    """The path of a layer inside of another one.

    A layer that was built on its own, such as a cell or a shared encoder, keeps its path of then, which may
    repeat the last names of the path around it.
    """
    if not around or path == around or path.startswith(f"{around}/"):
        return path or around
    outer, inner = around.split("/"), path.split("/") if path else []
    overlap = next(
        (n for n in range(min(len(outer), len(inner)), 0, -1) if outer[-n:] == inner[:n]),
        0,
    )
    return "/".join([*outer, *inner[overlap:]])


@dataclass(slots=True)
class Asked:
    """What the tapes of the model's own `train_step` say of one variable.

    Attributes:
        is_asked: the step asks for its gradient.
        is_given: a tape that was asked gave one.
        is_in_reach: a tape that was asked for others has one.
    """

    is_asked: bool = False
    is_given: bool = False
    is_in_reach: bool = False
    file: str | None = None
    line: int | None = None


class Trace:
    """Everything that happens between `recording()`'s start and end.

    Args:
        root: the source file that starts the run.
        model: the model under test, whose own path is empty.

    Attributes:
        ops: in the order of execution.
        tensors: live tensors by index; None for the new versions of assigned variables.
        calls: calls of Keras layers, in the order in which they began.
        losses: targets of the gradients that the model's own `train_step` asked for.
        asked: what its tapes say of each of `learners()`, the handles of what should learn, by handle id.
        variables: `tf.Variable`s read while a layer was running, by handle id.
        assigned: ids of the resource handles that were assigned to.
        decisions: indices of the tensors whose value decided a branch or a loop.
        capture_losses: treat the targets of `tape.gradient` as losses.
        trace_returns: find out from which line each of the user's layers returned.
        graph: the graph of a run on symbols; None for a run on values.
        failed: the innermost layer call that ended with an error, and `failed_operands` its tensors.
    """

    def __init__(self, root: str, model: Any = None) -> None:
        self.ops: list[Op] = []
        self.tensors: list[Any] = []
        self.producers: list[int | None] = []
        self.calls: list[Call] = []
        self.losses: list[Any] = []
        self.asked: dict[int, Asked] = {}
        self.learners: Callable[[], Sequence[Any]] = tuple
        self.variables: dict[int, tuple[Any, str, Region]] = {}
        self.assigned: set[int] = set()
        self.decisions: set[int] = set()
        self.failed: Call | None = None
        self.failed_operands: list[int] = []
        self._model = model
        self._model_name = str(getattr(model, "name", ""))
        self.capture_losses = False
        self.trace_returns = False
        self.graph: Any = None
        self._index: dict[int, int] = {}
        self._first: dict[int, int] = {}
        self._assigned: dict[int, list[int]] = {}
        self._silent: dict[int, Any] = {}
        self._open_calls: list[Call] = []
        self._paused = False
        self._detours: list[Detour] = []
        self._root = root

    # -- tensors ---------------------------------------------------------------------------------------

    def index(self, tensor: Any) -> int:
        """The index of a tensor; an unseen one becomes a source."""
        key = internals.tensor_id(tensor)
        known = self._index.get(key)
        if known is not None:
            return known
        return self._add(tensor, None)

    def versions(self, handle: Any) -> list[int]:
        """The indices of a resource handle: its own, and one for each time it was assigned to."""
        first = self._first.get(internals.tensor_id(handle))
        own = [self.index(handle)] if first is None else [first]
        return [*own, *self._assigned.get(internals.tensor_id(handle), ())]

    def known(self, tensor: Any) -> int | None:
        """The index of a tensor that took part in the run."""
        return self._index.get(internals.tensor_id(tensor))

    def _add(self, tensor: Any, producer: int | None) -> int:
        self._index[internals.tensor_id(tensor)] = len(self.tensors)
        self.tensors.append(tensor)
        self.producers.append(producer)
        return len(self.tensors) - 1

    # -- recording -------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Observe everything the current thread does in TensorFlow."""
        opened = (
            internals.functions_run_eagerly()
            if self.graph is None
            else internals.control_flow_inlined(self._decision, self._join)
        )
        with (
            internals.complete_tracebacks(),
            opened,
            internals.on_custom_gradient(lambda: len(self.ops), self._custom_gradient),
            internals.on_inner_gradient(self._inner_gradient),
            internals.on_python_function(self._python_function),
            internals.on_numpy_conversion(self._numpy_conversion),
            internals.on_decision(self._decision),
            internals.on_variable_access(self._variable_access),
            internals.on_silent_read(self._silent_read),
            internals.on_call(self._call),
            internals.on_operation(self._operation),
        ):
            yield

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Run TensorFlow code that is not the model's."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    @property
    def region(self) -> Region:
        return Region.MODEL if self._open_calls else Region.LOSS

    @property
    def layer(self) -> str:
        path = internals.current_path()
        call = self._open_calls[-1] if self._open_calls else None
        if call is not None and (call.operation is self._model or not isinstance(call.operation, keras.Layer)):
            # Between the layers of a functional model the path is the model's own name.
            return call.layer if path in ("", self._model_name) or call.layer else path
        return joined(call.layer if call is not None else "", path)

    def _new_op(self, op_type: str, inputs: list[int], attributes: tuple[Any, ...] = ()) -> Op:
        file, line = source.user_frame(inspect.currentframe(), self._root)
        op = Op(op_type, self.layer, file, line, self.region, inputs, [], attributes)
        self.ops.append(op)
        return op

    def _operation(
        self,
        op_type: Any,
        inputs: Sequence[Any],
        attributes: tuple[Any, ...],
        outputs: Sequence[Any],
        op_name: str | None = None,
        graph: Any = None,
    ) -> None:
        if self._paused or graph is not self.graph:
            return
        name = internals.text_of(op_type)
        if graph is not None and name in SOURCES:
            return
        read = self._read_silently(inputs)
        indices = [self._operand(tensor, read) for tensor in inputs]
        # The detour that an operand came back from is itself recorded as an operation.
        position = len(self.ops)
        op = self._new_op(name, indices, attributes)
        op.outputs = [self._add(tensor, position) for tensor in outputs]
        if name.startswith(ASSIGNS) and inputs:
            # From here on, whoever reads the handle reads what was assigned.
            key = internals.tensor_id(inputs[_ASSIGNED_OPERAND.get(name, 0)])
            self.assigned.add(key)
            self._first.setdefault(key, self._index[key])
            self._assigned.setdefault(key, []).append(len(self.tensors))
            self.tensors.append(None)
            self.producers.append(position)
            op.outputs.append(len(self.tensors) - 1)
            self._index[key] = len(self.tensors) - 1

    def _operand(self, tensor: Any, read: Mapping[int, Any] = _NOTHING) -> int:
        """The index of an operand; `read` are variables by the id of the tensor that an operation read from it."""
        known = self.known(tensor)
        if known is not None:
            return known
        if self.graph is not None:
            return self._symbol(tensor)
        variable = read.get(internals.tensor_id(tensor))
        if variable is not None:
            position = len(self.ops)
            op = self._new_op("ReadVariableOp", [self.index(variable.handle)])
            op.outputs.append(self._add(tensor, position))
            return op.outputs[0]
        index = self._add(tensor, None)
        if self._detours:
            self._return_from_detour(tensor, index)
        return index

    def _symbol(self, tensor: Any) -> int:
        """The index of a symbol that no recorded operation made: a constant, or a tensor from outside."""
        outer = internals.captured_by(self.graph, tensor)
        known = self.known(outer) if outer is not None else None
        if known is None:
            return self._add(tensor, None)
        self._index[internals.tensor_id(tensor)] = known
        return known

    def _read_silently(self, inputs: Sequence[Any]) -> dict[int, Any]:
        """The variables that an operation read by itself, by the id of the operand that it got from each."""
        pending, self._silent = list(self._silent.values()), {}
        found: dict[int, Any] = {}
        # On another device, and after a sparse update, a read makes a copy, which equal values have to tell.
        for is_read in (internals.share_memory, internals.are_equal):
            unknown = [tensor for tensor in inputs if pending and self.known(tensor) is None]
            for variable in pending:
                with self.paused():
                    value = variable.read_value()
                for tensor in unknown:
                    if internals.tensor_id(tensor) not in found and is_read(value, tensor):
                        found[internals.tensor_id(tensor)] = variable
            met = {id(variable) for variable in found.values()}
            pending = [variable for variable in pending if id(variable) not in met]
        return found

    # -- what leaves TensorFlow ------------------------------------------------------------------------

    def _numpy_conversion(self, tensor: Any) -> None:
        if self._paused:
            return
        index = self.known(tensor)
        if index is None or not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
            return
        if tensor.dtype.is_bool:
            self.decisions.add(index)  # tf.cond looks at its predicate this way.
            return
        file, line = source.user_frame(inspect.currentframe(), self._root)
        if file is None:
            return  # Keras and TensorFlow look at values of their own: axes, shapes, lengths.
        self._detours.append(Detour(index, self.layer, file, line, self.region, tensor.shape.rank == 0))

    def _decision(self, tensor: Any) -> None:
        index = None if self._paused else self.known(tensor)
        if index is not None:
            self.decisions.add(index)

    def _join(self, tensors: list[Any]) -> Any:
        """One tensor for the results of several branches."""
        with self.paused():
            result = internals.joined(tensors)
        if self._paused:
            return result
        operands = [self._operand(tensor) for tensor in tensors]
        position = len(self.ops)
        op = self._new_op("Branches", operands)
        op.is_pseudo = True
        op.outputs.append(self._add(result, position))
        return result

    def assigned_symbol(self, symbol: Any, value: Any) -> Any:
        """Enter the assignment of a value to a variable; gives what the variable holds from now on.

        As with values, no gradient passes back to what was assigned, and the variable keeps its own.
        """
        if self._paused:
            return value
        with self.paused():
            result = tf.stop_gradient(value) + (symbol - tf.stop_gradient(symbol))
        operands = [self._operand(symbol), self._operand(value)]
        position = len(self.ops)
        op = self._new_op("AssignVariableOp", operands)
        op.is_pseudo = True
        op.outputs.append(self._add(result, position))
        return result

    def _return_from_detour(self, tensor: Any, index: int, layer: str | None = None) -> None:
        """Guess whether a tensor from nowhere holds values that left TensorFlow before.

        It does when it is first used in the layer (or loss) where values left, and it is neither a number from
        the code nor a shape or axis argument. Nothing is decided by this alone: it matters only where a
        gradient is missing and no other path explains it.
        """
        layer, region = (self.layer, self.region) if layer is None else (layer, Region.MODEL)
        for detour in reversed(self._detours):
            if detour.layer and not (detour.region is region and f"{layer}/".startswith(f"{detour.layer}/")):
                continue
            if not detour.is_scalar and (tensor.dtype.name == "int32" or _is_literal(tensor)):
                continue
            if detour.op is None:
                self._come_back(detour, region)
            assert detour.op is not None
            self.producers[index] = detour.op
            self.ops[detour.op].outputs.append(index)
            return

    def _come_back(self, detour: Detour, region: Region) -> None:
        """Enter the operation that gives back what left on one line, from however many tensors."""
        together = [d for d in self._detours if (d.file, d.line, d.layer) == (detour.file, detour.line, detour.layer)]
        operands = list(dict.fromkeys(d.tensor for d in together))
        for other in together:
            other.op = len(self.ops)
        op = Op("NumpyConversion", detour.layer, detour.file, detour.line, region, operands, [], is_pseudo=True)
        self.ops.append(op)

    def _made_elsewhere(self, call: Call, arguments: Any, index: int) -> None:
        """A layer returned a tensor that no operation made: `np.asarray` reads tensors without being seen."""
        operands = [self.known(t) for t in keras.tree.flatten(arguments) if internals.is_eager(t)]
        if source.is_library_class(type(call.operation)) or not any(i is not None for i in operands):
            return
        file, line = source.definition_of(type(call.operation), "call")
        op = Op(
            "NumpyConversion",
            call.layer,
            file,
            line,
            Region.MODEL,
            [i for i in operands if i is not None],
            [index],
        )
        op.is_pseudo = True
        self.producers[index] = len(self.ops)
        self.ops.append(op)

    def add_detached_loss(self, loss: Any, outputs: Any) -> None:
        """Enter a loss that no operation made: it was computed from the outputs outside of TensorFlow."""
        operands = [self.index(t) for t in keras.tree.flatten(outputs) if internals.is_eager(t)]
        # The last line at which something computed left; labels leave as well.
        computed = [d for d in self._detours if d.region is Region.LOSS and self.producers[d.tensor] is not None]
        layer, file, line = (computed[-1].layer, computed[-1].file, computed[-1].line) if computed else ("", None, None)
        operands = operands or [d.tensor for d in computed]
        index = self._add(loss, len(self.ops))
        self.ops.append(Op("NumpyConversion", layer, file, line, Region.LOSS, operands, [index], is_pseudo=True))

    def _python_function(self, inputs: list[Any], run: Any) -> Any:
        with self.paused():
            result = run()
        if self._paused:
            return result
        operands = [self._operand(tensor) for tensor in inputs if internals.is_eager(tensor)]
        position = len(self.ops)
        op = self._new_op("PyFunc", operands)
        op.is_pseudo = True
        for tensor in result if isinstance(result, (list, tuple)) else [result]:
            if internals.is_eager(tensor):
                op.outputs.append(self._add(tensor, position))
        return result

    # -- what the tape does not see as operations ------------------------------------------------------

    def _custom_gradient(
        self, first: int, name: str, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> Callable[[BaseException], None]:
        if self._paused:
            return lambda error: None
        handles = [getattr(tensor, "handle", tensor) for tensor in inputs]
        operands = [self.index(tensor) for tensor in handles if internals.is_eager(tensor)]
        position = len(self.ops)
        for op in self.ops[first:]:
            op.enclosed = position if op.enclosed is None else op.enclosed
        op = self._new_op("CustomGradient", operands)
        op.detail, op.is_pseudo = name, True
        # The results were made by the operations inside, and are the custom operation's as well.
        op.outputs = [self.index(tensor) for tensor in outputs if internals.is_eager(tensor)]

        def failed(error: BaseException) -> None:
            op.error = f"{type(error).__name__}: {error}"[:200]

        return failed

    def _inner_gradient(self, targets: list[Any], sources: list[Any], compute: Any) -> list[Any]:
        if self._paused:
            return list(compute([]))
        # A derivative with respect to variables is an update; one with respect to inputs is a part of the loss.
        is_update = self.capture_losses and any(tensor.dtype.name == "resource" for tensor in sources)
        is_update = is_update and all(internals.is_eager(tensor) for tensor in targets)  # `jacobian` builds a graph.
        others: list[Any] = []
        if is_update:
            self.losses.extend(targets)
            known = {internals.tensor_id(tensor) for tensor in sources}
            others = [handle for handle in self.learners() if internals.tensor_id(handle) not in known]
        slopes = list(compute(others))
        result = slopes[: len(sources)]
        operands = [self.index(tensor) for tensor in targets if internals.is_eager(tensor)]
        position = len(self.ops)
        op = self._new_op("InnerGradient", operands)
        op.is_pseudo = True
        if is_update:
            self._note_asked([*sources, *others], slopes, len(sources), op)
        for tensor in result:
            values = getattr(tensor, "values", tensor)
            if internals.is_eager(values):
                self.index(values)
                op.outputs.append(self.index(values))
        assert position < len(self.ops)
        return result

    def _note_asked(self, sources: list[Any], slopes: list[Any], number: int, op: Op) -> None:
        """Remember what a tape said of variables, of which the first ones were asked for."""
        for place, (source_, slope) in enumerate(zip(sources, slopes, strict=True)):
            known = self.asked.setdefault(internals.tensor_id(source_), Asked())
            is_asked = place < number
            if is_asked or (slope is not None and not known.is_asked):
                known.file, known.line = op.file, op.line
            known.is_asked |= is_asked
            known.is_given |= is_asked and slope is not None
            known.is_in_reach |= slope is not None

    def _variable_access(self, variable: Any) -> None:
        if not self._paused and hasattr(variable, "handle") and internals.is_eager(variable.handle):
            key = internals.tensor_id(variable.handle)
            self.variables.setdefault(key, (variable, self.layer, self.region))

    def _silent_read(self, variable: Any) -> None:
        if not self._paused:
            self._silent[id(variable)] = variable
            self._variable_access(variable)

    # -- layers ----------------------------------------------------------------------------------------

    def _call(self, operation: Any, arguments: Any, run: Any) -> Any:
        if self._paused:
            return run()
        is_layer = isinstance(operation, keras.Layer)
        layer = self.layer
        if not is_layer:  # An operation of a functional model opens no name scope.
            layer = f"{layer}/{operation.name}" if layer else str(operation.name)
        call = Call("" if operation is self._model else layer, operation, len(self.ops))
        call.is_inference = arguments[1].get("training") is False
        self.calls.append(call)
        self._open_calls.append(call)
        try:
            if self.trace_returns and is_layer and not source.is_library_class(type(operation)):
                result, call.return_file, call.return_line = source.run_and_locate_return(operation, run)
            else:
                result = run()
        except Exception:
            if self.failed is None:
                operands = [t for t in keras.tree.flatten(arguments) if internals.is_eager(t)]
                self.failed = call
                self.failed_operands = [self.index(tensor) for tensor in operands]
            raise
        finally:
            self._open_calls.pop()
            call.last = len(self.ops)
        for tensor in keras.tree.flatten(result):
            if internals.is_eager(tensor):
                known = self.known(tensor)
                if known is None:
                    known = self._add(tensor, None)
                    self._return_from_detour(tensor, known, call.layer)
                    if self.producers[known] is None and tensor.dtype.is_floating:
                        self._made_elsewhere(call, arguments, known)
                call.outputs.append(known)
        return result


def _is_literal(tensor: Any) -> bool:
    """Whether a tensor is a number that may stand in the code as it is."""
    if tensor.shape.rank != 0:
        return False
    if tensor.dtype.name not in ("float32", "float64"):
        return True
    mantissa = np.format_float_scientific(internals.array_of(tensor).ravel()[0], trim="-").split("e")[0]
    return sum(character.isdigit() for character in mantissa) <= _LITERAL_DIGITS
