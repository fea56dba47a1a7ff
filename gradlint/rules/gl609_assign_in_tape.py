"""GL609 assign-in-tape: a value of the tape takes the way through a variable."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a value of the tape that is assigned to a variable and read from there on the way to the loss.

## Why it matters

A read of a variable starts at the variable: no tape goes back through `assign` to what was assigned. What
computed the value gets no gradient.

## Example

```python
with tf.GradientTape() as tape:
    state.assign(encoder(x))                         # GL609
    loss = tf.reduce_mean(tf.square(state - y))
gradients = tape.gradient(loss, encoder.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    value = encoder(x)
    loss = tf.reduce_mean(tf.square(value - y))
state.assign(value)
```

## What to do

Keep the value in a Python name and use that in the loss.

## Known limits

Counters and moving averages are quiet: they are not what the loss reads, or the loss has another path
to the variables.
"""


RULE = Rule(
    code="GL609",
    name="assign-in-tape",
    severity=Severity.ERROR,
    advice="Compute the loss from the value itself, and assign it to the variable afterwards.",
    doc=DOC,
    since="0.2.0",
)
