"""GL620 unscaled-loss: half precision without loss scaling."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports a loop that never scales its loss although the file wraps the optimizer in a `LossScaleOptimizer` or sets a
float16 policy.

## Why it matters

A half-precision gradient under 6e-8 is zero. The optimizer divides by the scale, so a loss that was never multiplied
gives updates that are thousands of times too small.

## Example

```python
optimizer = keras.optimizers.LossScaleOptimizer(inner)
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)   # GL620
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
    scaled = optimizer.scale_loss(loss)
gradients = tape.gradient(scaled, model.trainable_variables)
```

## What to do

Keras 3: differentiate `optimizer.scale_loss(loss)`; `apply` unscales. Keras 2: `get_scaled_loss` and
`get_unscaled_gradients`.

## Known limits

`mixed_bfloat16` needs no scale and is quiet.
"""


RULE = Rule(
    code="GL620",
    name="unscaled-loss",
    severity=Severity.WARNING,
    advice="Scale the loss inside the tape and unscale the gradients, or use `optimizer.scale_loss`.",
    doc=DOC,
    since="0.2.0",
)
