"""GL303 vanishing-gradient: gradients shrink by orders of magnitude towards the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.rule import Need, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a model whose gradients shrink steadily towards the input, by six orders of magnitude or more,
measured where the gradient arrives at each trainable kernel.

## Why it matters

The first layers then learn a million times slower than the last, which is not at all: with Adam a
gradient below its epsilon (1e-7) loses the step size that the optimizer would give it. Deep stacks of
sigmoids, small initial weights and long unrolled recurrences do this.

## Example

```python
for _ in range(20):
    x = keras.layers.Dense(32, activation="sigmoid")(x)                    # GL303: 0.6 orders per layer
```

```python
for _ in range(20):
    x = x + keras.layers.Dense(32, activation="relu")(keras.layers.LayerNormalization()(x))
```

## What to do

Use residual connections, normalization, activations with a slope near one, or an initialisation that
fits the activation.

## Known limits

It takes eight trainable kernels with a usable gradient, and a trend: four of five neighbouring kernels,
in the order of the forward pass, have to change in the same direction. A single step of many orders, a
model that shrinks less, a shallow one, and the time steps inside one recurrent layer are not reported.
Branches that run side by side are ordered as they were called, which can hide the trend of one of them.
Kernels with a gradient of exactly zero are left out; they belong to GL201 and its neighbours.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the gradients of the kernels shrink steadily towards the input."""
    trend = facts.trend
    if trend is None or not trend.orders < 0:
        return
    yield RULE.finding(
        f"gradients shrink by {abs(trend.orders):.1f} orders of magnitude from '{trend.last.path}' to "
        f"'{trend.first.path}', {abs(trend.per_layer):.2f} per layer",
        inputs=tuple(sorted(facts.flow.branches.get(trend.first.path, ()))) if facts.flow is not None else (),
        variables=tuple(variable.path for variable in trend.variables),
        cause=Cause(trend.first.layer),
        evidence={"orders": round(trend.orders, 2), "orders_per_layer": round(trend.per_layer, 3)},
        position=trend.position,
    )


RULE = Rule(
    code="GL303",
    name="vanishing-gradient",
    severity=Severity.WARNING,
    advice="Use residual connections, normalization, ReLU-like activations or another initialisation.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
