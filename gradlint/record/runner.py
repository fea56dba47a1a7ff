"""Runs one subject as often as the analysis asks: recorded, probed, traced, or for its loss alone."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.collector import uncollected
from gradlint.errors import ModelRunError
from gradlint.record import layer_losses
from gradlint.record.backward import slopes_of
from gradlint.record.failures import failure_of, no_room
from gradlint.record.idle import Idle, described, idle_layers
from gradlint.record.recording import Failure, LayerLosses, LossRecord, Recording
from gradlint.record.run import Run
from gradlint.record.subject import Probe, Subject, perturbed
from gradlint.record.writing import Backward, recording_of
from gradlint.upstream import backprop, eager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gradlint.record.objective import Objective


class Runner:
    """Runs one subject and leaves it unchanged."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.called: frozenset[int] = frozenset()
        """Ids of the layers that the sample's own run called."""
        self.idle: list[Idle] = []
        """Layers that it did not call, and that have no weights yet."""

    def record(
        self,
        inputs: Mapping[str, Any] | None = None,
        *,
        probe: Probe | None = None,
        trace_returns: bool = False,
    ) -> Recording:
        """Run forward and backward, and write everything down.

        Args:
            inputs: arrays by key, instead of the sample's; without a probe only.
            probe: how the run differs from the sample's own.
            trace_returns: also find out from which line each of the user's layers returned.

        Raises:
            ModelRunError: the model's own code failed for a reason that is neither a shape nor a dtype.
        """
        if probe is None:
            run = self.run(inputs)
            run.is_first = not trace_returns
            with run.isolated():
                recording = recorded(run, trace_returns)
            if trace_returns or recording.failure is not None:
                return recording
            self.called, self.idle = run.trace.calls.operations, idle_layers(run)
            return replace(recording, idle=described(run, self.idle)) if self.idle else recording
        seed = self._subject.seed + 1 + probe.number
        given = self._subject.inputs
        if probe.perturb_inputs:
            given = perturbed(given, np.random.default_rng(seed))
        run = Run(self._subject, given, self._subject.labels, seed)
        with run.isolated():
            for variable, step in probe.steps:
                run.trace.assigned.add(eager.tensor_id(variable.handle))
                variable.assign_add(step)
            return recorded(run, trace_returns)

    def traced_reads(self) -> frozenset[str]:
        """Paths of the variables that the model reads when it is traced as a graph.

        Tracing enters both sides of a `tf.cond` and the body of a `tf.while_loop`, whatever the sample is.
        """
        if self._subject.model is None:
            return frozenset()
        run = self.run()
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

    @property
    def subject(self) -> Subject:
        """What is run."""
        return self._subject

    def run(self, inputs: Mapping[str, Any] | None = None, **changes: Any) -> Run:
        """A run of the subject that nobody has begun.

        Args:
            inputs: arrays by key, instead of the sample's.
            changes: fields of the `Subject` that differ.
        """
        subject = replace(self._subject, **changes)
        return Run(subject, subject.inputs if inputs is None else inputs, subject.labels, subject.seed)


def recorded(run: Run, trace_returns: bool) -> Recording:
    """One forward under one recorder, with a tape for each float input and one over all that should learn."""
    # Nothing that is made on the way goes before the end: who looked for circles would look in vain, again and again.
    with uncollected():
        return _recorded(run, trace_returns)


def _recorded(run: Run, trace_returns: bool) -> Recording:
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
            if trace.full is None:
                outcome = failure_of(run, error, batch)
        if trace.full is not None:  # also where the model's own code let the error pass
            raise no_room(run, trace.full)
    if isinstance(outcome, Failure):
        return recording_of(
            run, batch, Backward({}, LossRecord("none", "not computed: the run failed"), {}, {}, {}, outcome)
        )
    outputs, loss, objective = outcome
    loss = _tensor_of(loss)
    if trace.known(loss) is None:
        trace.detours.enter_detached_loss(loss, outputs)
    indices = run.reached(list(floats.values()), handles)
    of_variables = objective.record.kind == "compiled" and run.is_first  # for the optimizer's first update
    slopes, reduced = slopes_of(run, learning, loss, indices, of_variables=of_variables)
    by_key = {key: _of_key(key_tapes[key], loss, value, slopes[trace.index(value)]) for key, value in floats.items()}
    value = float("nan") if run.is_symbolic else float(tf.reduce_sum(tf.cast(loss, tf.float32)))
    record = replace(objective.record, tensor=trace.index(loss), value=value if np.isfinite(value) else None)
    recording = recording_of(run, batch, Backward(outputs, record, slopes, reduced, by_key))
    losses = _layer_losses(run, objective)
    return replace(recording, layer_losses=losses) if losses else recording  # each copy is checked from end to end


def _layer_losses(run: Run, objective: Objective) -> tuple[LayerLosses, ...]:
    """Of what should learn, the losses that its layers add, where the user's own code makes the loss."""
    owners = [run.subject.model] if run.subject.model is not None else run.subject.learners
    if not objective.is_of_user or run.is_symbolic:
        return ()
    return layer_losses.of_models(run, [owner for owner in owners if isinstance(owner, keras.Layer)])


def _of_key(tape: Any, loss: Any, value: Any, slope: Any | None) -> Any | None:
    """The gradient of one input key.

    The tape over all gives it for next to nothing. Where it gives none, the key's own tape has the last word.
    """
    return slope if slope is not None else backprop.gradients(tape, loss, [value])[0]


def _tensor_of(loss: Any) -> Any:
    if tf.is_tensor(loss) or isinstance(loss, (int, float, np.number, np.ndarray)):
        return tf.convert_to_tensor(loss)
    raise ModelRunError(f"the loss must be a float tensor, but it is a {type(loss).__name__}")
