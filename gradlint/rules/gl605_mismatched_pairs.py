"""GL605 mismatched-pairs: gradients of one set of variables are applied to another."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports gradients of one set of variables that are paired with another set in `apply_gradients` or `apply`.

## Why it matters

An optimizer trusts its pairs. With the same number of variables it fails at the first shape that differs,
or, worse, moves one network by the gradients of the other without a word.

## Example

```python
generator_gradients = tape.gradient(g_loss, generator.trainable_variables)
g_optimizer.apply_gradients(
    zip(generator_gradients, discriminator.trainable_variables)   # GL605
)
```

```python
g_optimizer.apply_gradients(
    zip(generator_gradients, generator.trainable_variables)
)
```

## What to do

Keep the list of variables in a name of its own and use it for both, `gradient` and `zip`.

## Known limits

`weights`, `variables` and `trainable_variables` of one model count as one set, and a list that is built in
parts (`a.trainable_variables + b.trainable_variables`) is compared part by part. Sets whose origin the
file does not show are not compared.
"""


RULE = Rule(
    code="GL605",
    name="mismatched-pairs",
    severity=Severity.ERROR,
    advice="Pair the gradients with the variables that they were taken of.",
    doc=DOC,
    since="0.2.0",
)
