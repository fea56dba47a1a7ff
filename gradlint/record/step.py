"""Runs a training step of the user's own under the recorder, and puts everything back."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.errors import ModelRunError
from gradlint.record import columns, layer_losses, reduction, scaling, tensors
from gradlint.record.failures import failure_of
from gradlint.record.firststep import rates_of
from gradlint.record.objective import Batch
from gradlint.record.observation import StepTrace
from gradlint.record.python_state import Watched
from gradlint.record.rebinding import lost_in_names, names_kept, rebound
from gradlint.record.recording import Failure, LabelRecord, LossRecord, Recording
from gradlint.record.run import ONE_AT_A_TIME
from gradlint.record.start import Start
from gradlint.record.step_omissions import followers_moved, left_out_of
from gradlint.record.step_record import Crash, Rebound, StepRecord
from gradlint.record.step_task import StepRun, StepTask
from gradlint.record.step_writing import record_of
from gradlint.record.subject import Subject
from gradlint.record.terms import is_float
from gradlint.record.writing import Backward, recording_of
from gradlint.result import GradientState
from gradlint.upstream import backprop, eager, optimizers, restoring
from gradlint.upstream.libraries import is_library_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gradlint.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Observed:
    """What was observed of a step: the records, and what is alive behind them for who looks closer.

    Attributes:
        slopes: the gradient of what the step differentiates, by tensor index.
        after: variables with their values after the step, by handle id.
    """

    recording: Recording
    record: StepRecord
    trace: StepTrace
    run: StepRun
    slopes: Mapping[int, Any]
    after: Mapping[int, tuple[Any, Any]]


class Observation:
    """Observes whatever the current thread does in a `with` block, until its `end` is called; without that, in vain.

    Everything that the step changes is put back at the end, unless the task says `keep`.
    """

    def __init__(self, task: StepTask, thresholds: Thresholds, root: str) -> None:
        self._task = task
        self._thresholds = thresholds
        self.trace = StepTrace(root, task.given or {})
        self._stack = contextlib.ExitStack()
        self._inside = contextlib.ExitStack()
        self._tape = tf.GradientTape(persistent=True)
        self._is_open = True
        self._generators: list[tuple[Any, Any]] = []  # with the states in which they were found

    def __enter__(self) -> Observation:
        task, trace = self._task, self.trace
        enter = self._stack.enter_context
        enter(ONE_AT_A_TIME)
        enter(warnings.catch_warnings())
        if not task.keep:
            enter(restoring.restored((), lambda variable: False))
        enter(backprop.python_functions_differentiable_twice())
        warnings.simplefilter("ignore")
        if task.seed is not None:
            named = self._named() if task.starts_generators else []
            states = [eager.tf_variable(v) for v in named if restoring.is_state_of_generator(v)]
            self._generators = [(state, state.read_value()) for state in states]
            restoring.fresh_seeds(task.seed, named)
        for optimizer in self._optimizers():
            trace.parts.keep(optimizer)
        for model in task.models:
            for metric in getattr(model, "metrics", ()):
                trace.parts.keep(metric)
        for variable in self._named():
            trace.index(eager.handle_of(variable))
        for key, value in (task.given or {}).items():
            if eager.is_eager(value):
                trace.introduce(key, value)
        trace.learners = lambda: [eager.handle_of(v) for v in self._named() if v.trainable]
        self._inside.enter_context(self._tape)
        for variable in self._named():
            if variable.trainable and is_float(tensors.dtype_of(variable)):
                self._tape.watch(eager.tf_variable(variable))
        for value in self._inputs():
            self._tape.watch(value)
        self._inside.enter_context(trace.recording())
        return self

    def end(self, returned: Any = None, error: Exception | None = None) -> Observed:
        """What the step did.

        Args:
            returned: by the step.
            error: with which it ended.
        """
        with self._stack:
            try:
                loss = self._differentiated()
            finally:
                self._stop()
            with self.trace.paused():
                try:
                    return self._written(loss, returned, error)
                finally:
                    self._put_back_unless_kept()

    def __exit__(self, *raised: object) -> None:
        if self._is_open:
            with self._stack:
                self._stop()
                with self.trace.paused():
                    self._put_back_unless_kept()

    def _stop(self) -> None:
        self._is_open = False
        self.trace.close_tapes()
        self._inside.close()

    def _put_back_unless_kept(self) -> None:
        if not self._task.keep:
            self.put_back()

    def put_back(self) -> None:
        """Give everything that the step assigned to the value that it had."""
        # Where a step draws, the state before it is the seed's; the one that was found comes last.
        self.trace.put_back()
        for variable, value in self._generators:
            variable.assign(value)
        self.trace.parts.restore()

    # -- who takes part --------------------------------------------------------------------------------

    def _optimizers(self) -> list[Any]:
        own = [getattr(model, "optimizer", None) for model in self._task.models]
        named = [o for o in (*self._task.optimizers, *own) if o is not None]
        return [*named, *map(optimizers.innermost, named)]

    def _named(self) -> list[Any]:
        found: dict[int, Any] = {}
        for owner in (*self._task.models, *self._task.variables):
            for variable in getattr(owner, "variables", [owner]):
                if hasattr(eager.tf_variable(variable), "handle"):
                    found.setdefault(eager.tensor_id(eager.handle_of(variable)), variable)
        return list(found.values())

    def _inputs(self) -> list[Any]:
        """The measured numbers among the inputs of a model, as far as they are known by its keys."""
        given = [(self._task.given or {})[place] for place in self._task.inputs.values()]
        return [value for value in given if eager.is_eager(value) and is_float(value.dtype.name)]

    def _touched(self) -> list[Any]:
        """The models and layers that the step itself calls, and the variables that it reads by itself."""
        found: dict[int, Any] = {}
        last = 0
        for call in self.trace.calls.all:
            if call.first >= last or not found:
                last = max(last, call.last)
                if isinstance(call.operation, keras.Layer) and call.operation.variables:
                    found.setdefault(id(call.operation), call.operation)
        listed = {
            eager.tensor_id(eager.handle_of(variable))
            for owner in (*found.values(), *self._task.models)
            for variable in owner.variables
        }
        named = {eager.tensor_id(eager.handle_of(variable)) for variable in self._named()}
        loose = [
            variable
            for key, (variable, _, _) in self.trace.variables.items()
            if key not in listed | named and variable.trainable and variable.dtype.is_floating
        ]
        # Where the user names what learns, a variable that nobody asks for is another's, or a copy on another device.
        asked = {eager.tensor_id(tensor) for call in self.trace.live_calls for tensor in call.sources}
        if self._task.models or self._task.variables:
            loose = [variable for variable in loose if eager.tensor_id(variable.handle) in asked]
        return [*found.values(), *loose]

    def _meant(self, run: StepRun) -> list[Any]:
        """What should learn where nobody says: everything, unless the step moves an image, say, and no layer."""
        asked = {eager.tensor_id(tensor) for call in self.trace.live_calls for tensor in call.sources}
        owned = [v for owner in run.subject.learners for v in getattr(owner, "variables", ())]
        kept = {eager.tensor_id(eager.handle_of(v)) for v in owned if hasattr(eager.tf_variable(v), "handle")}
        loose = [v for v in run.learning() if eager.tensor_id(eager.handle_of(v)) not in kept]
        is_of_others = asked & {eager.tensor_id(eager.handle_of(v)) for v in loose} and not asked & kept
        return loose if is_of_others else run.learning()

    # -- what came of it -------------------------------------------------------------------------------

    def _differentiated(self) -> Any | None:
        """One loss for all that the step differentiates."""
        calls = self.trace.live_calls
        # An empty list of variables was meant to hold some.
        asking = [call for call in calls if not call.sources or any(t.dtype == tf.resource for t in call.sources)]
        targets = [
            target
            for call in asking or calls
            for target in call.target_tensors
            if eager.is_eager(target) and target.dtype.is_floating
        ]
        targets = list({eager.tensor_id(target): target for target in targets}.values())
        return tensors.total(targets, self._task.seed or 0) if targets else None

    def _value(self, loss: Any) -> float:
        """What a loss is; before it was scaled, where float16 has no number for that: its gradients may be fine."""
        trace = self.trace
        value = float(tf.reduce_sum(tf.cast(loss, tf.float32)))
        if np.isfinite(value):
            return value
        scaled = {index for indices in trace.scaled.values() for index in indices}
        targets = {index for live in trace.live_calls for index in live.targets}
        producers = (trace.producers[index] for index in targets & scaled)
        operands = [trace.tensors[trace.ops[at].inputs[0]] for at in producers if at is not None]
        others = [trace.tensors[index] for index in targets - scaled]
        return float(sum(float(tf.reduce_sum(tf.cast(tensor, tf.float32))) for tensor in (*operands, *others)))

    def _halvings(self, loss: Any, handles: Sequence[Any]) -> int:
        """How often the optimizers halve their loss scale before the gradients of variables are finite; 0 if never."""
        tape, trace = self._tape, self.trace

        def is_finite(target: Any) -> bool:
            return scaling.are_finite(backprop.gradients(tape, target, handles))

        scaled = trace.made_of(
            [
                *(i for live in trace.live_updates for i in live.scale),
                *(i for indices in trace.scaled.values() for i in indices),
            ]
        )
        if not scaled or is_finite(loss):
            return 0
        targets = [target for live in trace.live_calls for target in live.target_tensors if target.dtype.is_floating]
        if any(trace.index(target) not in scaled and not is_finite(target) for target in targets):
            return 0
        return scaling.halvings(lambda n: scaling.are_finite(scaling.halved(tape, loss, handles, n))) or 0

    def _told_apart(self, indices: Sequence[int], found: Sequence[Any]) -> Mapping[int, Any]:
        """What the step's own tapes give for variables of which a tape over all gives zeros.

        What was computed before a tape was opened is a constant for it, such as the policy that a ratio is taken to.
        """
        given: dict[int, Any] = {}
        for live in self.trace.live_calls:
            for index, slope in zip(live.indices, live.slopes, strict=False):
                if eager.is_eager(getattr(slope, "values", slope)):
                    given.setdefault(index, slope)
        asked = ((index, slope) for index, slope in zip(indices, found, strict=True) if index in given)
        zero = (index for index, slope in asked if _state(slope) is GradientState.ZERO)
        return {index: given[index] for index in zero if _state(given[index]) is GradientState.FINITE}

    def _written(self, loss: Any | None, returned: Any, error: Exception | None) -> Observed:
        trace, task = self.trace, self._task
        after = {key: (variable, variable.read_value()) for key, (variable, _) in trace.before.items()}
        touched = self._touched()
        is_named = bool(task.models or task.variables)
        own = [*task.models, *task.variables]
        learners = [*own, *(owner for owner in touched if not any(owner is known for known in own))]
        subject = Subject(learners=tuple(learners), thresholds=self._thresholds)
        run = StepRun(subject, {}, {}, task.seed or 0)
        run.adopt(trace)
        batch = Batch({key: (task.given or {})[place] for key, place in task.inputs.items()}, None, {}, None)
        crash, failure = self._crashed(run, batch, error)
        for variable in run.learning():
            trace.index(eager.handle_of(variable))
        judged = self._named() if is_named else self._meant(run)
        left_out = left_out_of(trace, run, judged, task.owner, is_named=is_named)
        run.left_out = left_out
        handles = [run.handle(variable) for variable in run.learning() if variable.trainable]
        slopes: Mapping[int, Any] = {}
        halvings = 0
        if loss is not None:
            indices = run.reached(self._inputs(), handles)
            sources = [trace.tensors[index] for index in indices]
            found = backprop.gradients(self._tape, loss, sources)
            halvings = self._halvings(loss, handles)
            if halvings:
                found = scaling.halved(self._tape, loss, sources, halvings)
            slopes = {**dict(zip(indices, found, strict=True)), **self._told_apart(indices, found)}
        number = len(trace.live_calls)
        described = f"what {number} gradient calls of {task.name} differentiate"
        if number <= 1:
            described = (
                f"what 1 gradient call of {task.name} differentiates" if number else f"{task.name} asks for no gradient"
            )
        value = self._value(loss) if loss is not None else float("nan")
        record = LossRecord(
            "step",
            described,
            tensor=trace.index(loss) if loss is not None else None,
            value=value if np.isfinite(value) else None,
        )
        followers = tuple(followers_moved(trace, run, judged)) if is_named else ()
        step = record_of(trace, run, self._tape, task, returned, after, crash)
        step = replace(step, halvings=halvings, followers=followers)
        self._restore_values()
        reduced = {index: reduction.gradient_of(slope) for index, slope in slopes.items()}
        by_key = {key: slopes.get(trace.index(tensors.numbers(value))) for key, value in batch.inputs.items()}
        recording = recording_of(run, batch, Backward({}, record, slopes, reduced, by_key, failure))
        labels = tuple(
            LabelRecord(key, "", index, recording.tensors[index].shape, recording.tensors[index].dtype)
            for index, key in trace.data.items()
        )
        asking = [call for call in trace.live_calls if any(t.dtype == tf.resource for t in call.sources)]
        asked = {eager.tensor_id(tensor) for call in asking for tensor in call.sources}
        targets = [trace.producers[trace.index(t)] for call in asking for t in call.target_tensors if eager.is_eager(t)]
        makers = [trace.ops[position] for position in targets if position is not None]
        added = layer_losses.of_step(run, asked, asking[0].frames if asking else (), makers)
        recording = replace(recording, labels=labels, layer_losses=added, start=self._start(batch))
        return Observed(recording, step, trace, run, slopes, after)

    def _start(self, batch: Batch) -> Start | None:
        """The learning rates of the model whose own step it is, and what is wrong with its inputs."""
        if self._task.owner is None:
            return None
        arrays = {key: eager.array_of(value) for key, value in batch.inputs.items() if eager.is_eager(value)}
        return Start(rates_of(self._task.owner), data=columns.defects(arrays, {}, {}, None))

    def _restore_values(self) -> None:
        """The recording speaks of the variables as the step found them."""
        if not self._task.keep:
            self.trace.put_back()

    def _crashed(self, run: StepRun, batch: Batch, error: Exception | None) -> tuple[Crash | None, Failure | None]:
        if error is None:
            return None, None
        file, line = _place_of(error)
        text = " ".join(str(error).split())[:300]
        crash = Crash(type(error).__name__, text, file, line)
        trace = self.trace
        refused = any(live.refused for live in trace.live_tapes)
        if refused or (trace.live_calls and _speaks_of_none(error, trace)):
            return crash, None
        try:
            return crash, failure_of(run, error, batch)
        except ModelRunError:
            return crash, None


def _state(slope: Any) -> GradientState:
    return reduction.gradient_of(slope).state


def _place_of(error: Exception) -> tuple[str | None, int | None]:
    """The innermost line of the user's on the way to an error."""
    found: tuple[str | None, int | None] = (None, None)
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == __file__:
            found = (None, None)  # Frames before this one belong to whoever called the check.
        elif not is_library_file(traceback.tb_frame.f_code.co_filename):
            found = traceback.tb_frame.f_code.co_filename, traceback.tb_lineno
        traceback = traceback.tb_next
    return found


def _speaks_of_none(error: Exception, trace: StepTrace) -> bool:
    """Whether an error comes from a gradient that is missing, a misused tape, or a misused optimizer."""
    if any(call.error is not None for call in trace.live_calls):
        return True
    if any(update.error is not None for update in trace.live_updates):
        return True
    text = str(error)
    words = ("None", "No gradients provided", "NoneType")
    is_missing = any(slope is None for call in trace.live_calls for slope in call.slopes)
    return is_missing and any(word in text for word in words)


def record_step(
    step: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    task: StepTask,
    thresholds: Thresholds,
    *,
    trace_returns: bool = False,
) -> tuple[Recording, StepRecord]:
    """Run a step once, observed.

    Args:
        step: called with `args` and `kwargs`.
        args: positional arguments.
        kwargs: keyword arguments.
        task: what is observed.
        thresholds: from where on an element counts as saturated.
        trace_returns: also find out from which line each of the user's layers returned.
    """
    error: Exception | None = None
    kept = names_kept(step, (*args, *kwargs.values()))
    numbers = Watched(step, args, kwargs)
    with kept as names, numbers.watching(), Observation(task, thresholds, __file__) as observation:
        observation.trace.calls.trace_returns = trace_returns
        try:
            returned = step(*args, **kwargs)
        except Exception as raised:
            returned, error = None, raised
        frozen = numbers.frozen()
        numbers.put_back()
        observed = observation.end(returned, error)
        lost = [Rebound(text, (tensors.path_of(v),), at) for text, v, at in rebound(names, observation.trace)]
        lost += lost_in_names(observation.trace, returned, observed.after)
    return observed.recording, replace(observed.record, rebound=tuple(lost), frozen=frozen)


def record_after_update(
    step: Callable[..., Any],
    first: tuple[Sequence[Any], Mapping[str, Any]],
    second: tuple[Sequence[Any], Mapping[str, Any]],
    task: StepTask,
    thresholds: Thresholds,
) -> tuple[Recording, StepRecord]:
    """Run a step, and observe it when it runs again: what is zero on purpose at the start is so no more.

    Args:
        step: called with positional and keyword arguments.
        first: the arguments of the run before.
        second: the arguments of the observed one.
        task: what is observed.
        thresholds: from where on an element counts as saturated.
    """
    kept = names_kept(step, (*first[0], *first[1].values()))
    numbers = Watched(step, *first)
    with ONE_AT_A_TIME, restoring.restored((), lambda variable: False), kept:
        before = Observation(replace(task, keep=True), thresholds, __file__)
        try:
            with before:
                step(*first[0], **first[1])
            return record_step(step, *second, task, thresholds)
        finally:
            numbers.put_back()
            before.put_back()
