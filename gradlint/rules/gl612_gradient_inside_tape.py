"""GL612 gradient-inside-tape: the tape records its own gradient for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Points at a `gradient` that stands inside the block of its own persistent tape without being
differentiated again.

## Why it matters

The tape goes on recording: the backward pass is recorded as well, which costs memory and time, for nothing
as long as nobody differentiates it.

Seen in public:

- https://github.com/Xemnas0/NCSN-TF2.0 (`toytrain.py`, line 19)

## Example

```python
with tf.GradientTape(persistent=True) as tape:
    loss = loss_fn(y, model(x, training=True))
    gradients = tape.gradient(loss, model.trainable_variables)   # GL612
```

```python
with tf.GradientTape(persistent=True) as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Move the line out of the block.

## Known limits

Quiet when the result is used in the block or asked for again: that is how second derivatives and gradient
penalties are made.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per persistent tape that is asked inside of its own block, and differentiates nothing of it."""
    if facts.step is None or facts.flow is None:
        return
    step = facts.step.record
    targets = [target for call in step.calls for target in call.targets]
    behind = facts.flow.ancestors(targets)
    for call in step.calls:
        tape = step.tapes[call.tape] if call.tape is not None else None
        results = {source.result for source in call.sources if source.result is not None}
        if (
            call.is_inside
            and call.kind == "gradient"
            and tape is not None
            and tape.is_persistent
            and not results & behind
        ):
            yield RULE.finding(
                f"the gradient of '{call.target_text or 'the target'}' is taken inside of the tape's own block, which "
                "records the backward pass as well, and nothing differentiates it again",
                cause=at(call.frames[0] if call.frames else None),
                position=call.first,
            )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per question that a persistent tape is asked, for nothing, while it records."""
    from gradlint.source.optimizing import inner_questions

    for value in inner_questions(module):
        yield RULE.in_source(
            module,
            value,
            "the gradient is asked inside of the block of its persistent tape, which records it",
        )


RULE = Rule(
    code="GL612",
    name="gradient-inside-tape",
    loses=Consequence.NOTHING,
    advice="Ask for the gradient after the block, unless it is differentiated again.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
