"""GL601 call-before-tape: the model runs before the tape opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import missing, target_of, those, without_gradient
from gradlint.severity import Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a model that is called before the tape opens and not in its block, although the tape is asked for
gradients with respect to the model's variables.

## Why it matters

A tape sees only what runs inside its block. The values of an earlier call are constants to it, so every
gradient of the model is None and nothing is learned. Keras warns that gradients do not exist, or says "No
gradients provided for any variable", and names no line.

Seen in public:

- https://github.com/keras-team/keras-io/issues/406
- https://github.com/mehilshah/Bug_Reproducibility_DL_Bugs (`Bugs/022/main.py`, line 38)

## Example

```python
prediction = model(x, training=True)                 # GL601: the tape has not seen it
with tf.GradientTape() as tape:
    loss = loss_fn(y, prediction)
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
    loss = loss_fn(y, prediction)
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Move the call into the block.

## Known limits

In the source it speaks when the result of the earlier call is what the block computes with, and nothing in
the block can reach the model: neither its name or an alias, nor an object, a function or a method of this file
that holds it. What comes from other modules is taken to hold it. When a step runs, a term of the loss that was computed
before the block, added to others that were not, is a warning.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    yield from without_gradient(
        RULE,
        facts,
        Reason.BEFORE,
        lambda entry: f"{target_of(entry)} is computed from a call that ran before the tape was opened",
    )
    yield from without_gradient(
        RULE,
        facts,
        Reason.RESET,
        lambda entry: f"{target_of(entry)} is computed from what ran before `reset()`, which has the tape forget it",
        "Reset the tape before the forward pass begins, or not at all.",
    )
    for entry in facts.step.late if facts.step is not None else ():
        message = (
            f"a term of {target_of(entry)} is computed before the tape was opened: "
            f"it is a constant to the tape, and moves none of {those(entry.sources)}"
        )
        yield missing(RULE, facts, entry, message, severity_of(Consequence.UNHEARD))


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per call of a model that the tape should have seen."""
    from gradlint.source.identity import position
    from gradlint.source.verdicts import Fault, verdicts

    for verdict in verdicts(module):
        if verdict.fault is Fault.CALL_BEFORE:
            line = module.line_beside(position(verdict.question.tape)[0], position(verdict.value)[0])
            yield RULE.in_source(
                module, verdict.value, f"the model is called before the tape of {line} opens, and not in its block"
            )


RULE = Rule(
    code="GL601",
    name="call-before-tape",
    loses=Consequence.VARIABLES,
    advice="Call the model inside the `with` block of the tape.",
    doc=DOC,
    check=check,
    in_models="GL102",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
