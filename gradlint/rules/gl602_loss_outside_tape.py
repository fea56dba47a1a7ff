"""GL602 loss-outside-tape: the loss is computed outside of the tape's block."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import have, missing, target_of, those, unseen_for
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.passes.unseen import Unseen
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a loss that is computed outside of the block of the tape that is asked for its gradient.

## Why it matters

The tape records until its block ends. What is computed after it, or was computed before, has no path
to anything the tape knows: the gradient is None for every variable.

Seen in public:

- https://github.com/pierremtb/PINNs-TF2.0 (`1d-burgers/inf_disc_burgers.py`, line 107)
- https://github.com/Lornatang/TensorFlow2-tutorials (`Primary_tutorial/Basic/classifier_images.py`, line 113)

## Example

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
loss = loss_fn(y, prediction)                        # GL602: the block has ended
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
    loss = loss_fn(y, prediction)
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Indent the computation of the loss so that it stands in the block, all of it: a mean or a weight applied after
the block is outside as well.

## Known limits

A tape that an outer tape's block encloses, one that is entered again, handed to another function or kept in
an attribute is left alone in the source, since the file does not show when it records.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    replicated = facts.step.record.replicated if facts.step is not None else ()

    def is_replicated(entry: Unseen) -> bool:
        return any(first <= entry.position < last for first, last in replicated)

    for entry in unseen_for(facts, Reason.OUTSIDE):
        why, advice = "while the tape is not recording", ""
        if is_replicated(entry):
            why, advice = "by strategy.run, in a thread for each replica, which no tape around it sees", _IN_REPLICA
        message = f"{those(entry.sources)} {have(entry.sources)} no gradient: {target_of(entry)} is computed {why}"
        yield missing(RULE, facts, entry, message, advice=advice)


_IN_REPLICA = "Open the tape, ask it and apply the gradients inside of the function that strategy.run is given."


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per loss that is computed outside of the block of its tape."""
    from gradlint.source.identity import position
    from gradlint.source.verdicts import Fault, verdicts

    for verdict in verdicts(module):
        if verdict.fault is Fault.LOSS_OUTSIDE:
            line = module.line_beside(position(verdict.question.tape)[0], position(verdict.value)[0])
            when = (
                f"after the block of the tape of {line} has ended"
                if verdict.after
                else (f"before the tape of {line} opens")
            )
            yield RULE.in_source(module, verdict.value, f"the loss is computed {when}, so every gradient is None")


RULE = Rule(
    code="GL602",
    name="loss-outside-tape",
    loses=Consequence.VARIABLES,
    advice="Compute the loss inside the `with` block of the tape.",
    doc=DOC,
    check=check,
    in_models="GL102",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
