"""GL618 forgotten-layer-losses: a step of one's own leaves out the layers' losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Severity
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import listed
from gradlint.source.steps import steps_without_losses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Points at a training step that never adds the losses of the model's layers (regularisers, `add_loss`), although the
file asks for some.

## Why it matters

`fit` adds them by itself; a step of one's own must do it. Without it a `kernel_regularizer` has no effect.

Seen in public:

- https://github.com/davidADSP/Generative_Deep_Learning_2nd_Edition (`notebooks/06_normflow/01_realnvp/realnvp.ipynb`)

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


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one remark per training step that leaves out the losses of its model's layers."""
    for value, line in steps_without_losses(module):
        yield RULE.in_source(
            module,
            value,
            f"the loss leaves out `losses`: the regulariser of line {line} has no effect",
            Severity.INFO,
        )


RULE = Rule(
    code="GL618",
    name="forgotten-layer-losses",
    severity=Severity.WARNING,
    advice="Add `model.losses` to the loss: `loss += sum(model.losses)`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
