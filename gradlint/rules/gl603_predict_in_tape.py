"""GL603 predict-in-tape: predict runs a loop that no tape sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import target_of, without_gradient
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports `predict`, `predict_on_batch` or `evaluate` of a model between its
variables and the loss of a tape.

## Why it matters

`predict` runs a loop of its own over batches and returns NumPy arrays. The tape sees none of it, so no gradient
comes through.

Seen in public:

- https://github.com/tensorflow/tensorflow/issues/20630
- https://github.com/tensorflow/tensorflow/issues/38751

## Example

```python
with tf.GradientTape() as tape:
    prediction = model.predict(x)                    # GL603
    loss = loss_fn(y, prediction)
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
    loss = loss_fn(y, prediction)
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Call the model. `training=True` lets Dropout and BatchNormalization behave as in `fit`.

## Known limits

A `predict` whose value is only a target, a metric or a log line is quiet, and so is a class of this file that
defines a `predict` of its own.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    yield from without_gradient(
        RULE,
        facts,
        Reason.PREDICT,
        lambda entry: f"{target_of(entry)} is computed from the NumPy arrays of predict() or evaluate()",
    )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per `predict` on the way of values to a loss."""
    from gradlint.source.operations import Stop
    from gradlint.source.verdicts import stopped

    for verdict in stopped(module, Stop.PREDICT):
        name = verdict.value.callee.name
        yield RULE.in_source(
            module, verdict.value, f"`{name}` in the tape returns NumPy arrays: no gradient comes back through it"
        )


RULE = Rule(
    code="GL603",
    name="predict-in-tape",
    loses=Consequence.VARIABLES,
    advice="Call the model, `model(x, training=True)`, instead of `model.predict(x)`.",
    doc=DOC,
    check=check,
    in_models="GL105",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
