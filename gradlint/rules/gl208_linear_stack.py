"""GL208 linear-stack: layers of weights with nothing non-linear between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.linear import linear_stacks
from gradlint.passes.where import cause_of
from gradlint.rule import Rule
from gradlint.rules.wording import counted, listed
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports dense and convolutional layers that follow one another with nothing non-linear between.

## Why it matters

Together they are one linear map: the second layer adds weights and no capacity. Mostly an `activation=` was forgotten.

## Example

```python
x = keras.layers.Dense(64)(inputs)                                          # GL208: no activation
out = keras.layers.Dense(10)(x)
```

```python
x = keras.layers.Dense(64, activation="relu")(inputs)
out = keras.layers.Dense(10)(x)
```

## What to do

Give the first layer an activation, or leave one of the two out.

## Known limits

A width between the two that is below what comes before and after is a factorisation, which one layer cannot be, and no
finding: linear bottlenecks, adapters, linear autoencoders, depthwise convolutions, windows of other forms (1 x 7, then
7 x 1). All places of a model are one finding. Dropout, averages, and reshapes count as linear;
normalizations, sums of branches, the end of a model inside of the model, and everything whose result is used twice
count as not. Only kernels that are
trained are looked at, and depthwise and recurrent ones are not.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding for all chains of layers that together are linear."""
    flow = facts.flow
    if flow is None or flow.recording.failure is not None:
        return
    stacks = linear_stacks(flow)
    if not stacks:
        return
    layers = [kernel.layer for kernel in stacks[0].kernels]
    more = f"; so it is in {counted(len(stacks) - 1, 'more place')}" if len(stacks) > 1 else ""
    yield RULE.finding(
        f"nothing non-linear lies between {listed(layers)}: {len(layers)} layers are one linear map{more}",
        variables=tuple(kernel.path for stack in stacks for kernel in stack.kernels),
        cause=cause_of(flow, stacks[0].positions[0]),
        evidence={"layers": [kernel.layer for stack in stacks for kernel in stack.kernels]},
        position=stacks[0].positions[0],
    )


RULE = Rule(
    code="GL208",
    name="linear-stack",
    loses=Consequence.NOTHING,
    advice="Give the first of these layers an activation, or leave one of them out.",
    doc=DOC,
    check=check,
)
