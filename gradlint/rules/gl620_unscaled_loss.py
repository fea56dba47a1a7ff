"""GL620 unscaled-loss: half precision without loss scaling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a loop that never scales its loss although the file wraps the optimizer in a `LossScaleOptimizer` or sets a
float16 policy.

## Why it matters

A half-precision gradient under 6e-8 is zero. The optimizer divides by the scale, so a loss that was never multiplied
gives updates that are thousands of times too small.

## Example

```python
optimizer = keras.optimizers.LossScaleOptimizer(inner)
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)   # GL620
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
    scaled = optimizer.scale_loss(loss)
gradients = tape.gradient(scaled, model.trainable_variables)
```

## What to do

Keras 3: differentiate `optimizer.scale_loss(loss)`; `apply` unscales. Keras 2: `get_scaled_loss` and
`get_unscaled_gradients`.

## Known limits

`mixed_bfloat16` needs no scale and is quiet.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per optimizer that unscales gradients of a loss which nobody scaled."""
    if facts.step is None or facts.flow is None:
        return
    step = facts.step.record
    behind = facts.flow.ancestors(target for call in step.calls for target in call.targets)
    for update in step.updates:
        if update.scaled is not None and not behind & set(update.scale):
            yield RULE.finding(
                f"{update.optimizer} divides the gradients by its loss scale, and no loss that is differentiated was "
                "multiplied by it",
                variables=tuple(pair.variable for pair in update.pairs),
                cause=at(update.frames[0] if update.frames else None),
                position=update.first,
            )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per loop in half precision that does not scale its loss."""
    from gradlint.source.steps import unscaled_losses

    for value, why in unscaled_losses(module):
        yield RULE.in_source(module, value, f"{why}, and the loss is never scaled")


RULE = Rule(
    code="GL620",
    name="unscaled-loss",
    loses=Consequence.HINDERED,
    advice="Scale the loss inside the tape and unscale the gradients, or use `optimizer.scale_loss`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
