"""GL611 tape-asked-twice: a tape that is not persistent is asked twice."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports the second question to a tape that is not persistent.

## Why it matters

A tape that is not persistent frees what it recorded with the first `gradient` or `jacobian`. The second
raises a RuntimeError.

## Example

```python
with tf.GradientTape() as tape:
    g_loss, d_loss = losses(x)
g = tape.gradient(g_loss, generator.trainable_variables)
d = tape.gradient(d_loss, discriminator.trainable_variables)   # GL611
```

```python
with tf.GradientTape(persistent=True) as tape:
    g_loss, d_loss = losses(x)
```

## What to do

Use two tapes, one question with a list of lists as sources, or `persistent=True` and `del tape` afterwards.

## Known limits

Both questions must lie on one way through the function; those of different branches, or after a `reset`, are
quiet.
"""


RULE = Rule(
    code="GL611",
    name="tape-asked-twice",
    severity=Severity.ERROR,
    advice="Ask once for all sources, or open the tape with `persistent=True`.",
    doc=DOC,
    since="0.2.0",
)
