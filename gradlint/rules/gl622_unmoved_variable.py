"""GL622 unmoved-variable: a gradient came and the variable did not move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.updates import Rest
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a trainable variable that is the same after the step although a gradient for it was computed: also one that
no update gets while others of the same call of the tape are moved.

## Why it matters

The backward pass is right and the variable does not learn: the gradient was not handed to an optimizer, the pair was
filtered out, the learning rate is zero, or a later line restores the value.

## Example

```python
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients[:2], model.trainable_variables[:2]))   # GL622: the rest stays
```

```python
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Apply all gradients that the step computes; look at the learning rate and at constraints.

## Known limits

Only seen at run time, by `check_step`.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per update that leaves variables as they were although gradients came."""
    if facts.step is None:
        return
    unused = {path for entry in facts.step.unused for path in entry.variables}
    for entry in facts.step.unmoved:
        if entry.why in (Rest.ZEROED, Rest.PASSED_OVER) and unused.issuperset(entry.variables):
            continue  # GL619 names the line at which the gradients are left behind.
        update, number = entry.update, len(entry.variables)
        if entry.why is Rest.GIVEN:
            yield RULE.finding(
                f"{counted(number, 'variable')} {'is' if number == 1 else 'are'} the same after the step: this line "
                f"gives back the values that they had, and what {update.optimizer} has moved does not come to them",
                variables=entry.variables,
                cause=at(entry.restored),
                position=update.first,
                advice="Read the weights of the model that was trained after its updates: get_weights() makes a copy.",
            )
            continue
        match entry.why:
            case Rest.NO_RATE:
                reason = f"the learning rate of {update.optimizer} is 0"
                lost = Consequence.INTENDED if update.is_scheduled else RULE.loses
            case Rest.ZEROED:
                reason = f"the tape gave gradients of up to {entry.largest:.1e}, and {update.optimizer} got zeros"
                lost = RULE.loses
            case Rest.ROUNDED:
                rounded = entry.movements[0]
                reason = f"an update of less than {rounded.resolution:.1e} rounds away in {rounded.dtype}"
                lost = RULE.loses
            case Rest.PASSED_OVER:
                reason = f"the tape gave gradients of up to {entry.largest:.1e}, and no update gets them"
                lost = RULE.loses
            case Rest.UNKNOWN if entry.restored is not None:
                reason = f"{update.optimizer} moved them, and this line takes that back"
                lost = RULE.loses
            case _:
                reason = f"{update.optimizer} got gradients of up to {entry.largest:.1e}, and changed nothing"
                lost = RULE.loses if entry.largest > _NOTABLE else Consequence.NOTHING
        among = f"beside {len(update.pairs)} that move" if entry.why is Rest.PASSED_OVER else f"of {len(update.pairs)}"
        yield RULE.finding(
            f"{counted(number, 'variable')} {among} {'is' if number == 1 else 'are'} the same after the step: {reason}",
            severity=severity_of(lost, RULE.certainty),
            variables=entry.variables,
            cause=at(entry.restored or next(iter(update.frames), None)),
            evidence={"learning_rate": update.learning_rate, "largest_gradient": entry.largest},
            position=update.first,
            advice=_KEEP if entry.restored is not None else "",
        )


_KEEP = "Take the copy that is restored here after the update, or restore it before the optimizer moves the variable."


# A smaller gradient may well round away: there is nothing left to learn from it.
_NOTABLE = 1e-4


RULE = Rule(
    code="GL622",
    name="unmoved-variable",
    loses=Consequence.VARIABLES,
    certainty=Certainty.IN_SAMPLE,
    advice="Make sure that the optimizer that moves the variable gets its gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    since="0.2.0",
)
