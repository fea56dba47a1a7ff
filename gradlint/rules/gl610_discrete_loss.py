"""GL610 discrete-loss: the loss moves in jumps."""

from __future__ import annotations

from gradlint.finding import Severity
from gradlint.rule import Rule

DOC = """\
## What it does

Reports `round`, `argmax`, a comparison, a sign or a cast to integers between the variables and the loss of a tape.

## Why it matters

Such operations have no gradient: their result moves in jumps. The gradient is None, or zero everywhere.

## Example

```python
with tf.GradientTape() as tape:
    label = tf.argmax(model(x, training=True), axis=-1)   # GL610
    loss = tf.reduce_mean(tf.cast(label != y, tf.float32))
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    logits = model(x, training=True)
    loss = tf.reduce_mean(cross_entropy(y, logits))
```

## What to do

Differentiate a smooth loss and keep the discrete number as a metric. For quantisation use a straight-through
estimator, `x + tf.stop_gradient(tf.round(x) - x)`.

## Known limits

An index into a table, a mask that multiplies, a metric and a condition are quiet, because the values have
another path.
"""


RULE = Rule(
    code="GL610",
    name="discrete-loss",
    severity=Severity.ERROR,
    advice="Use a loss that is smooth in the prediction (cross-entropy, not accuracy).",
    doc=DOC,
    since="0.2.0",
)
