"""GL627 left-out-term: a term of the loss is computed and not differentiated."""

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

Reports a term that a step computes under its tape and that nothing reads, and one that is added to the loss when that
has been differentiated.

## Why it matters

The penalty or the second loss trains nothing, and the number that is reported may even contain it.

## Example

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x))
gradients = tape.gradient(loss, model.trainable_variables)
loss += 1e-3 * tf.add_n([tf.nn.l2_loss(w) for w in model.trainable_variables])      # GL627
```

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x)) + 1e-3 * tf.add_n([tf.nn.l2_loss(w) for w in model.trainable_variables])
```

## What to do

Add the term to the loss inside of the block of the tape.

## Known limits

Only seen at run time, by `check_step`. What nobody reads counts where its name says what it is: loss, reg, penalty, kl,
entropy, aux. Terms that are returned, printed or stored are quiet.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per term that no tape is asked about."""
    for term in facts.step.left_out if facts.step is not None else ():
        what = counted(len(term.variables), "variable")
        if term.is_late:
            message = f"what is added to `{term.name}` here has no gradient: `{term.name}` was differentiated before"
        else:
            message = f"`{term.name}` depends on {what} and is a part of no loss: nothing reads it"
        yield RULE.finding(message, variables=term.variables, cause=at(term.frame), position=term.position)


RULE = Rule(
    code="GL627",
    name="left-out-term",
    loses=Consequence.UNHEARD,
    advice="Add the term to the loss inside of the block of the tape.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    since="0.2.0",
)
