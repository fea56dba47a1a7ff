"""Neutral data: random arrays in place of the sample's, which tell whether the sample or the model is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from gradlint.experiments.taped import from_data, taped
from gradlint.operations import Trait, has
from gradlint.passes.otherdata import Drawn, OtherData
from gradlint.record.reduction import gradient_of
from gradlint.record.subject import is_constant, masks_of_padding, random_like
from gradlint.result import GradientState
from gradlint.upstream import backprop, eager

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from gradlint.record.recording import Recording
    from gradlint.record.runner import Runner
    from gradlint.record.trace import Trace


class NeutralData:
    """One subject on random data of the sample's own form.

    Args:
        runner: of the subject.
        recording: the run whose operations are asked about.
    """

    def __init__(self, runner: Runner, recording: Recording) -> None:
        self._runner, self._recording = runner, recording

    def __call__(self, positions: Collection[int]) -> Iterator[OtherData]:
        """As `gradlint.passes.otherdata.Neutral` has it; a draw that the subject does not take is left out."""
        inputs = self._runner.subject.inputs
        for drawn in (Drawn.OWN_SCALE, Drawn.UNIT_SCALE, Drawn.WIDE):
            is_new = drawn is Drawn.OWN_SCALE or any(map(_is_float, inputs.values()))
            found = self._tried(drawn, tuple(inputs), positions) if is_new else None
            if found is not None:
                yield found

    def filled(self) -> OtherData | None:
        """A run on random numbers where an input holds zeros alone; None where none does.

        Another constant, such as a mask of ones, is data like any other.
        """
        inputs = self._runner.subject.inputs.items()
        empty = tuple(key for key, array in inputs if is_constant(array) and not np.any(np.asarray(array)))
        return self._tried(Drawn.EMPTY, empty, ()) if empty else None

    def _tried(self, drawn: Drawn, keys: tuple[str, ...], positions: Collection[int]) -> OtherData | None:
        subject, generator = self._runner.subject, np.random.default_rng(0)
        inputs, labels = dict(subject.inputs), dict(subject.labels)
        kept = masks_of_padding(inputs)
        inputs |= {
            key: random_like(inputs[key], generator, drawn.spread, drawn.times) for key in keys if key not in kept
        }
        if drawn is not Drawn.EMPTY:
            labels = {name: random_like(label, generator) for name, label in labels.items()}
        run = self._runner.run(inputs, labels=labels)
        with run.isolated():
            found = taped(run)
            if found is None:
                return None
            slopes = backprop.gradients(found.tape, found.loss, found.sources)
            gradients = zip(found.names, map(gradient_of, slopes), strict=True)
            norms = {n: g.norm for n, g in gradients if g.state is GradientState.FINITE and g.norm is not None}
            zeroed: Mapping[int, int] = {}
            if [op.type for op in run.trace.ops] == [op.type for op in self._recording.ops]:
                behind = from_data(run.trace, found.batch, keys)
                born = ((position, _where_zeroed(run.trace, position, behind)) for position in positions)
                zeroed = {position: place for position, place in born if place is not None}
        return OtherData(drawn, keys, norms, zeroed)


def _is_float(value: Any) -> bool:
    return not hasattr(value, "row_splits") and np.asarray(value).dtype.kind == "f"


def _where_zeroed(trace: Trace, position: int, behind: Collection[int]) -> int | None:
    """The operation that makes zeros of data, on the way to one that zeros go into; None where none does.

    Args:
        trace: of a run on random data.
        position: of the operation that zeros go into.
        behind: tensors that depend on the data.
    """
    op, found = trace.ops[position], None
    while (index := next((i for i in op.inputs if i in behind and _is_zero(trace.tensors[i])), None)) is not None:
        found = trace.producers[index]
        if found is None:
            return None
        op = trace.ops[found]
    # A slice of what is zero in part has made nothing.
    while found is not None and has(trace.ops[found].type, Trait.SLICES):
        found = trace.producers[trace.ops[found].inputs[0]]
    return found


def _is_zero(tensor: Any) -> bool:
    if tensor is None or tensor.dtype.name in ("resource", "variant", "string"):
        return False
    array = eager.array_of(tensor)
    return array.size > 0 and not array.any()
