"""A run on symbols: the model is called, and nothing is computed or allocated, whatever its size."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import keras

from gradlint.errors import ModelRunError
from gradlint.record import source, tensors
from gradlint.record.firststep import rates_of
from gradlint.record.objective import Batch, Objective
from gradlint.record.reading import readers_of
from gradlint.record.recording import LeftOut, LossRecord
from gradlint.record.run import ONE_AT_A_TIME, Run
from gradlint.record.runner import recorded
from gradlint.record.start import Start
from gradlint.record.terms import Omission, is_float
from gradlint.upstream import backprop, eager, models, restoring, symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.load.spec import ArraySpec
    from gradlint.record.recording import Recording
    from gradlint.record.subject import Subject


@dataclass(slots=True)
class _SymbolicRun(Run):
    """A run whose inputs and labels are described, not given: their values are `ArraySpec`s."""

    is_live: bool = False
    scope: Any = field(default=None)
    losses: list[Any] | None = field(default=None)
    """What the model's own `train_step` has differentiated by variables, while it runs."""

    @property
    def is_symbolic(self) -> bool:
        return True

    @contextlib.contextmanager
    def isolated(self) -> Iterator[None]:
        with (
            ONE_AT_A_TIME,
            warnings.catch_warnings(),
            restoring.restored([], lambda variable: False),
            restoring.optimizers_disarmed(),
            symbols.on_symbols() as self.trace.graph,
            backprop.on_gradient_of_variables(self._take_loss),
        ):
            warnings.simplefilter("ignore")
            self.scope = symbols.SymbolicScope(self.is_live, self._read, self.trace.assigned_symbol)
            with self.scope:
                yield

    def _read(self, variable: Any, symbol: Any) -> None:
        trace = self.trace
        trace.variables.setdefault(eager.tensor_id(symbol), (variable, trace.calls.layer, trace.calls.region))

    def _take_loss(self, target: Any, sources: list[Any]) -> None:
        if self.losses is None:  # It is the gradient function of somebody's that asks a tape.
            return
        self.losses.extend(keras.tree.flatten(target))
        self.trace.tapes.asked.update(eager.tensor_id(self.handle(variable)) for variable in sources)

    def forward(self, batch: Batch) -> tuple[Any, Any, Objective]:
        """As of any run; of a model with a `train_step` of its own, that step, and the losses that it differentiates.

        Which of them its tapes have seen cannot be told: a tape knows a variable by its handle, and symbols have none.
        """
        model = self.subject.model
        if getattr(self.subject, "loss", None) is not None or not models.has_own_step(model):
            return Run.forward(self, batch)
        self.losses = []
        model.train_step(self.step_data(batch))
        targets = [target for target in self.losses if is_float(target.dtype.name)]
        self.losses = None
        if not targets:
            raise ModelRunError(
                f"{type(model).__name__}.train_step ran, but no tape.gradient() was seen in it; "
                "pass --loss to say what to differentiate"
            )
        in_turns = source.trains_in_turns(type(model), "train_step")
        self.left_out = self._resting(in_turns)
        unseen = "another call of train_step, which chooses what it trains" if in_turns else ""
        file, line = source.definition_of(type(model), "train_step")
        described = f"the losses of {type(model).__name__}.train_step"
        record = LossRecord("train_step", described, file=file, line=line, unseen=unseen)
        return {}, tensors.total(targets, self.seed), Objective(record, is_of_user=True)

    def _resting(self, in_turns: bool) -> dict[int, LeftOut]:
        """The variables that the step reads, or may read another time, and asks no tape for."""
        trace, readers = self.trace, readers_of(self.trace)
        keys = {eager.tensor_id(handle): handle for handle in map(self.handle, self.learning())}
        return {
            key: LeftOut(Omission.RESTING, in_turns)
            for key, handle in keys.items()
            if key not in trace.tapes.asked and (in_turns or any(i in readers for i in trace.versions(handle)))
        }

    def batch(self) -> Batch:
        subject = self.subject
        weight = subject.sample_weight
        return Batch(
            {key: _symbol(array) for key, array in self.inputs.items()},
            subject.structure,
            {name: _symbol(array) for name, array in self.labels.items()},
            None if weight is None else keras.tree.map_structure(_symbol, weight),
        )

    def handle(self, variable: Any) -> Any:
        return self.scope.symbol_of(variable) if isinstance(variable, keras.Variable) else variable.handle

    def learning(self) -> list[Any]:
        found: dict[int, Any] = {}
        for owner in self.subject.owners:
            for variable in getattr(owner, "variables", [owner]):
                if is_float(tensors.dtype_of(variable)):
                    found.setdefault(id(variable), variable)
        return list(found.values())


def _symbol(array: ArraySpec) -> Any:
    dtype = keras.config.floatx() if array.dtype == "float64" else array.dtype
    return symbols.symbol(array.shape, dtype)


def record_symbols(subject: Subject, *, is_live: bool, trace_returns: bool = False) -> Recording:
    """Write down what a model would do, without a single value.

    Args:
        subject: its inputs, labels and sample weights are `ArraySpec`s.
        is_live: the model belongs to somebody; variables that it creates on the way get values.
        trace_returns: also find out from which line each of the user's layers returned.

    Raises:
        ModelRunError: the model needs values to run, or its own code fails; the message says where.
    """
    start = Start(rates=rates_of(subject.model))  # In the scope of the run a rate is a symbol.
    run = _SymbolicRun(subject, subject.inputs, subject.labels, subject.seed, is_live)
    with run.isolated():
        try:
            return replace(recorded(run, trace_returns), start=start)
        except ModelRunError as error:
            if isinstance(error.__cause__, AttributeError) and models.is_compiled_in_name_only(subject.model):
                raise  # Values would not help.
            raise _untraceable(error) from error


def _untraceable(error: ModelRunError) -> ModelRunError:
    return ModelRunError(f"{error}; --depth structure runs the model without values, use --depth values")
