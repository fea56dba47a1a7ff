"""Trial: what the loss gives when it is scaled as the compiled optimizer would scale it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.record.reduction import gradient_of
from gradlint.result import GradientState
from gradlint.upstream import backprop

if TYPE_CHECKING:
    from gradlint.record.runner import Runner


def alive_when_scaled(runner: Runner) -> frozenset[str]:
    """The float inputs and trainable variables with a gradient under the loss scale of the compiled optimizer.

    Half precision rounds small gradients to zero; `LossScaleOptimizer` multiplies the loss before they are taken.
    """
    optimizer = getattr(runner.subject.model, "optimizer", None)
    if optimizer is None or not hasattr(optimizer, "inner_optimizer"):
        return frozenset()
    run = runner.run()
    with run.isolated():
        batch = run.batch()
        floats, handles = run.watched(batch)
        paths = [p for p, variable in zip(run.paths(), run.learning(), strict=True) if variable.trainable]
        sources = [*floats.values(), *handles]
        with backprop.taped(sources) as tape:
            try:
                with run.trace.recording():
                    _, loss, _ = run.forward(batch)
            except Exception:
                return frozenset()  # The run that is judged has told what is wrong.
            scaled = optimizer.scale_loss(loss)
        slopes = backprop.gradients(tape, scaled, sources)
    states = (gradient_of(slope).state for slope in slopes)
    return frozenset(
        name for name, state in zip([*floats, *paths], states, strict=True) if state is GradientState.FINITE
    )
