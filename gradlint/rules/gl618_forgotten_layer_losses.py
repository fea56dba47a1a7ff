"""GL618 forgotten-layer-losses: a step of one's own leaves out the layers' losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

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


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per model whose added losses the step does not read."""
    for entry in facts.step.record.layer_losses if facts.step is not None else ():
        if not entry.is_read:
            adds = "adds a loss" if len(entry.owners) == 1 else "add losses"
            yield RULE.finding(
                f"{listed(entry.owners)} of '{entry.model}' {adds} that the step never reads",
                severity=Severity.WARNING,
                cause=at(entry.frames[0] if entry.frames else None, entry.owners[0]),
                evidence={"layers": list(entry.owners)},
            )


RULE = Rule(
    code="GL618",
    name="forgotten-layer-losses",
    severity=Severity.WARNING,
    advice="Add `model.losses` to the loss: `loss += sum(model.losses)`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    since="0.2.0",
)
