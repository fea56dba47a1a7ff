"""GL304 exploding-gradient: gradients grow by orders of magnitude towards the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.wording import trend_finding
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a model whose gradients grow steadily towards the input, by six orders of magnitude or more (threshold
`trend-orders`), measured where the gradient arrives at each trainable kernel.

## Why it matters

A step that suits the last layers throws the first ones far away; the loss jumps or becomes NaN. With a
clipped global norm the first layers take all of it, and the others hardly move.

## Example

```python
wide = keras.initializers.RandomNormal(stddev=1.0)
for _ in range(20):
    x = keras.layers.Dense(64, kernel_initializer=wide)(x)                 # GL304: 0.9 orders per layer
```

```python
for _ in range(20):
    x = keras.layers.Dense(64)(keras.layers.LayerNormalization()(x))       # glorot_uniform
```

## What to do

Use smaller initial weights, normalization or residual connections. Clipping the gradient limits the
damage and does not repair the cause.

## Known limits

The same as of GL303, in the other direction: eight trainable kernels with a usable gradient and a steady
trend are needed, side branches are ordered as they were called, and the time steps inside one recurrent
layer are not looked at. Gradients that have already become infinite are GL301's or GL302's.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the gradients of the kernels grow steadily towards the input."""
    if facts.flow is not None and facts.trend is not None and facts.trend.orders > 0:
        yield trend_finding(RULE, facts.flow, facts.trend, "grow")


RULE = Rule(
    code="GL304",
    name="exploding-gradient",
    loses=Consequence.HINDERED,
    advice="Use normalization, smaller initial weights, residual connections, or clip the gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
