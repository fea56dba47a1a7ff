"""A run of the subject under the recorder and one tape, for an experiment: nothing of it is written down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from gradlint.operations import Trait, has
from gradlint.record import tensors
from gradlint.upstream import backprop

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gradlint.record.objective import Batch
    from gradlint.record.run import Run
    from gradlint.record.trace import Trace


@dataclass(frozen=True, slots=True)
class Taped:
    """One forward pass.

    Attributes:
        batch: what went in.
        tape: persistent; watches the float inputs and all that should learn.
        names: keys of the float inputs and paths of the trainable variables.
        sources: what the tape knows each of them by, in the same order.
        inputs: how many of them are inputs; they come first.
        outputs: of the model.
        loss: as the subject computes it.
    """

    batch: Batch
    tape: Any
    names: Sequence[str]
    sources: Sequence[Any]
    inputs: int
    outputs: Any
    loss: Any


def taped(run: Run) -> Taped | None:
    """Run forward; None where the subject fails, which the run that is judged has told."""
    batch = run.batch()
    floats, handles = run.watched(batch)
    run.introduce(batch)
    paths = [path for path, variable in zip(run.paths(), run.learning(), strict=True) if variable.trainable]
    sources = [*floats.values(), *handles]
    with backprop.taped(sources) as tape:
        try:
            with run.trace.recording():
                outputs, loss, _ = run.forward(batch)
            loss = tf.convert_to_tensor(loss)
        except Exception:
            return None
    return Taped(batch, tape, [*floats, *paths], sources, len(floats), outputs, loss)


def from_data(trace: Trace, batch: Batch, keys: Iterable[str]) -> set[int]:
    """The tensors of a run that depend on some inputs."""
    found = {trace.index(part) for key in keys for part in tensors.components(batch.inputs[key])}
    for op in trace.ops:
        if not has(op.type, Trait.READS_SHAPE) and any(index in found for index in op.inputs):
            found.update(op.outputs)
    return found
