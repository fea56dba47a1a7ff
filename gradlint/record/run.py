"""One run of a subject: forward under the recorder, with everything put back afterwards."""

from __future__ import annotations

import contextlib
import threading
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.load.spec import SAMPLE_WEIGHT
from gradlint.record import tensors
from gradlint.record.objective import Batch, Objective, objective_of
from gradlint.record.recording import LeftOut, LossRecord
from gradlint.record.subject import FunctionSubject, ModelSubject
from gradlint.record.terms import is_float
from gradlint.record.trace import Trace
from gradlint.upstream import backprop, eager, models, restoring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gradlint.record.subject import Subject


# What a run patches belongs to the whole process: a second check waits for the first.
ONE_AT_A_TIME = threading.RLock()


@dataclass(slots=True)
class Run:
    """One run in the making."""

    subject: Subject
    inputs: Mapping[str, Any]
    labels: Mapping[str, Any]
    seed: int
    trace: Trace = field(init=False)
    left_out: Mapping[int, LeftOut] = field(init=False, default_factory=dict)
    """What a step of the user's own does not train, by handle id."""
    is_first: bool = field(init=False, default=False)
    """Whether optimizer, labels and data are looked at as well: once in a check is enough."""
    own: set[int] = field(init=False, default_factory=set)
    """Ids of the handles of variables that go when the run ends, or that it restores by itself."""

    def __post_init__(self) -> None:
        self.trace = Trace(__file__, self.subject.model, None if self.is_symbolic else self.subject.room)

    @property
    def is_symbolic(self) -> bool:
        """Whether nothing is computed in this run."""
        return False

    @property
    def outside(self) -> str:
        """What is run beside the model, in words."""
        return "the loss"

    def handle(self, variable: Any) -> Any:
        """What the tapes know a variable by."""
        return eager.handle_of(variable)

    @contextlib.contextmanager
    def isolated(self) -> Iterator[None]:
        """Leave the model, its optimizer, metrics and seeds, and every global state, as they were."""

        def is_assigned(variable: Any) -> bool:
            return eager.tensor_id(variable.handle) in self.trace.assigned

        listed = self._all_variables()
        self.own.update(listed)
        variables = list(listed.values())
        with (
            ONE_AT_A_TIME,
            warnings.catch_warnings(),
            restoring.restored(variables, is_assigned),
            restoring.assigned_restored(self.own, self.trace.paused),  # such as the state of a stateful RNN
            restoring.optimizers_disarmed(),
            backprop.python_functions_differentiable_twice(),
        ):
            warnings.simplefilter("ignore")
            for state in restoring.fresh_seeds(self.seed, variables):
                self.trace.assigned.add(eager.tensor_id(state.handle))
            yield

    def _all_variables(self) -> dict[int, Any]:
        """The variables that the models list, by the id of the handle."""
        found: dict[int, Any] = {}
        for owner in self.subject.owners:
            for variable in tensors.variables_of(owner):
                handle = getattr(eager.tf_variable(variable), "handle", None)
                if handle is not None:
                    found[eager.tensor_id(handle)] = variable
        return found

    def batch(self) -> Batch:
        subject = self.subject
        weight = subject.sample_weight
        if weight is not None:
            weight = keras.tree.map_structure(tf.convert_to_tensor, weight)
        return Batch(
            {key: tensors.tensor(value, self._input_dtype(key)) for key, value in self.inputs.items()},
            subject.structure,
            {name: tensors.tensor(value) for name, value in self.labels.items()},
            weight,
        )

    def _input_dtype(self, key: str) -> str | None:
        """Keras casts floats to the model's input dtype before the first layer; the tape must start after that."""
        array = self.inputs[key]
        is_double = isinstance(array, np.ndarray) and array.dtype == np.float64
        return str(keras.config.floatx()) if is_double else None

    def forward(self, batch: Batch) -> tuple[Any, Any, Objective]:
        """Run model and loss under the recorder; gives outputs, loss and how the loss came about."""
        subject = self.subject
        if isinstance(subject, FunctionSubject):
            given = {**batch.inputs, **{subject.label_keys[n]: y for n, y in batch.labels.items()}}
            if batch.sample_weight is not None:
                given[SAMPLE_WEIGHT] = batch.sample_weight
            loss = subject.function(given)
            name = getattr(subject.function, "__name__", type(subject.function).__name__)
            return {}, loss, Objective(LossRecord("callable", f"what {name} returns"), is_of_user=True)
        assert isinstance(subject, ModelSubject)  # A step that was observed runs no second time.
        objective = objective_of(subject.model, batch, subject.loss, subject.seed)
        args, kwargs = batch.packed(subject.model)
        outputs = subject.model(*args, training=subject.training, **kwargs)
        loss = objective.compute(batch, args[0] if args else kwargs, outputs, subject.training)
        return outputs, loss, objective

    def call_model(self, batch: Batch) -> Any:
        """The outputs of the model."""
        args, kwargs = batch.packed(self.subject.model)
        return self.subject.model(*args, training=self.subject.training, **kwargs)

    def step_data(self, batch: Batch) -> Any:
        """What `train_step` takes."""
        args, _ = batch.packed(self.subject.model)
        labels = batch.labels.get("") if set(batch.labels) == {""} else dict(batch.labels) or None
        if labels is None and batch.sample_weight is None:
            # As Keras's pack_x_y_sample_weight: only what would be taken for a tuple of the three is wrapped.
            return (args[0],) if isinstance(args[0], (list, tuple)) else args[0]
        data = (args[0],) if labels is None else (args[0], labels)
        return data if batch.sample_weight is None else (*data, batch.sample_weight)

    def watched(self, batch: Batch) -> tuple[dict[str, Any], list[Any]]:
        floats = {key: tensor for key, tensor in batch.inputs.items() if is_float(tensor.dtype.name)}
        floats = {key: tensors.numbers(tensor) for key, tensor in floats.items()}
        return floats, [self.handle(v) for v in self.learning() if v.trainable]

    def learning(self) -> list[Any]:
        """All variables of the model and of what else should learn, without doubles, Keras's own order."""
        found: dict[int, Any] = {}
        for owner in self.subject.owners:
            for variable in getattr(owner, "variables", [owner]):
                if is_float(tensors.dtype_of(variable)) and hasattr(eager.tf_variable(variable), "handle"):
                    found.setdefault(eager.tensor_id(eager.handle_of(variable)), variable)
        return list(found.values())

    @property
    def is_frozen(self) -> bool:
        """Whether the model, whatever its layers say, has no trainable variables."""
        return isinstance(self.subject, ModelSubject) and not self.subject.model.trainable

    def build(self, batch: Batch) -> None:
        """Let a model that has never been called create its variables before the recorder looks.

        Their first values are assigned, which would look like values that pass through a variable.
        """
        subject = self.subject
        owners = (subject.model,) if isinstance(subject, ModelSubject) else subject.learners
        if all(models.is_built(owner) for owner in owners if isinstance(owner, keras.Layer)):
            return
        if not isinstance(subject, ModelSubject):
            self._build_by(lambda: self.forward(batch))
            return
        with contextlib.suppress(Exception):  # The recorded run meets the same error and tells it.
            self.call_model(batch)
        if models.is_built(subject.model):
            return
        if models.has_own_step(subject.model):  # networks that only it calls: a GAN's generator
            self._build_by(lambda: subject.model.train_step(self.step_data(batch)))

    def _build_by(self, call: Callable[[], object]) -> None:
        """Run what also assigns to variables that are there, which is no detour either."""
        self.trace.assigned.update(eager.tensor_id(self.handle(variable)) for variable in self.learning())
        with contextlib.suppress(Exception):
            call()

    def introduce(self, batch: Batch) -> None:
        """Make inputs, labels and variables known to the recorder before anything uses them."""
        for tensor in [*batch.inputs.values(), *batch.labels.values()]:
            for part in tensors.components(tensor):
                self.trace.index(part)
        for variable in self.learning():
            self.trace.index(self.handle(variable))

    def reached(self, starts: Sequence[Any], handles: Sequence[Any]) -> list[int]:
        """Indices of the float tensors that watched tensors and variables lead to, in forward order."""
        trace = self.trace
        first = [
            *(trace.index(tensor) for tensor in starts),
            *(i for handle in handles for i in trace.versions(handle)),
        ]
        return [
            index
            for index in sorted(trace.made_of(first))
            if trace.tensors[index] is not None
            and (is_float(trace.tensors[index].dtype.name) or trace.tensors[index].dtype == tf.resource)
        ]

    def keys_behind(self, indices: Sequence[int], batch: Batch) -> tuple[str, ...]:
        trace = self.trace
        behind = set(indices)
        for position in range(len(trace.ops) - 1, -1, -1):
            op = trace.ops[position]
            if any(index in behind for index in op.outputs):
                behind.update(op.inputs)
        return tuple(
            key
            for key, tensor in batch.inputs.items()
            if any(trace.index(part) in behind for part in tensors.components(tensor))
        )

    def paths(self) -> list[str]:
        """A path for each variable of `learning()`, each another."""
        return tensors.unique_paths(self.learning(), list(self.subject.owners))

    def loss_only(self, variable: Any, step: Any) -> float:
        """The loss, with one variable moved by a step; NaN when the run fails."""
        return self.loss_after([(variable, step)] if variable is not None else [])

    def loss_after(self, steps: Sequence[tuple[Any, Any]]) -> float:
        """The loss, with `tf.Variable`s moved by a step each; NaN when the run fails."""
        with self.isolated():
            for variable, step in steps:
                self.trace.assigned.add(eager.tensor_id(variable.handle))
                variable.assign_add(step)
            try:
                with self.trace.recording():
                    _, loss, _ = self.forward(self.batch())
            except Exception:
                return float("nan")
            return float(tf.reduce_sum(tf.cast(loss, tf.float64)))
