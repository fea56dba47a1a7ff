"""Where a proposed cause is tested: every experiment on one subject, which is the same afterwards."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlint.experiments import differences, independence, trial
from gradlint.experiments.alterations import with_probabilities
from gradlint.experiments.bridge import Bridge
from gradlint.experiments.elements import elements
from gradlint.experiments.leaks import first_difference, is_by_state, mixing_of_samples, mixing_of_steps
from gradlint.experiments.neutral import NeutralData
from gradlint.experiments.rounding import rounding
from gradlint.experiments.vary import Draws
from gradlint.passes.facts import Experiments
from gradlint.record.calls import UnwantedCallError
from gradlint.record.firststep import scaled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from gradlint.experiments.trial import Trial
    from gradlint.passes.otherdata import OtherData
    from gradlint.record.leak import Leak
    from gradlint.record.recording import Recording
    from gradlint.record.run import Run
    from gradlint.record.runner import Runner
    from gradlint.record.start import Start


_SAME_LOSS = 1e-5
"""Relative change of a loss up to which it counts as the same: float32 sums in another order differ by less."""

_DRAWS = 4
"""Runs with another seed after which what is always the same counts as no matter of chance."""


def _same_place(one: Leak, other: Leak) -> bool:
    """Whether two operations are of one layer; outside of layers, of one line, which those of one class share."""
    first, second = sorted((one.layer, other.layer), key=len)
    if first:
        return f"{second}/".startswith(f"{first}/")
    return (one.file, one.line) == (other.file, other.line) and one.line is not None


class Laboratory:
    """The experiments on one subject."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def experiments(self, recording: Recording) -> Experiments:
        """Those that passes ask for, on a run."""
        bridge = self.bridge(recording)
        return Experiments(
            bridge,
            self.neutral(recording),
            self.alive_alone,
            self.is_blind_to_rows,
            self.finite_with_probabilities,
            lambda: trial.finite_scale(self._runner),
            lambda: rounding(self._runner, recording),
            lambda positions, path, tensor: elements(self._runner, bridge, positions, path, tensor),
        )

    def contradicted(self, keys: Sequence[str], paths: Sequence[str]) -> frozenset[str]:
        """Those inputs and variables with a zero gradient with which the loss moves all the same."""
        return differences.contradicted(self._runner, keys, paths)

    def bridge(self, recording: Recording) -> Bridge:
        """The experiment that lets the gradient of a run through operations that stop it."""
        return Bridge(self._runner, recording)

    def neutral(self, recording: Recording) -> NeutralData:
        """The experiment that replaces arrays of the sample by random ones."""
        return NeutralData(self._runner, recording)

    def filled(self, recording: Recording) -> OtherData | None:
        """A run with random numbers in place of the inputs that hold zeros alone; None where none does."""
        return self.neutral(recording).filled()

    def matters(self, key: str, axis: int, slices: Sequence[int]) -> bool:
        """Whether the loss changes with some slices of an input, gradient or not."""
        inputs = self._runner.subject.inputs

        def loss_on(array: Any) -> float:
            return self._runner.run({**inputs, key: array}).loss_only(None, None)

        return differences.matters(loss_on, np.asarray(inputs[key]), axis, slices)

    def after_updates(self, names: frozenset[str]) -> Trial:
        """A few updates with the compiled optimizer, until what has no gradient has one."""
        return trial.after_updates(self._runner, names)

    def finite_with_probabilities(self) -> bool:
        """Whether the loss is a number once a sigmoid stands behind the outputs; a function has none that are known."""
        if self._runner.subject.model is None:
            return False
        with with_probabilities(self._runner.subject.model):
            return math.isfinite(self._runner.run().loss_only(None, None))

    def alive_alone(self, paths: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """What has a gradient once a variable holds random values, for each of some variables."""
        return {path: trial.alive_with_random(self._runner, path) for path in paths}

    def draws(self, recording: Recording) -> Draws:
        """Runs with other seeds than that of a run."""
        return Draws(self._runner, recording)

    def alive_when_scaled(self) -> frozenset[str]:
        """The inputs and variables with a gradient under the loss scale of the compiled optimizer."""
        return trial.alive_when_scaled(self._runner)

    def draws_layers(self) -> bool:
        """Whether which layers are called is a matter of chance, as with a LayerDrop of the user's own.

        A run ends before it calls a layer that was never built: nothing makes the model other than it is.
        """
        unbuilt = frozenset(id(layer) for idle in self._runner.idle for layer in idle.layers)
        for number in range(_DRAWS):
            run = self._runner.run(seed=self._runner.subject.seed + 1 + number)
            run.trace.calls.unwanted = unbuilt
            try:
                with run.isolated(), run.trace.recording():
                    run.forward(run.batch())
            except UnwantedCallError:
                return True
            if run.trace.calls.operations != self._runner.called:
                return True
        return False

    def is_blind_to_rows(self, key: str) -> bool:
        """Whether the loss stays as it is when different rows of some labels, or of an input, change places."""
        subject = self._runner.subject
        name = next((name for name in subject.labels if subject.label_keys.get(name, name) == key), None)
        given = subject.inputs[key] if name is None else subject.labels[name]
        if hasattr(given, "row_splits"):
            return False
        rows = np.asarray(given)
        moved = np.roll(rows, 1, axis=0)
        if np.array_equal(moved, rows):
            return False
        if name is None:
            run = self._runner.run({**subject.inputs, key: moved})
        else:
            run = self._runner.run(labels={**subject.labels, name: moved})
        before, after = self._runner.run().loss_only(None, None), run.loss_only(None, None)
        return abs(before - after) <= _SAME_LOSS * abs(before)

    def with_scaled_inputs(self, start: Start, floats: Sequence[str]) -> Start:
        """A first step, with what its loss and its update are once float inputs are scaled by their own deviation.

        Args:
            start: the first step on the sample as it is.
            floats: keys of the inputs that the model takes as floats.
        """
        inputs, deviations = scaled(self._runner.subject.inputs, floats)
        if not deviations:
            return start
        recording = self._runner.record(inputs)
        if recording.loss.value is None or recording.start is None:
            return start
        return replace(
            start, scaled_loss=recording.loss.value, scaled_updates=recording.start.updates, scaled=deviations
        )

    def loss_after_update(self) -> float | None:
        """The loss of the sample after one update; NaN when the run fails, None when the optimizer makes none here."""
        update = trial.after_updates(self._runner, frozenset())
        return self._runner.run().loss_after(update.steps) if update.is_of_optimizer else None

    def leak_between_samples(self) -> Leak | None:
        """Where the samples of a batch begin to mix, in inference mode; None when each output stays its own."""
        inputs = self._runner.subject.inputs
        arrays = [np.asarray(value) for value in inputs.values() if not hasattr(value, "row_splits")]
        sizes = {array.shape[0] for array in arrays if array.ndim}
        if len(sizes) != 1 or min(sizes) < 2:
            return None
        size = sizes.pop()
        # An adjacency matrix beside another input says that the rows are the nodes of one graph.
        if len(inputs) > 1 and any(array.ndim == 2 and array.shape[1] == size for array in arrays):
            return None
        found = independence.between_samples(self._inference, inputs)
        if found is None:
            return None
        leak = self._located(found, lambda run: mixing_of_samples(run, found.at), 0, size)
        if leak is None:
            return None
        run = self._inference(inputs)
        with run.isolated():
            return replace(leak, is_state=is_by_state(run, found.at))

    def repeated_ahead(self) -> Mapping[str, str]:
        """Inputs whose next step is what the labels ask for at this one, each with the key of these labels."""
        subject = self._runner.subject
        return {
            key: subject.label_keys.get(name, name)
            for key, steps in subject.inputs.items()
            for name, labels in subject.labels.items()
            if not hasattr(steps, "row_splits") and independence.is_one_ahead(np.asarray(labels), np.asarray(steps))
        }

    def leak_from_later_steps(self, key: str, axis: int) -> Leak | None:
        """Where outputs begin to depend on later steps of an input, in inference mode; None when none does."""
        inputs = self._runner.subject.inputs
        found = independence.from_later_steps(self._inference, inputs, key, axis)
        if found is None:
            return None
        size = np.asarray(inputs[key]).shape[axis]
        return self._located(found, lambda run: mixing_of_steps(run, key, axis), axis, size)

    def _located(
        self, found: independence.Dependence, by_gradients: Callable[[Run], Leak | None], axis: int, size: int
    ) -> Leak | None:
        """Where a dependence begins: as the gradients have it, or as two runs differ."""
        inputs = self._runner.subject.inputs
        run = self._inference(inputs)
        with run.isolated():
            last = by_gradients(run)
        first = first_difference(self._inference(inputs), self._inference(found.inputs), found.at, axis, size)
        if first is None or (last is not None and _same_place(first, last)):
            leak = last  # Gradients tell the operation of a layer more exactly, and how far it sees.
        else:
            leak = replace(first, last=last, is_number=first.is_number and last is None)
        return None if leak is None else replace(leak, change=found.change)

    def _inference(self, inputs: Mapping[str, Any]) -> Run:
        return self._runner.run(inputs, training=False)
