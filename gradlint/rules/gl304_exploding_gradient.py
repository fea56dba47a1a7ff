"""GL304 exploding-gradient: gradients grow by orders of magnitude towards the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.memory import memories
from gradlint.rule import Need, Rule
from gradlint.rules.wording import memory_finding, trend_finding
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.passes.memory import Memory

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
trend are needed, and side branches are ordered as they were called. Through the steps of a recurrence of at least 16
steps the same is said where the gradient grows steadily from the last step that is taken to the first, by as many
orders in all (threshold `trend-orders`). Gradients that have already become infinite are GL301's or GL302's.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the gradients of the kernels grow steadily towards the input."""
    if facts.flow is None:
        return
    if facts.trend is not None and facts.trend.orders > 0:
        yield trend_finding(RULE, facts.flow, facts.trend, "grow")
    for memory in memories(facts.flow):
        if memory.grows and memory.orders >= facts.flow.thresholds.trend_orders:
            yield _through_time(facts.flow, memory)


def _through_time(flow: Flow, memory: Memory) -> Finding:
    return memory_finding(
        RULE,
        flow,
        memory,
        f"gradients grow by {memory.per_step:.2f} orders of magnitude per step of '{memory.layer}', by "
        f"{memory.orders:.1f} over its {memory.steps} steps",
        advice="Start the recurrent kernel orthogonal, or let gates or a normalization hold the state.",
    )


RULE = Rule(
    code="GL304",
    name="exploding-gradient",
    loses=Consequence.HINDERED,
    advice="Use normalization, smaller initial weights, residual connections, or clip the gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
