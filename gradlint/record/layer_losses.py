"""The losses that layers add, and whether the user's own step or loss reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras

from gradlint.record.recording import LayerLosses
from gradlint.record.step_record import beside
from gradlint.upstream import eager, steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.record.ledger import Op
    from gradlint.record.run import Run
    from gradlint.record.step_record import Frames


def of_step(run: Run, asked: set[int], frames: Frames, makers: Sequence[Op]) -> tuple[LayerLosses, ...]:
    """Of each model that a step calls and trains, the losses that its layers add.

    Args:
        run: of the step.
        asked: ids of the handles by which a tape was asked.
        frames: of the user's code that asks it.
        makers: the operations that give what is differentiated.
    """
    models: dict[int, Any] = {}
    for call in run.trace.calls.all:
        model = call.operation
        if not isinstance(model, keras.Layer) or any(id(model) in _ids(known) for known in models.values()):
            continue
        if asked & {eager.tensor_id(eager.handle_of(variable)) for variable in model.trainable_variables}:
            models[id(model)] = model
    found = of_models(run, list(models.values()), frames)
    return tuple(_at_loss(entry, frames, makers) for entry in found)


def _at_loss(entry: LayerLosses, frames: Frames, makers: Sequence[Op]) -> LayerLosses:
    """The same at the line of the loss, where it is made between the call of the model and the question to the tape."""
    asked = next((frame.line for frame in frames if frame.file == entry.file), None)
    lines = [op.line for op in makers if op.file == entry.file and op.line is not None]
    line = max(lines, default=None)
    if entry.line is None or asked is None or line is None or not entry.line < line < asked:
        return entry
    return replace(entry, line=line)


def of_models(run: Run, models: Sequence[Any], frames: Frames = ()) -> tuple[LayerLosses, ...]:
    """The losses that the layers of some models have added in a run.

    Args:
        run: has just run.
        models: whose losses are meant to be read.
        frames: of the user's code that asks a tape, or that makes the loss.
    """
    trace = run.trace
    paths = {id(variable): path for path, variable in zip(run.paths(), run.learning(), strict=True)}
    read = {part for layer, _ in trace.losses_read for part in _ids(layer)}
    found = []
    for model in models:
        parts = _ids(model)
        call = next((call for call in trace.calls.all if id(call.operation) in parts), None)
        owners = [part for part in steps.layers_of(model) if steps.adds_losses(part)]
        if call is None or not owners:
            continue
        place = beside(call.frames, frames) or (call.frames[0] if call.frames else frames[0] if frames else None)
        found.append(
            LayerLosses(
                str(model.name),
                tuple(str(part.name) for part in owners),
                tuple(paths[id(v)] for part in owners for v in steps.regularised(part) if id(v) in paths),
                all(id(part) in read for part in owners),
                tuple(index for layer, indices in trace.losses_read if _ids(layer) & parts for index in indices),
                place.file if place is not None else None,
                place.line if place is not None else None,
            )
        )
    return tuple(found)


def _ids(layer: Any) -> set[int]:
    return {id(part) for part in steps.layers_of(layer)}
