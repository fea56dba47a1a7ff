"""GL609 assign-in-tape: a value of the tape takes the way through a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import target_of, without_gradient
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a value of the tape that is assigned to a variable and read from there on the way to the loss.

## Why it matters

A read of a variable starts at the variable: no tape goes back through `assign` to what was assigned. What
computed the value gets no gradient.

Seen in public:

- https://www.tensorflow.org/guide/autodiff ("Took gradients through a stateful object")

## Example

```python
with tf.GradientTape() as tape:
    state.assign(encoder(x))                         # GL609
    loss = tf.reduce_mean(tf.square(state - y))
gradients = tape.gradient(loss, encoder.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    value = encoder(x)
    loss = tf.reduce_mean(tf.square(value - y))
state.assign(value)
```

## What to do

Keep the value in a Python name and use that in the loss.

## Known limits

Counters and moving averages are quiet: they are not what the loss reads, or the loss has another path
to the variables.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    yield from without_gradient(
        RULE,
        facts,
        Reason.ASSIGN,
        lambda entry: f"{target_of(entry)} is read from a variable after an assignment, which passes nothing back",
    )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per `assign` between the variables and a loss."""
    from gradlint.source.operations import Stop
    from gradlint.source.verdicts import stopped

    for verdict in stopped(module, Stop.ASSIGN):
        yield RULE.in_source(
            module,
            verdict.value,
            f"`{verdict.value.callee.name}` puts a value of the tape into a variable from which the loss reads it: "
            "no gradient comes back through a variable",
        )


RULE = Rule(
    code="GL609",
    name="assign-in-tape",
    loses=Consequence.VARIABLES,
    advice="Compute the loss from the value itself, and assign it to the variable afterwards.",
    doc=DOC,
    check=check,
    in_models="GL107",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
