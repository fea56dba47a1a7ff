"""GL618 forgotten-layer-losses: a step of one's own leaves out the layers' losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.rule import Rule
from gradlint.rules.wording import listed
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Points at a training step that never adds the losses of the model's layers (regularisers, `add_loss`), although there
are some: a step that is run, a `train_step`, a `compute_loss`, a callable, or one in source.

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

In a run, a loss that is read and only logged counts as forgotten: what is differentiated must depend on one of them.
In the source it is a remark of severity info: it speaks where the file
shows the regulariser and the step, and nothing in it reads `losses`.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per model whose added losses are in no loss that is differentiated."""
    if facts.flow is None:
        return
    for entry in facts.flow.recording.layer_losses:
        if not entry.is_read:
            why = "nobody reads"
        elif entry.read and not facts.flow.behind_loss & set(entry.read):
            why = "no differentiated loss contains"
        else:
            continue
        adds = "adds a loss" if len(entry.owners) == 1 else "add losses"
        loss = facts.flow.recording.loss
        yield RULE.finding(
            f"{listed(entry.owners)} of '{entry.model}' {adds} that {why}",
            variables=entry.variables,
            cause=Cause(entry.owners[0], None, entry.file or loss.file, entry.line or loss.line),
            evidence={"layers": list(entry.owners)},
        )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one remark per training step that leaves out the losses of its model's layers."""
    from gradlint.source.identity import position
    from gradlint.source.steps import steps_without_losses

    for value, line in steps_without_losses(module):
        where = module.line_beside(line, position(value)[0])
        yield RULE.in_source(
            module,
            value,
            f"the loss leaves out `losses`: the regulariser of {where} has no effect",
            severity_of(Consequence.UNHEARD, Certainty.IN_SAMPLE),
        )


RULE = Rule(
    code="GL618",
    name="forgotten-layer-losses",
    loses=Consequence.UNHEARD,
    advice="Add `model.losses` to the loss: `loss += sum(model.losses)`.",
    doc=DOC,
    check=check,
    source=source,
    since="0.2.0",
)
