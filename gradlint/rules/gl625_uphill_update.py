"""GL625 uphill-update: the step moves variables so that its loss grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Certainty, Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports variables that a step moves along the gradient of what it calls a loss: by hand, by negative gradients for an
optimizer, or by a perturbation of the weights (sharpness-aware minimisation) that is not taken back, or is before
anything reads it.

## Why it matters

The loss grows with each step. A perturbation that stays undoes what the optimizer does.

## Example

```python
for w, g in zip(model.trainable_variables, gradients):
    w.assign_add(0.1 * g)                            # GL625
```

```python
    w.assign_sub(0.1 * g)
```

## What to do

Subtract the gradient. Take a perturbation back before the update, or after it by the same amount.

## Known limits

Only seen at run time, by `check_step`. Only targets count whose name says loss, cost or error, without a minus sign:
a reward, an objective or a likelihood is meant to grow. Where other variables go down the same target, it is a game
of two sides, and quiet.
"""

_BEFORE = "Move the weights before the second forward pass, and back when its gradient is there."
_TAKE_BACK = "Take the perturbation back (assign_sub by the same amount), once the second gradient is there."


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place at which a step moves variables up the gradient of its loss."""
    if facts.step is None:
        return
    for entry in facts.step.uphill:
        target, moved = f"'{entry.call.target_text}'", counted(len(entry.variables), "variable")
        if entry.is_unread:
            message = (
                f"{moved} moved along the gradient of {target} here and back again, and nothing reads them meanwhile"
            )
        elif entry.is_left:
            message = f"{moved} moved up the gradient of {target} here, and the step does not take that back"
        elif entry.update is not None:
            message = f"{entry.update.optimizer} gets the negative gradients of {target} for {moved}, and makes it grow"
        else:
            message = f"{moved} moved up the gradient of {target} here: it grows"
        yield RULE.finding(
            message,
            variables=entry.variables,
            cause=at(entry.frame),
            position=entry.position,
            advice=_BEFORE if entry.is_unread else _TAKE_BACK if entry.is_left else "",
        )


RULE = Rule(
    code="GL625",
    name="uphill-update",
    loses=Consequence.MISLED,
    certainty=Certainty.IN_SAMPLE,
    advice="Subtract the gradient (assign_sub), or hand the optimizer the gradient as it is.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    since="0.2.0",
)
