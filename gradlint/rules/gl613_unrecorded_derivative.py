"""GL613 unrecorded-derivative: the second derivative of a first one that no tape saw."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a derivative of a derivative that is asked of a tape which did not see the first one.

## Why it matters

A gradient is differentiable only for a tape that recorded how it was computed. Asked after the block, the
tape knows nothing about its own result, and the second derivative is None.

## Example

```python
with tf.GradientTape(persistent=True) as tape:
    y = x * x * x
g = tape.gradient(y, x)
h = tape.gradient(g, x)                              # GL613: None
```

```python
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = x * x * x
    g = inner.gradient(y, x)
h = outer.gradient(g, x)
```

## What to do

Nest two tapes and take the first derivative inside of the outer block, after the inner one.

## Known limits

Tapes whose blocks the file does not show are left alone.
"""


RULE = Rule(
    code="GL613",
    name="unrecorded-derivative",
    severity=Severity.ERROR,
    advice="Take the first derivative inside the block of the tape that takes the second.",
    doc=DOC,
    since="0.2.0",
)
