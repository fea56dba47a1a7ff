"""GL606 rebound-variable: a variable's name is bound to a tensor."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a `tf.Variable` whose name is bound to the result of an expression (`w = w - lr * g`) in the loop that
takes its gradient.

## Why it matters

`w - lr * g` is a tensor. From the second turn on the tape, which watches variables by itself, watches nothing, the
gradient is None, and the next line fails or the loop learns nothing.

## Example

```python
w = tf.Variable(1.0)
for _ in range(100):
    with tf.GradientTape() as tape:
        loss = tf.square(w - 3.0)
    g = tape.gradient(loss, w)
    w = w - 0.1 * g                                  # GL606: a tensor from here on
```

```python
    w.assign_sub(0.1 * g)
```

## What to do

Use `assign`, `assign_sub` or `assign_add`, or an optimizer.

## Known limits

Names that are bound to a new `tf.Variable`, watched in the block, or hold lists are quiet.
"""


RULE = Rule(
    code="GL606",
    name="rebound-variable",
    severity=Severity.ERROR,
    advice="Update the variable in place: `w.assign_sub(lr * g)`.",
    doc=DOC,
    since="0.2.0",
)
