"""GL616 hidden-none: missing gradients are hidden."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports gradients whose missing entries are hidden before they are applied: `unconnected_gradients=ZERO`, or pairs
whose gradient is None filtered out.

## Why it matters

A gradient is None because no path leads to the variable. Hidden, the report of Keras, which would name the
variables, never comes, and they never learn.

## Example

```python
gradients = tape.gradient(loss, model.trainable_variables)
pairs = [(g, v) for g, v in zip(gradients, model.trainable_variables) if g is not None]   # GL616
optimizer.apply_gradients(pairs)
```

```python
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Run `gradlint.check_step` on the step: it names the line that stops each gradient. Where some variables are unused
on purpose, ask only for those that are used.

## Known limits

Filters that only clip or scale are quiet.
"""


RULE = Rule(
    code="GL616",
    name="hidden-none",
    severity=Severity.WARNING,
    advice="Find out why the gradient is None before you hide it.",
    doc=DOC,
    since="0.2.0",
)
