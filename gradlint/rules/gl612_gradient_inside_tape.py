"""GL612 gradient-inside-tape: the tape records its own gradient for nothing."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Points at a `gradient` that stands inside the block of its own persistent tape without being
differentiated again.

## Why it matters

The tape goes on recording: the backward pass is recorded as well, which costs memory and time, for nothing
as long as nobody differentiates it.

## Example

```python
with tf.GradientTape(persistent=True) as tape:
    loss = loss_fn(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)   # GL612
```

```python
with tf.GradientTape(persistent=True) as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Move the line out of the block.

## Known limits

Quiet when the result is used in the block or asked for again: that is how second derivatives and gradient
penalties are made.
"""


RULE = Rule(
    code="GL612",
    name="gradient-inside-tape",
    severity=Severity.INFO,
    advice="Ask for the gradient after the block, unless it is differentiated again.",
    doc=DOC,
    since="0.2.0",
)
