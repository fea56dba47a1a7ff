"""A run on symbols: the model is called, and nothing is computed or allocated, whatever its size."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import keras

from gradlint.errors import ModelRunError
from gradlint.record import tensors
from gradlint.record.firststep import rates_of
from gradlint.record.objective import Batch
from gradlint.record.recording import is_float
from gradlint.record.run import ONE_AT_A_TIME, Run
from gradlint.record.runner import recorded
from gradlint.record.start import Start
from gradlint.record.tapes import Asked
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
        if not self.trace.tapes.captures_losses:
            return
        self.trace.tapes.losses.extend(keras.tree.flatten(target))
        for variable in sources:  # What the step's own tape has, nobody can tell.
            key = eager.tensor_id(self.handle(variable))
            self.trace.tapes.asked[key] = Asked(is_asked=True, is_given=True)

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
