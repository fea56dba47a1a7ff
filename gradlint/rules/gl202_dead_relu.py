"""GL202 dead-relu: a rectifier that is inactive for the whole sample and its probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.heads import is_from_mismatch
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

Reports a rectifier (relu, relu6, selu, `maximum(x, 0)`) that lets no gradient through for any element
of the sample and of its probes.

## Why it matters

A rectifier has no slope where its input is negative. When the input is negative for all the data, the
layers before it receive a gradient of exactly zero and cannot find back. High learning rates, large
negative biases and unscaled inputs lead there.

## Example

```python
x = keras.layers.Dense(64, bias_initializer=keras.initializers.Constant(-100.0))(inputs)
x = keras.layers.ReLU()(x)                        # GL202: inactive for all elements
```

```python
x = keras.layers.Dense(64)(inputs)
x = keras.layers.LeakyReLU()(x)
```

## What to do

Scale the inputs, lower the learning rate or the bias, use another initialisation, or an activation
with a slope on both sides (leaky relu, elu, gelu).

## Known limits

Single dead units in a living layer are not reported: the gradient of the whole layer has to be zero, in
the sample and in every probe. The finding is an error when nothing learns any more, or an input key loses every
path and something trainable is lost with it; a warning without probes. Beside an open path it is a warning when
it stays closed on random data of the sample's scale, of a deviation of 1, and of ten times its scale too, and an info
when one of them opens it. It is an info as well when the loss is flat for this sample, as a satisfied hinge is, and
complains of other data. An empty sample is GL414's.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer whose rectifier lets nothing through."""
    return blocks_in_words(RULE, facts, _said)


def _said(flow: Flow, block: Block) -> tuple[str, str] | None:
    if block.why is not Why.RECTIFIER or is_from_mismatch(flow, block.position):
        return None  # A rectifier where probabilities are expected is GL409's.
    lost = victims(block.inputs, block.variables)
    where = f"all {block.size} elements of the sample and in every probe"
    return f"{block.op.type} is inactive for {where}: {lost} with zero gradient", advice_on_data(block)


RULE = Rule(
    code="GL202",
    name="dead-relu",
    loses=Consequence.NOTHING_LEARNS,
    advice="Lower the learning rate or the bias, use another initialisation, or a leaky or linear activation.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.PROBES, Need.EXPERIMENTS}),
    blames="activation",
)
