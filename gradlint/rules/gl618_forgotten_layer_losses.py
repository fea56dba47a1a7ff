"""GL618 forgotten-layer-losses: a step of one's own leaves out the layers' losses."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Points at a training step that never adds the losses of the model's layers (regularisers, `add_loss`), although the
file asks for some.

## Why it matters

`fit` adds them by itself; a step of one's own must do it. Without it a `kernel_regularizer` has no effect.

## Example

```python
layer = keras.layers.Dense(4, kernel_regularizer="l2")
...
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))       # GL618
```

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True)) + sum(model.losses)
```

## What to do

Add `sum(model.losses)` inside the block, after the model was called.

## Known limits

In the source it is a remark of severity info: it speaks where the file
shows the regulariser and the step, and nothing in it reads `losses`.
"""


RULE = Rule(
    code="GL618",
    name="forgotten-layer-losses",
    severity=Severity.WARNING,
    advice="Add `model.losses` to the loss: `loss += sum(model.losses)`.",
    doc=DOC,
    since="0.2.0",
)
