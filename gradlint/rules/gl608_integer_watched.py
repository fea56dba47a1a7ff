"""GL608 integer-watched: a tape watches integers."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a tensor or variable of integer dtype that a tape watches or differentiates.

## Why it matters

Gradients exist for floating-point and complex numbers only. TensorFlow logs one line about the dtype, and the gradient
is None. `tf.constant(3)` is an integer; `tf.constant(3.0)` is not.

## Example

```python
x = tf.constant(3)                                   # an int32
with tf.GradientTape() as tape:
    tape.watch(x)                                    # GL608
    y = x * x
```

```python
x = tf.constant(3.0)
```

## What to do

Write the number with a point, or cast with `tf.cast(x, tf.float32)` before the block.

## Known limits

The dtype must stand in the source, as a literal or as an argument.
"""


RULE = Rule(
    code="GL608",
    name="integer-watched",
    severity=Severity.ERROR,
    advice="Use a floating-point dtype for what is differentiated.",
    doc=DOC,
    since="0.2.0",
)
