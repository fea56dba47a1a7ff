"""GL624 repeated-update: gradients are applied that were applied before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports gradients that one step applies twice, and gradients that are added up in variables, applied, and never taken
away: the next step applies them again.

## Why it matters

The update is larger than it should be, and grows from step to step where sums are never emptied: what looks like a
learning rate that is too high, or like momentum without end.

## Example

```python
for total, gradient in zip(sums, gradients):
    total.assign_add(gradient / parts)               # GL624: what was applied stays in the sum
optimizer.apply_gradients(zip(sums, model.trainable_variables))
```

```python
optimizer.apply_gradients(zip(sums, model.trainable_variables))
for total in sums:
    total.assign(tf.zeros_like(total))
```

## What to do

Give the sums zeros after the update, or let Keras do it: `keras.optimizers.Adam(gradient_accumulation_steps=4)`. Apply
each gradient once.

## Known limits

Only seen at run time, by `check_step`. Sums that decay (`total.assign(0.9 * total + gradient)`) are momentum and quiet;
so are those of a file with a function like `reset_sums`, which the loop may call after the step.
"""

_TWICE = "Apply the gradients once; for another update compute them anew."


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per update that repeats another one."""
    if facts.step is None:
        return
    for entry in facts.step.repeated:
        update, number = entry.update, len(entry.variables)
        if entry.first is not None:
            before = entry.first.frames[0].line if entry.first.frames else None
            message = f"{update.optimizer} gets the {counted(number, 'gradient')} of line {before} a second time"
        else:
            message = (
                f"the sums of {counted(number, 'gradient')} are applied and never emptied: {update.optimizer} gets "
                "those of all steps before again"
            )
        yield RULE.finding(
            message,
            variables=entry.variables,
            cause=at(entry.added or next(iter(update.frames), None)),
            position=update.first,
            advice=_TWICE if entry.first is not None else "",
        )


RULE = Rule(
    code="GL624",
    name="repeated-update",
    loses=Consequence.HINDERED,
    advice="Give the sums zeros after the update: `total.assign(tf.zeros_like(total))`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    since="0.2.0",
)
