"""GL204 constant-normalization: softmax or a normalization over one element: constant output, zero gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.reasons import Why
from gradlint.rule import Need, Rule
from gradlint.rules.wording import blocks_in_words, victims
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a softmax, or a normalization that subtracts the mean, over a single element.

## Why it matters

A softmax over one element is 1, and an element minus its own mean is 0, whatever goes in. The output is
constant and the gradient exactly zero: a gate or an attention score of one unit with a softmax never
learns.

## Example

```python
gate = keras.layers.Dense(1, activation="softmax")(x)          # GL204: always 1.0
out = keras.layers.Dense(1)(x * gate)
```

```python
gate = keras.layers.Dense(1, activation="sigmoid")(x)
out = keras.layers.Dense(1)(x * gate)
```

## What to do

Use sigmoid, or a linear output with `from_logits=True`, for one unit, or one unit per class for softmax.
Normalize over an axis that has more than one element.

## Known limits

The finding is an error when the axis is one of units, its length fixed by a kernel, or when a global pool of
the model leaves one element of each channel, and an info when the single element comes from the data, or a
warning if nothing learns then: a softmax over the time steps of a sequence of length 1 works on other
samples. Batch statistics over one row are a warning when an input key loses every path: the rows of the
sample are to blame, or a batch size of one. A rectifier right behind is closed by the zeros, and not named. A
normalization is recognised by the subtraction of its own mean; fused ones (`FusedBatchNormV3`) are not taken
apart. A one-unit softmax right before a Keras cross-entropy is not reported: Keras computes the loss from its
logits, so the gradient arrives although every prediction is 1. The kernel is looked for through two dozen
operations that leave elements in their places (dropout, activations, residuals), reshapes and transpositions,
the pool through twelve.
"""


_WHERE = {
    Why.SINGLE_ELEMENT_UNITS: "a single unit",
    Why.SINGLE_ELEMENT_POOLED: "the single element that a global pool leaves",
    Why.SINGLE_ELEMENT_DATA: "a single element of this sample",
    Why.SINGLE_ROW: "the single row of this sample",
}

_ADVICE = {
    Why.SINGLE_ELEMENT_UNITS: "Use sigmoid (with binary_crossentropy) or a linear output for one unit.",
    Why.SINGLE_ELEMENT_POOLED: "Normalize before the pool, or over the channels.",
    Why.SINGLE_ROW: "Give the check a sample with more rows, or train with a batch size above one.",
    Why.SINGLE_ELEMENT_DATA: "Give the check more rows, longer sequences or larger images; as many as training has.",
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer that normalizes single elements."""
    return blocks_in_words(RULE, facts, _said)


def _said(_: Flow, block: Block) -> tuple[str, str] | None:
    if block.why not in _WHERE:
        return None
    lost = victims(block.inputs, block.variables)
    return f"{block.op.type} over {_WHERE[block.why]} is constant: {lost} with zero gradient", _ADVICE[block.why]


RULE = Rule(
    code="GL204",
    name="constant-normalization",
    loses=Consequence.NOTHING_LEARNS,
    advice="Use sigmoid or a linear output for one unit; normalize over an axis with more than one element.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.PROBES, Need.EXPERIMENTS}),
    blames="activation",
)
