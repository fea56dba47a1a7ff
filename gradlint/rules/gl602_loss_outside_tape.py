"""GL602 loss-outside-tape: the loss is computed outside of the tape's block."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a loss that is computed outside of the block of the tape that is asked for its gradient.

## Why it matters

The tape records until its block ends. What is computed after it, or was computed before, has no path
to anything the tape knows: the gradient is None for every variable.

## Example

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
loss = loss_fn(y, prediction)                        # GL602: the block has ended
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
    loss = loss_fn(y, prediction)
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Indent the computation of the loss so that it stands in the block, all of it: a mean or a weight applied after
the block is outside as well.

## Known limits

A tape that an outer tape's block encloses, one that is entered again, handed to another function or kept in
an attribute is left alone in the source, since the file does not show when it records.
"""


RULE = Rule(
    code="GL602",
    name="loss-outside-tape",
    severity=Severity.ERROR,
    advice="Compute the loss inside the `with` block of the tape.",
    doc=DOC,
    since="0.2.0",
)
