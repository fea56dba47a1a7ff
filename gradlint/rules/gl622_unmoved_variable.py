"""GL622 unmoved-variable: a gradient came and the variable did not move."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a trainable variable that is the same after the step although a gradient for it was computed.

## Why it matters

The backward pass is right and the variable does not learn: the gradient was not handed to an optimizer, the pair was
filtered out, the learning rate is zero, or a later line restores the value.

## Example

```python
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients[:2], model.trainable_variables[:2]))   # GL622: the rest stays
```

```python
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Apply all gradients that the step computes; look at the learning rate and at constraints.

## Known limits

Only seen at run time, by `check_step`.
"""


RULE = Rule(
    code="GL622",
    name="unmoved-variable",
    severity=Severity.WARNING,
    advice="Make sure that the optimizer that moves the variable gets its gradient.",
    doc=DOC,
    since="0.2.0",
)
