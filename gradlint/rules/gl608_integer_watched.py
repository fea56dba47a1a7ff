"""GL608 integer-watched: a tape watches integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import without_gradient
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a tensor or variable of integer dtype that a tape watches or differentiates.

## Why it matters

Gradients exist for floating-point and complex numbers only. TensorFlow logs one line about the dtype, and the gradient
is None. `tf.constant(3)` is an integer; `tf.constant(3.0)` is not.

Seen in public:

- https://www.tensorflow.org/guide/autodiff ("Took gradients through an integer or string")

## Example

```python
x = tf.constant(3)                                   # an int32
with tf.GradientTape() as tape:
    tape.watch(x)                                    # GL608
    y = x * x
```

```python
x = tf.constant(3.0)
```

## What to do

Write the number with a point, or cast with `tf.cast(x, tf.float32)` before the block.

## Known limits

The dtype must stand in the source, as a literal or as an argument.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    yield from without_gradient(RULE, facts, Reason.INTEGER, lambda _: "integers have none")


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per place where integers are watched or differentiated."""
    from gradlint.source.watching import integer_sources

    for value, what in integer_sources(module):
        yield RULE.in_source(module, value, f"{what} holds integers, which have no gradient")


RULE = Rule(
    code="GL608",
    name="integer-watched",
    loses=Consequence.VARIABLES,
    advice="Use a floating-point dtype for what is differentiated.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
