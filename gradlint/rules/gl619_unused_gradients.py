"""GL619 unused-gradients: gradients are computed and dropped."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports gradients that are computed and then neither applied nor used.

## Why it matters

The backward pass costs twice the forward pass, and the model does not learn: usually the line that applies
the gradients is missing.

## Example

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)   # GL619
```

```python
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Add the line that applies them, or remove the tape.

## Known limits

Gradients that are returned, stored, printed or handed on in any way are quiet.
"""


RULE = Rule(
    code="GL619",
    name="unused-gradients",
    severity=Severity.WARNING,
    advice="Apply the gradients, or do not compute them.",
    doc=DOC,
    since="0.2.0",
)
