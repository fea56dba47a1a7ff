"""The recorder: what TensorFlow and Keras report of one run goes into its ledger."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.operations import BRANCHES, CUSTOM_GRADIENT, Trait, has
from gradlint.record.calls import Calls
from gradlint.record.detours import Detours
from gradlint.record.error_text import in_a_sentence
from gradlint.record.ledger import Ledger
from gradlint.record.tapes import Tapes
from gradlint.upstream import backprop, control_flow, eager, observing, steps, symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.record.ledger import Place
    from gradlint.record.terms import Region

# Which operand of an assignment the handle is, where it is not the first.
_ASSIGNED_OPERAND = {"MakeIterator": 1}

_NOTHING: Mapping[int, Any] = {}


class FullError(Exception):
    """What a run makes is more than it may take; raised where it is made, and again for whoever lets it pass."""


class Trace(Ledger):
    """A ledger that fills itself with everything that happens between `recording()`'s start and end.

    Args:
        root: the source file that starts the run.
        model: the model under test, whose own path is empty.
        room: bytes that the results of operations may take, all of which are kept; None for any number.

    Attributes:
        calls: calls of Keras layers, and where the run is.
        detours: values that left TensorFlow.
        tapes: what the tapes of the model's own `train_step` were asked.
        variables: `tf.Variable`s that were read, with layer and region, by handle id.
        losses_read: layers whose added losses were read, each with the tensors that came.
        graph: the graph of a run on symbols; None for a run on values.
        full: where there was no more room.
    """

    def __init__(self, root: str, model: Any = None, room: int | None = None) -> None:
        super().__init__()
        self.detours = Detours(self)
        self.calls = Calls(self, root, model, self.detours.returned)
        self.tapes = Tapes(self, self.calls)
        self.variables: dict[int, tuple[Any, str, Region]] = {}
        self.losses_read: list[tuple[Any, list[int]]] = []
        self.graph: Any = None
        self.full: Place | None = None
        self._room = room
        self._read: dict[int, Any] = {}
        self._read_in_python: dict[int, Any] | None = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Observe everything the current thread does in TensorFlow."""
        opened = (
            observing.functions_run_eagerly()
            if self.graph is None
            else control_flow.control_flow_inlined(self._decision, self._join)
        )
        with (
            observing.complete_tracebacks(),
            opened,
            observing.on_custom_gradient(lambda: len(self.ops), self._custom_gradient),
            backprop.on_inner_gradient(self.tapes.gradient),
            observing.on_python_function(self._python_function),
            observing.on_numpy_conversion(self._numpy_conversion),
            observing.on_decision(self._decision),
            observing.on_variable_access(self._variable_access),
            observing.on_silent_read(self._silent_read),
            observing.on_call(self.calls.run),
            steps.on_losses_read(self._losses_read),
            observing.on_operation(self._operation),
        ):
            yield

    # -- operations ------------------------------------------------------------------------------------

    def _operation(
        self,
        op_type: Any,
        inputs: Sequence[Any],
        attributes: tuple[Any, ...],
        outputs: Sequence[Any],
        op_name: str | None = None,
        graph: Any = None,
    ) -> None:
        if self.is_paused or graph is not self.graph:
            return
        name = eager.text_of(op_type)
        if graph is not None and has(name, Trait.SOURCE):
            return
        read = self._read_silently(inputs)
        # The detour that an operand came back from is itself recorded as an operation.
        operands = [self._operand(tensor, read) for tensor in inputs]
        place = self.calls.place()
        op = self.enter(name, operands, place, outputs, attributes=attributes)
        if self._room is not None and not has(name, Trait.SHARES):
            self._room -= sum(map(eager.bytes_of, outputs))
            if self._room < 0:
                self.full = self.full or place
                raise FullError
        if has(name, Trait.ASSIGNS) and inputs:
            self.enter_assignment(op, inputs[_ASSIGNED_OPERAND.get(name, 0)])

    def _operand(self, tensor: Any, read: Mapping[int, Any] = _NOTHING) -> int:
        """The index of an operand; `read` are variables by the id of the tensor that an operation read from it."""
        known = self.known(tensor)
        if known is not None:
            return known
        if self.graph is not None:
            return self._symbol(tensor)
        variable = read.get(eager.tensor_id(tensor))
        if variable is not None:
            handle = self.index(variable.handle)
            return self.enter("ReadVariableOp", [handle], self.calls.place(), [tensor]).outputs[0]
        index = self.add(tensor, None)
        if self.detours:
            self.detours.come_back(tensor, index, self.calls.layer, self.calls.region)
        return index

    def _symbol(self, tensor: Any) -> int:
        """The index of a symbol that no recorded operation made: a constant, or a tensor from outside."""
        outer = symbols.captured_by(self.graph, tensor)
        known = self.known(outer) if outer is not None else None
        if known is None:
            return self.add(tensor, None)
        self.alias(tensor, known)
        return known

    # -- variables -------------------------------------------------------------------------------------

    def _variable_access(self, variable: Any) -> None:
        if self._read_in_python is not None and hasattr(variable, "handle") and eager.is_eager(variable.handle):
            self._read_in_python[eager.tensor_id(variable.handle)] = variable
        elif not self.is_paused and hasattr(variable, "handle") and eager.is_eager(variable.handle):
            key = eager.tensor_id(variable.handle)
            if key not in self.variables:  # a loop reads its weights at each of its steps
                self.variables[key] = variable, self.calls.layer, self.calls.region

    def _silent_read(self, variable: Any) -> None:
        if not self.is_paused:
            self._read[id(variable)] = variable
            self._variable_access(variable)

    def _read_silently(self, inputs: Sequence[Any]) -> Mapping[int, Any]:
        """The variables that an operation read by itself, by the id of the operand that it got from each."""
        if not self._read:
            return _NOTHING
        pending, self._read = list(self._read.values()), {}
        found: dict[int, Any] = {}
        # On another device, and after a sparse update, a read makes a copy, which equal values have to tell.
        for is_read in (eager.share_memory, eager.are_equal):
            unknown = [tensor for tensor in inputs if pending and self.known(tensor) is None]
            for variable in pending:
                with self.paused():
                    value = eager.read_unnoticed(variable)
                for tensor in unknown:
                    if eager.tensor_id(tensor) not in found and is_read(value, tensor):
                        found[eager.tensor_id(tensor)] = variable
            met = {id(variable) for variable in found.values()}
            pending = [variable for variable in pending if id(variable) not in met]
        return found

    def _losses_read(self, layer: Any, losses: list[Any]) -> None:
        if not self.is_paused:
            self.losses_read.append((layer, [self.index(loss) for loss in losses if eager.is_eager(loss)]))

    def assigned_symbol(self, symbol: Any, value: Any) -> Any:
        """Enter the assignment of a value to a variable; gives what the variable holds from now on.

        As with values, no gradient passes back to what was assigned, and the variable keeps its own.
        """
        if self.is_paused:
            return value
        with self.paused():
            result = tf.stop_gradient(value) + (symbol - tf.stop_gradient(symbol))
        operands = [self._operand(symbol), self._operand(value)]
        self.enter("AssignVariableOp", operands, self.calls.place(), [result], is_pseudo=True)
        return result

    # -- what happens outside of operations ------------------------------------------------------------

    def _numpy_conversion(self, tensor: Any) -> None:
        if self.is_paused:
            return
        index = self.known(tensor)
        if index is None or not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
            return
        if tensor.dtype.is_bool:
            self.decisions.add(index)  # tf.cond looks at its predicate this way.
            return
        place = self.calls.place()
        if place.file is not None:  # Keras and TensorFlow look at values of their own: axes, shapes, lengths.
            self.detours.leave(index, place)

    def _decision(self, tensor: Any) -> None:
        index = None if self.is_paused else self.known(tensor)
        if index is not None:
            self.decisions.add(index)

    def _join(self, tensors: list[Any]) -> Any:
        """One tensor for the results of several branches."""
        with self.paused():
            result = symbols.joined(tensors)
        if not self.is_paused:
            operands = [self._operand(tensor) for tensor in tensors]
            self.enter(BRANCHES, operands, self.calls.place(), [result], is_pseudo=True)
        return result

    def _python_function(self, inputs: list[Any], run: Callable[[], Any]) -> Any:
        if self.is_paused:
            return run()
        read: dict[int, Any] = {}
        self._read_in_python = read
        try:
            with self.paused():
                result = run()
        finally:
            self._read_in_python = None
        operands = [self._operand(tensor) for tensor in inputs if eager.is_eager(tensor)]
        for variable in read.values():  # A model that the function calls is lost as its arguments are.
            self._variable_access(variable)
            operands.append(self.index(variable.handle))
        results = result if isinstance(result, (list, tuple)) else [result]
        made = [tensor for tensor in results if eager.is_eager(tensor)]
        self.enter("PyFunc", operands, self.calls.place(), made, is_pseudo=True)
        return result

    def _custom_gradient(
        self, first: int, name: str, inputs: Sequence[Any], outputs: Sequence[Any]
    ) -> Callable[[BaseException], None]:
        if self.is_paused:
            return lambda error: None
        handles = [getattr(tensor, "handle", tensor) for tensor in inputs]
        operands = [self.index(tensor) for tensor in handles if eager.is_eager(tensor)]
        position = len(self.ops)
        for op in self.ops[first:]:
            op.enclosed = position if op.enclosed is None else op.enclosed
        op = self.enter(CUSTOM_GRADIENT, operands, self.calls.place(), is_pseudo=True)
        op.detail = name
        # The results were made by the operations inside, and are the custom operation's as well.
        op.outputs = [self.index(tensor) for tensor in outputs if eager.is_eager(tensor)]

        def failed(error: BaseException) -> None:
            op.error = in_a_sentence(error)

        return failed
