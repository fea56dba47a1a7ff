"""GL204 constant-normalization: softmax or a normalization over one element: constant output, zero gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.passes.reasons import Why
from gradlint.rule import Need, Rule
from gradlint.rules.wording import block_finding, victims

if TYPE_CHECKING:
    from collections.abc import Iterator

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

The finding is an error when the axis is one of units, its length fixed by a kernel, or when a global pool
of the model leaves one element of each channel, and an info when the single element comes from the data:
a softmax over the time steps of a sequence of length 1, or batch statistics of a batch of one, work on
other samples. A normalization is recognised by the subtraction of its own mean; fused ones
(`FusedBatchNormV3`) are not taken apart. A one-unit softmax right before a Keras cross-entropy is not
reported: Keras computes the loss from its logits, so the gradient arrives although every prediction is 1.
Kernel and pool are looked for through at most twelve element-wise operations, reshapes and transpositions.
"""


_WHERE = {
    Why.SINGLE_ELEMENT_UNITS: "a single unit",
    Why.SINGLE_ELEMENT_POOLED: "the single element that a global pool leaves",
    Why.SINGLE_ELEMENT_DATA: "a single element of this sample",
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer that normalizes single elements."""
    if facts.flow is None:
        return
    for block in facts.blocks:
        if block.why not in _WHERE:
            continue
        where = _WHERE[block.why]
        severity = Severity.INFO if block.why is Why.SINGLE_ELEMENT_DATA else Severity.ERROR
        message = (
            f"{block.op.type} over {where} is constant: {victims(block.inputs, block.variables)} with zero gradient"
        )
        yield block_finding(RULE, facts.flow, block, message, severity)


RULE = Rule(
    code="GL204",
    name="constant-normalization",
    severity=Severity.ERROR,
    advice="Use sigmoid or a linear output for one unit; normalize over an axis with more than one element.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.PROBES, Need.EXPERIMENTS}),
    blames="activation",
)
