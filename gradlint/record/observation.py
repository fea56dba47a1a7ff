"""The recorder of a training step: beside the operations, what its tapes and optimizers are asked and told."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.operations import INNER_GRADIENT, NUMPY_CONVERSION
from gradlint.record.calls import Calls
from gradlint.record.detours import Detour, Detours
from gradlint.record.ledger import Place
from gradlint.record.live import LiveCall, LiveEvaluation, LiveTape, LiveUpdate
from gradlint.record.tapes import Tapes
from gradlint.record.terms import Region, TargetKind
from gradlint.record.trace import Trace
from gradlint.upstream import eager, observing, optimizers, replicas, steps, writes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.record.step_record import Frames
    from gradlint.upstream.optimizers import Application
    from gradlint.upstream.steps import Question
    from gradlint.upstream.writes import Stored

_NOTHING: Mapping[int, Any] = {}


def _read(gradient: Any) -> Any:
    return eager.tf_variable(gradient).value() if eager.is_variable(gradient) else gradient


class _StepDetours(Detours):
    """Values that leave TensorFlow, with the frames of the step."""

    def __init__(self, trace: StepTrace) -> None:
        super().__init__(trace)
        self._trace = trace
        self.frames: list[Frames] = []

    def leave(self, index: int, place: Place) -> None:
        """Enter that somebody took the values of a tensor."""
        super().leave(index, place)
        self.frames.append(self._trace.calls.frames())

    def evaluated(self, index: int, place: Place, position: int) -> None:
        """Enter that an evaluation gave arrays, at one operation."""
        self._all.append(Detour(index, place, False, position))
        self.frames.append(self._trace.calls.frames())

    def _enter(self, detour: Detour, region: Region) -> int:
        position = super()._enter(detour, region)
        self._trace.frames[position] = self.frames[self._all.index(detour)]
        return position


class _StepTapes(Tapes):
    """The gradients of a step, as its trace knows them."""

    def __init__(self, trace: StepTrace) -> None:
        super().__init__(trace, trace.calls)
        self._trace = trace

    def gradient(self, targets: list[Any], sources: list[Any], compute: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """Compute gradients for the step's own code, and write down what a tape was asked."""
        return self._trace.answered(targets, sources, compute)


class StepTrace(Trace):
    """Everything that happens while a training step runs.

    Args:
        root: the source file that starts the run.
        given: arrays that the step gets, by key. They are recognised by their values where they enter TensorFlow.

    Attributes:
        frames: the user's frames outside of layers and optimizers, by position of the operation.
        data: keys of what the step was given, by tensor index.
        before: the variables that the step assigned to, with the values that they had, by handle id.
        taken: tensors whose values Python code has taken out.
        by_hand: ids of the handles that something other than an optimizer assigned to.
        made: by id, where optimizers were created while the step ran.
        replicated: (first, last + 1) positions of what a strategy runs in threads of its own.
        learners: gives the handles of the variables that are named as those that should learn.
    """

    def __init__(self, root: str, given: Mapping[str, Any]) -> None:
        super().__init__(root)
        self.detours: _StepDetours = _StepDetours(self)
        self.calls = Calls(self, root, None, self.detours.returned)
        self.tapes: _StepTapes = _StepTapes(self)
        self.frames: dict[int, Frames] = {}
        self.data: dict[int, str] = {}
        self.live_tapes: list[LiveTape] = []
        self.live_calls: list[LiveCall] = []
        self.live_updates: list[LiveUpdate] = []
        self.evaluations: list[LiveEvaluation] = []
        self.before: dict[int, tuple[Stored, Any]] = {}
        self._maybe: dict[int, tuple[Stored, Any]] = {}
        self.scaled: dict[int, list[int]] = {}
        self.taken: set[int] = set()
        self.optimizers: dict[int, Any] = {}
        self.by_hand: set[int] = set()
        self.made: dict[int, Frames] = {}
        self.replicated: list[tuple[int, int]] = []
        self.parts = steps.Parts()
        self.learners: Callable[[], Sequence[Any]] = tuple
        self._given: dict[int, list[tuple[str, Any]]] = {}
        for key, array in given.items():
            if isinstance(array, np.ndarray) and array.size > 1:
                self._given.setdefault(array.size, []).append((key, array))
        self.rows = tuple(len(array) for found in self._given.values() for _, array in found if array.ndim)
        self._numbers: dict[int, int] = {}
        self._asking: LiveCall | None = None
        self._updating = False
        self._handles: dict[int, Any] = {}

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Observe everything the current thread does with TensorFlow, its tapes, optimizers and variables."""
        with (
            writes.on_write(self._write),
            super().recording(),
            steps.on_tapes(self),
            optimizers.on_optimizers(self._application, self._scaled, self._uses),
            optimizers.on_creation(self._created),
            steps.on_evaluation(self._evaluation),
            steps.on_forward_derivative(self._differentiated),
            replicas.one_replica(self._in_threads),
        ):
            yield

    @contextlib.contextmanager
    def _in_threads(self) -> Iterator[None]:
        """What runs is meant for threads of its own: the tapes that are open here do not see it."""
        first = len(self.ops)
        with contextlib.ExitStack() as stack:
            for live in self.live_tapes:
                if live.spans[-1][1] < 0:
                    stack.enter_context(live.tape.stop_recording())
            yield
        self.replicated.append((first, len(self.ops)))

    # -- places ----------------------------------------------------------------------------------------

    def place(self) -> Frames:
        """The user's frames on the stack, without those of layers that are running."""
        return self.calls.frames()

    def entered(self, position: int) -> None:
        """Note where the step stands."""
        if not self._updating:
            self.frames[position] = self.calls.frames()

    # -- values that come from Python ------------------------------------------------------------------

    def introduce(self, key: str, tensor: Any) -> None:
        """Make a tensor that the step gets known before anything uses it."""
        self.data[self.index(tensor)] = key

    def _operand(self, tensor: Any, read: Mapping[int, Any] = _NOTHING) -> int:
        if self.known(tensor) is None and eager.tensor_id(tensor) not in read and eager.is_eager(tensor):
            key = self._given_as(tensor)
            if key is not None:
                index = self.add(tensor, None)
                self.data[index] = key
                return index
            evaluated = self._evaluated_as(tensor)
            if evaluated is not None:
                index = self.add(tensor, evaluated)
                self.ops[evaluated].outputs.append(index)
                return index
        return super()._operand(tensor, read)

    def _given_as(self, tensor: Any) -> str | None:
        """The key of the array that a tensor was made of."""
        size = tensor.shape.num_elements()
        if size not in self._given or not (tensor.dtype.is_floating or tensor.dtype.is_integer):
            return None
        values = eager.array_of(tensor).ravel()
        for key, array in self._given[size]:
            if array.dtype.kind in "biuf" and np.array_equal(array.ravel().astype(values.dtype), values):
                return key
        return None

    def _evaluated_as(self, tensor: Any) -> int | None:
        """The position of the evaluation that gave the values of a tensor."""
        if not self.evaluations or not tensor.dtype.is_floating:
            return None
        values = eager.array_of(tensor).ravel()
        for evaluation in reversed(self.evaluations):
            for array in evaluation.arrays:
                if array.size == values.size and np.array_equal(array.ravel().astype(values.dtype), values):
                    return evaluation.position
        return None

    def _numpy_conversion(self, tensor: Any) -> None:
        index = None if self.is_paused else self.known(tensor)
        if index is not None:
            self.taken.add(index)
        super()._numpy_conversion(tensor)

    def _differentiated(self, tensors: Any) -> None:
        """The derivative of a gradient in a direction is a use of it that no operation shows."""
        known = (self.known(t) for t in keras.tree.flatten(tensors) if eager.is_eager(t))
        self.taken.update(index for index in known if index is not None)

    @property
    def departures(self) -> tuple[Frames, ...]:
        """Where values were taken out of TensorFlow, in order."""
        return tuple(frames for frames in self.detours.frames if frames)

    def _evaluation(self, method: str, model: Any, arguments: Any, run: Callable[[], Any]) -> Any:
        if self.is_paused:
            return run()
        with self.paused(), observing.functions_run_whole():
            result = run()
        handles = [eager.handle_of(variable) for variable in model.trainable_variables]
        operands = [self.versions(handle)[0] for handle in handles]
        operands += [self.index(t) for t in keras.tree.flatten(arguments) if eager.is_eager(t)]
        frames = self.place()
        place = Place("", Region.LOSS, *((frames[0].file, frames[0].line) if frames else (None, None)))
        position = len(self.ops)
        self.enter(NUMPY_CONVERSION, operands, place, is_pseudo=True).detail = method
        arrays = [a for a in keras.tree.flatten(result) if isinstance(a, (np.ndarray, np.floating, float))]
        self.evaluations.append(LiveEvaluation(method, model, position, frames, [np.asarray(a) for a in arrays]))
        if operands:
            self.detours.evaluated(operands[0], place, position)
        return result

    # -- tapes -----------------------------------------------------------------------------------------

    def tape_opened(self, tape: Any) -> None:
        """A tape begins to record."""
        number = self._numbers.get(id(tape))
        if number is None:
            number = self._numbers[id(tape)] = len(self.live_tapes)
            self.live_tapes.append(LiveTape(tape, self.place()))
        self.live_tapes[number].spans.append([len(self.ops), -1])

    def tape_closed(self, tape: Any) -> None:
        """A tape stops to record."""
        number = self._numbers.get(id(tape))
        if number is not None and self.live_tapes[number].spans[-1][1] < 0:
            self.live_tapes[number].spans[-1][1] = len(self.ops)

    def tape_watched(self, tape: Any, watched: Sequence[Any]) -> None:
        """A tape is told to watch tensors and variables."""
        number = self._numbers.get(id(tape))
        if number is None or self.is_paused:
            return
        live = self.live_tapes[number]
        for item in watched:
            if not eager.is_variable(item) and not eager.is_eager(item):
                continue
            index = self.source_index(item)
            live.watches.append((index, len(self.ops)))
            dtype = item.dtype if isinstance(item.dtype, str) else item.dtype.name
            if "int" in dtype or dtype == "bool":
                live.integers.append((index, dtype, self.place()))

    def tape_not_watched(self, tape: Any, refused: Any) -> None:
        """A tape is told to watch something that is neither a tensor nor a variable."""
        number = self._numbers.get(id(tape))
        if number is not None:
            self.live_tapes[number].refused.append((type(refused).__name__, self.place()))

    def tape_reset(self, tape: Any) -> None:
        """A tape forgets what it has recorded."""
        number = self._numbers.get(id(tape))
        if number is not None:
            self.live_tapes[number].resets.append((len(self.ops), self.place()))

    def source_index(self, item: Any) -> int:
        """The index of a tensor, or of the handle of a variable."""
        if eager.is_variable(item):
            handle = eager.handle_of(item)
            self._handles[eager.tensor_id(handle)] = item
            return self.versions(handle)[0]
        return self._operand(item)

    def tape_asked(self, tape: Any, question: Question, run: Callable[[], Any]) -> Any:
        """A tape is asked."""
        if self.is_paused:
            return run()
        number = self._numbers.get(id(tape))
        if question.is_recording and not steps.is_persistent(tape):
            self.tape_closed(tape)
        for target in tf.nest.flatten(question.target):
            if eager.is_eager(target):
                self._operand(target)  # Where it came back from is a part of its way, and not of the answer.
        live = LiveCall(question, number, self.place(), len(self.ops))
        self._describe(live)
        self._asking = live
        try:
            live.result = run()
        except Exception as error:
            live.error = f"{type(error).__name__}: {error}"[:300]
            raise
        finally:
            self._asking = None
            live.last = len(self.ops)
            self.live_calls.append(live)
            if not live.is_filled:
                self._fill_from_result(live)
        for position in range(live.first, live.last):
            self.frames.setdefault(position, live.frames)
        return live.result

    def _describe(self, live: LiveCall) -> None:
        targets = tf.nest.flatten(live.question.target)
        for target in targets:
            if isinstance(target, (np.ndarray, np.generic)):
                live.target_kind = TargetKind.NUMPY
            elif isinstance(target, (int, float)):
                live.target_kind = TargetKind.PYTHON
            elif eager.is_eager(target) and not (target.dtype.is_floating or target.dtype.is_complex):
                live.target_kind = TargetKind.INTEGER
        for item in tf.nest.flatten(live.question.sources):
            if not (eager.is_variable(item) or tf.is_tensor(item) or item is None):
                live.odd_sources = type(item).__name__
                break

    def _fill_from_result(self, live: LiveCall) -> None:
        """Take the answer of a jacobian, or what is known of a question that ended with an error."""
        live.is_filled = True
        targets = [t for t in tf.nest.flatten(live.question.target) if eager.is_eager(t)]
        live.target_tensors = targets
        live.targets = [self._operand(target) for target in targets]
        items = [i for i in tf.nest.flatten(live.question.sources) if eager.is_variable(i) or eager.is_eager(i)]
        live.indices = [self.source_index(item) for item in items]
        live.sources = [eager.handle_of(item) if eager.is_variable(item) else item for item in items]
        results = [None] if live.question.nothing else keras.tree.flatten(live.result)
        is_whole = live.error is None and len(results) == len(items)
        live.slopes = results if is_whole else [None] * len(items)
        if is_whole:
            self._enter_gradient(live)

    def answered(self, targets: list[Any], sources: list[Any], compute: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """Let a tape compute what it was asked, and ask it for what else it knows."""
        live = self._asking
        if self.is_paused or live is None or live.is_filled or live.question.kind != "gradient":
            return list(compute([]))
        live.is_filled = True
        live.target_tensors = [tensor for tensor in targets if eager.is_eager(tensor)]
        live.targets = [self._operand(tensor) for tensor in live.target_tensors]
        live.sources = sources
        live.indices = [self._source_of(tensor) for tensor in sources]
        others: list[Any] = []
        if any(tensor.dtype == tf.resource for tensor in sources):
            asked = {eager.tensor_id(tensor) for tensor in sources}
            others = [handle for handle in self._learning_handles() if eager.tensor_id(handle) not in asked]
        with self.going_back():
            slopes = list(compute(others))
        live.slopes = slopes[: len(sources)]
        live.in_reach = [h for h, slope in zip(others, slopes[len(sources) :], strict=True) if slope is not None]
        self._enter_gradient(live)
        return live.slopes

    def _enter_gradient(self, live: LiveCall) -> None:
        op = self.enter(INNER_GRADIENT, list(live.targets), self.calls.place(), is_pseudo=True)
        self.enter_slopes(op, live.sources, live.slopes)

    def _source_of(self, tensor: Any) -> int:
        return self.versions(tensor)[0] if tensor.dtype == tf.resource else self._operand(tensor)

    def _learning_handles(self) -> list[Any]:
        """Handles of the trainable variables that are known so far."""
        found = {eager.tensor_id(handle): handle for handle in self.learners()}
        for key, (variable, _, _) in self.variables.items():
            if variable.trainable and variable.dtype.is_floating:
                found.setdefault(key, variable.handle)
        return list(found.values())

    # -- optimizers and variables ----------------------------------------------------------------------

    def _uses(self, optimizer: Any) -> None:
        self.optimizers.setdefault(id(optimizer), optimizer)
        for part in (optimizer, optimizers.innermost(optimizer)):
            if not part.built:
                self.parts.keep(part)

    def _created(self, optimizer: Any) -> None:
        if not self.is_paused:
            self.optimizers.setdefault(id(optimizer), optimizer)  # so that no other gets this id
            self.made[id(optimizer)] = self.place()

    def _scaled(self, optimizer: Any, loss: Any) -> None:
        self.scaled.setdefault(id(optimizer), []).extend([self.index(loss)] if eager.is_eager(loss) else [])

    def _application(self, application: Application, run: Callable[[], Any]) -> Any:
        if self.is_paused:
            return run()
        live = LiveUpdate(application, self.place(), len(self.ops))
        optimizer = application.optimizer
        with self.paused():
            live.learning_rate, live.is_scheduled = optimizers.learning_rates(optimizer)
            live.divisor = optimizers.scale_of(optimizer)
        if optimizers.scales_loss(optimizer):
            live.scaled = id(optimizer) in self.scaled
            live.scale = [self.versions(handle)[0] for handle in optimizers.scale_handles(optimizer)]
            live.scale += self.scaled.get(id(optimizer), [])
        if application.pairs is not None:  # A variable that gradients are added up in is read now.
            pairs = tuple((_read(gradient), variable) for gradient, variable in application.pairs)
            live.application = application = replace(application, pairs=pairs)
        for gradient, _ in application.pairs or ():
            values = getattr(gradient, "values", gradient)
            live.gradients.append(self.index(values) if eager.is_eager(values) else None)
        moved = [v for _, v in application.pairs or () if eager.tensor_id(eager.handle_of(v)) in self.by_hand]
        self._note(live, moved)
        self._updating = True
        self.calls.is_updating = not any(tape.spans[-1][1] < 0 for tape in self.live_tapes)
        try:
            return run()
        except Exception as error:
            live.error = f"{type(error).__name__}: {error}"[:300]
            raise
        finally:
            self._updating = self.calls.is_updating = False
            live.last = len(self.ops)
            self.live_updates.append(live)
            self._note(live, moved)

    def _note(self, live: LiveUpdate, variables: Sequence[Any]) -> None:
        with self.paused():
            for variable in variables:
                handle = eager.handle_of(variable)
                live.around.setdefault(eager.tensor_id(handle), []).append(eager.tf_variable(variable).value())

    def _write(self, variable: Stored, is_certain: bool) -> None:
        key = eager.tensor_id(variable.handle)
        if is_certain and not self._updating:
            self.by_hand.add(key)
        kept = self.before if is_certain else self._maybe
        if key not in self.before and key not in kept:
            with self.paused():
                value = variable.read_value()
            if value is not None:
                kept[key] = variable, value

    def put_back(self) -> None:
        """Give every variable the value that it had before anything could write to it."""
        # Two handles may be of one variable: what was kept first is from before both.
        for variable, value in (*reversed(self.before.values()), *reversed(self._maybe.values())):
            variable.assign(value)

    def close_tapes(self) -> None:
        """Take tapes that are still open for closed."""
        for live in self.live_tapes:
            if live.spans[-1][1] < 0:
                live.spans[-1][1] = len(self.ops)
