"""GL617 variable-in-call: weights are made where the model runs."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a layer with weights, or a `tf.Variable`, that is created where the model runs: in `call`, `train_step`,
or in the block of a tape.

## Why it matters

Each run makes a new layer with new random weights. They are not among the model's variables, nothing trains
them, and under `tf.function` the second trace raises an error.

## Example

```python
def call(self, x):
    return keras.layers.Dense(4)(x)                  # GL617
```

```python
def __init__(self):
    super().__init__()
    self.dense = keras.layers.Dense(4)

def call(self, x):
    return self.dense(x)
```

## What to do

Create it once and keep it in an attribute.

## Known limits

Layers without weights are quiet, and so is what stands behind an `if self.x is None` guard, or in functions that
build a functional model.
"""


RULE = Rule(
    code="GL617",
    name="variable-in-call",
    severity=Severity.ERROR,
    advice="Create layers and variables in `__init__` or `build`.",
    doc=DOC,
    since="0.2.0",
)
