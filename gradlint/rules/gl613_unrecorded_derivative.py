"""GL613 unrecorded-derivative: the second derivative of a first one that no tape saw."""

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

Reports a derivative of a derivative that is asked of a tape which did not see the first one.

## Why it matters

A gradient is differentiable only for a tape that recorded how it was computed. Asked after the block, the
tape knows nothing about its own result, and the second derivative is None.

Seen in public:

- https://github.com/tensorflow/tensorflow/issues/41510

## Example

```python
with tf.GradientTape(persistent=True) as tape:
    y = x * x * x
g = tape.gradient(y, x)
h = tape.gradient(g, x)                              # GL613: None
```

```python
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = x * x * x
    g = inner.gradient(y, x)
h = outer.gradient(g, x)
```

## What to do

Nest two tapes and take the first derivative inside of the outer block, after the inner one.

## Known limits

Tapes whose blocks the file does not show are left alone.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    yield from without_gradient(
        RULE,
        facts,
        Reason.DERIVATIVE,
        lambda entry: f"{target_of(entry)} is a derivative that was taken while this tape was not recording",
    )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per derivative of a derivative that the tape did not record."""
    from gradlint.source.identity import position
    from gradlint.source.verdicts import Fault, verdicts

    for verdict in verdicts(module):
        if verdict.fault is Fault.DERIVATIVE:
            line = module.line_beside(position(verdict.question.tape)[0], position(verdict.value)[0])
            yield RULE.in_source(
                module,
                verdict.value,
                f"the first derivative was taken outside of the block of the tape of {line}: the second is None",
            )


RULE = Rule(
    code="GL613",
    name="unrecorded-derivative",
    loses=Consequence.VARIABLES,
    advice="Take the first derivative inside the block of the tape that takes the second.",
    doc=DOC,
    check=check,
    in_models="GL102",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
