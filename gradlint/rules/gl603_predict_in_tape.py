"""GL603 predict-in-tape: predict runs a loop that no tape sees."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports `predict`, `predict_on_batch` or `evaluate` of a model between its
variables and the loss of a tape.

## Why it matters

`predict` runs a loop of its own over batches and returns NumPy arrays. The tape sees none of it, so no gradient
comes through.

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


RULE = Rule(
    code="GL603",
    name="predict-in-tape",
    severity=Severity.ERROR,
    advice="Call the model, `model(x, training=True)`, instead of `model.predict(x)`.",
    doc=DOC,
    since="0.2.0",
)
