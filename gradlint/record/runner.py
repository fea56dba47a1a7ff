"""Runs one subject as often as the analysis asks: recorded, probed, traced, or for its loss alone."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.errors import ModelRunError
from gradlint.record.failures import failure_of
from gradlint.record.firststep import scaled
from gradlint.record.leaks import batch_leak, future_leak
from gradlint.record.recording import Failure, Leak, LossRecord, Recording
from gradlint.record.run import Run
from gradlint.record.subject import Probe, Subject, perturbed
from gradlint.record.writing import Backward, recording_of
from gradlint.upstream import backprop, eager

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gradlint.record.objective import Objective


# Other values that are tried before slices of an input count as never looked at.
_TRIALS = 3


class Runner:
    """Runs one subject and leaves it unchanged."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._steps: list[tuple[Any, Any]] | None = None

    def record(self, *, probe: Probe | None = None, trace_returns: bool = False) -> Recording:
        """Run forward and backward, and write everything down.

        Args:
            probe: how the run differs from the sample's own.
            trace_returns: also find out from which line each of the user's layers returned.

        Raises:
            ModelRunError: the model's own code failed for a reason that is neither a shape nor a dtype.
        """
        if probe is None:
            run = self._plain()
            run.is_first = not trace_returns
            with run.isolated():
                return recorded(run, trace_returns)
        steps = self._virtual_step()
        seed = self._subject.seed + 1 + probe.number
        inputs = self._subject.inputs
        if probe.perturb_inputs:
            inputs = perturbed(inputs, np.random.default_rng(seed))
        run = Run(self._subject, inputs, self._subject.labels, seed)
        with run.isolated():
            for variable, step in steps:
                run.trace.assigned.add(eager.tensor_id(variable.handle))
                variable.assign_add(step)
            return recorded(run, trace_returns)

    def traced_reads(self) -> frozenset[str]:
        """Paths of the variables that the model reads when it is traced as a graph.

        Tracing enters both sides of a `tf.cond` and the body of a `tf.while_loop`, whatever the sample is.
        """
        if self._subject.model is None:
            return frozenset()
        run = self._plain()
        batch = run.batch()

        def forward(*values: Any) -> Any:
            given = replace(batch, inputs=dict(zip(batch.inputs, values, strict=True)))
            return keras.tree.flatten(run.call_model(given))

        with run.isolated():
            try:
                concrete = tf.function(forward).get_concrete_function(*batch.inputs.values())
            except Exception:
                return frozenset()  # A model that cannot be traced has no second opinion to give.
        captured = {eager.tensor_id(t) for t in concrete.captured_inputs if eager.is_eager(t)}
        return frozenset(
            path
            for path, variable in zip(run.paths(), run.learning(), strict=True)
            if eager.tensor_id(eager.handle_of(variable)) in captured
        )

    def contradicted(self, keys: Sequence[str], paths: Sequence[str]) -> frozenset[str]:
        """Those inputs and variables with which the loss changes smoothly, by central differences.

        Args:
            keys: float inputs whose gradient is zero.
            paths: variables whose gradient is zero.
        """
        run = self._plain()
        variables = dict(zip(run.paths(), run.learning(), strict=True))
        return frozenset(
            [key for key in keys if self._moves_with_input(key)]
            + [path for path in paths if self._moves_with_variable(eager.tf_variable(variables[path]))]
        )

    def matters(self, key: str, axis: int, slices: Sequence[int]) -> bool:
        """Whether the loss changes with some slices of an input, gradient or not.

        A column of ids in a table of numbers has no gradient, and still selects the row of an embedding.
        """
        subject = self._subject
        array = np.asarray(subject.inputs[key])
        window = tuple([slice(None)] * axis + [list(slices)])
        base = self._plain().loss_only(None, None)
        for seed in range(_TRIALS):
            moved = array.copy()
            moved[window] = perturbed({key: array[window]}, np.random.default_rng(seed))[key]
            loss = Run(subject, {**subject.inputs, key: moved}, subject.labels, subject.seed).loss_only(None, None)
            if loss != base:  # A failed run says NaN, which differs too: the values are looked at.
                return True
        return False

    def with_scaled_inputs(self, floats: Sequence[str]) -> tuple[float | None, tuple[tuple[str, float], ...]]:
        """The loss with float inputs scaled by their own deviation, and key and deviation of each.

        Args:
            floats: keys of the inputs that the model takes as floats.
        """
        subject = self._subject
        inputs, deviations = scaled(subject.inputs, floats)
        if not deviations:
            return None, ()
        loss = Run(subject, inputs, subject.labels, subject.seed).loss_only(None, None)
        return (loss, deviations) if np.isfinite(loss) else (None, ())

    def leak(self) -> Leak | None:
        """Where the samples of a batch begin to mix, in inference mode."""
        run = self._in_inference()
        with run.isolated():
            return batch_leak(run)

    def future_leak(self, key: str, axis: int) -> Leak | None:
        """Where outputs begin to depend on later steps of an input, in inference mode."""
        run = self._in_inference()
        with run.isolated():
            return future_leak(run, key, axis)

    def _in_inference(self) -> Run:
        subject = replace(self._subject, training=False)
        return Run(subject, subject.inputs, subject.labels, subject.seed)

    def _plain(self) -> Run:
        subject = self._subject
        return Run(subject, subject.inputs, subject.labels, subject.seed)

    def _virtual_step(self) -> list[tuple[Any, Any]]:
        if self._steps is None:
            run = self._plain()
            with run.isolated():
                self._steps = run.step()
        return self._steps

    def _moves_with_input(self, key: str) -> bool:
        subject = self._subject
        array = np.asarray(subject.inputs[key])
        direction = np.random.default_rng(0).normal(size=array.shape)

        def loss(step: float) -> float:
            moved = {**subject.inputs, key: (array + step * direction).astype(array.dtype)}
            return Run(subject, moved, subject.labels, subject.seed).loss_only(None, None)

        return _has_slope(loss, float(np.abs(array).max()) or 1.0)

    def _moves_with_variable(self, variable: Any) -> bool:
        direction = np.random.default_rng(0).normal(size=variable.shape)

        def loss(step: float) -> float:
            return self._plain().loss_only(variable, tf.constant(step * direction, variable.dtype))

        return _has_slope(loss, float(tf.reduce_max(tf.abs(tf.cast(variable, tf.float32)))) or 1.0)


def recorded(run: Run, trace_returns: bool) -> Recording:
    """One forward under one recorder, with a tape for each float input and one over all that should learn."""
    trace = run.trace
    trace.calls.trace_returns = trace_returns
    batch = run.batch()
    run.build(batch)
    floats, handles = run.watched(batch)
    run.introduce(batch)
    key_tapes = {key: tf.GradientTape(watch_accessed_variables=False, persistent=True) for key in floats}
    learning = tf.GradientTape(watch_accessed_variables=False, persistent=True)
    outcome: tuple[Any, Any, Objective] | Failure
    with contextlib.ExitStack() as tapes:
        for key, tape in key_tapes.items():
            tapes.enter_context(tape)
            tape.watch(floats[key])
        tapes.enter_context(learning)
        for source in [*floats.values(), *handles]:
            learning.watch(source)
        try:
            with trace.recording():
                outcome = run.forward(batch)
        except ModelRunError:
            raise
        except Exception as error:
            outcome = failure_of(run, error, batch)
    if isinstance(outcome, Failure):
        return recording_of(
            run, batch, Backward({}, LossRecord("none", "not computed: the run failed"), {}, {}, outcome)
        )
    outputs, loss, objective = outcome
    loss = _tensor_of(loss)
    if trace.known(loss) is None:
        trace.detours.enter_detached_loss(loss, outputs)
    indices = run.reached(list(floats.values()), handles)
    slopes = backprop.gradients(learning, loss, [trace.tensors[index] for index in indices])
    reached = dict(zip(indices, slopes, strict=True))
    by_key = {key: _of_key(key_tapes[key], loss, value, reached[trace.index(value)]) for key, value in floats.items()}
    value = float("nan") if run.is_symbolic else float(tf.reduce_sum(tf.cast(loss, tf.float32)))
    record = replace(objective.record, tensor=trace.index(loss), value=value if np.isfinite(value) else None)
    return recording_of(run, batch, Backward(outputs, record, reached, by_key))


def _of_key(tape: Any, loss: Any, value: Any, slope: Any | None) -> Any | None:
    """The gradient of one input key.

    The tape over all gives it for next to nothing. Where it gives none, the key's own tape has the last word.
    """
    return slope if slope is not None else backprop.gradients(tape, loss, [value])[0]


def _tensor_of(loss: Any) -> Any:
    if tf.is_tensor(loss) or isinstance(loss, (int, float, np.number, np.ndarray)):
        return tf.convert_to_tensor(loss)
    raise ModelRunError(f"the loss must be a float tensor, but it is a {type(loss).__name__}")


def _has_slope(loss: Callable[[float], float], scale: float) -> bool:
    """Whether a loss has a slope in one direction: the same at two step sizes, and more than noise."""
    near, far = 1e-3 * scale, 2e-3 * scale
    values = [loss(step) for step in (near, -near, far, -far)]
    if not np.all(np.isfinite(values)):
        return False
    one, two = (values[0] - values[1]) / (2 * near), (values[2] - values[3]) / (2 * far)
    noise = 1e-5 * max(1e-6, max(abs(value) for value in values)) / near
    return abs(one) > noise and abs(one - two) < 0.3 * max(abs(one), abs(two))
