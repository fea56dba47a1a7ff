"""GL203 saturated-activation: sigmoid, tanh or softmax so saturated that nothing passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.reasons import Why
from gradlint.rule import Need, Rule
from gradlint.rules.wording import advice_on_data, blocks_in_words, victims
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a sigmoid, tanh or softmax through which nothing usable passes: at least 95 % of its elements
(of its rows for a softmax; threshold `saturated-share`) have a slope below 1e-6 (`saturated-slope`), or the gradient
behind it is exactly zero.

## Why it matters

Far from zero these functions are flat. In float32 the slope of `sigmoid(20)` is 2e-9, and that of
`sigmoid(100)` is 0. What lies before such an activation learns nothing, without any warning from Keras.

## Example

```python
x = keras.layers.Dense(16, activation="sigmoid")(seconds)      # GL203: seconds since 1970, some 1.7e9
```

```python
x = keras.layers.Normalization(mean=mean, variance=variance)(seconds)
x = keras.layers.Dense(16, activation="sigmoid")(x)
```

## What to do

Scale the inputs (Rescaling, Normalization), use smaller initial weights, normalize before the
activation, or use one that does not saturate.

## Known limits

The finding is an error when an input key loses every path with what is trainable behind it and the gradient is
exactly zero, and a warning when it is tiny. Variables beside an open path are a warning when no other data (random,
of the sample's scale, of a deviation of 1, of ten times its scale) gives them a usable gradient, and an info when some
do. It is an info as well when the loss is flat for this sample. An activation that is closed for 94 %
of the elements is not reported. Next to 1, float32 resolves 1.2e-7: below 1e-6 there is nothing to learn from.
A sigmoid or softmax right before a Keras cross-entropy is not looked at:
Keras computes the loss from its logits, past the activation. A trained classifier that is sure about all
examples of the sample saturates too; check with a sample on which it still makes errors.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer that is saturated."""
    return blocks_in_words(RULE, facts, _said)


def _said(_: Flow, block: Block) -> tuple[str, str] | None:
    if block.why is not Why.SATURATION:
        return None
    lost = f"{victims(block.inputs, block.variables)} without a usable gradient"
    if block.low is None or block.high is None:
        return f"{block.op.type} is saturated: {lost}", advice_on_data(block)
    span = f"values from {block.low:.3g} to {block.high:.3g} go in"
    return f"{block.op.type} is saturated: {span}, and {lost}", advice_on_data(block)


RULE = Rule(
    code="GL203",
    name="saturated-activation",
    loses=Consequence.NOTHING_LEARNS,
    advice="Scale the inputs (Normalization), use smaller initial weights, or an activation that does not saturate.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.PROBES, Need.EXPERIMENTS}),
    blames="activation",
)
