"""GL305 half-precision-underflow: zero in float16, not in float32."""

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

Reports the operation at which a float16 gradient becomes exactly zero although the values give no other
reason for it.

## Why it matters

The smallest positive float16 is 6e-8. Gradients of deep models are often smaller; they are rounded to
zero, and the layers behind do not learn. The same model in float32 does.

## Example

```python
keras.mixed_precision.set_global_policy("float16")
model.compile("adam", "mse")                                               # GL305
```

```python
keras.mixed_precision.set_global_policy("mixed_float16")                   # Keras scales the loss
model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "mse")
```

## What to do

Use a `LossScaleOptimizer`, bfloat16 (it has the range of float32), or keep this layer in float32.

## Known limits

The rule infers underflow: an operation with a float16 operand or result from which a gradient of zero
goes on, and that no other reason (a rectifier, saturation, a step, a product with zeros) explains. The
model is not run again in float32. Products without a zero factor count as GL201. The compiled
`LossScaleOptimizer` is tried: what gets a gradient once the loss is scaled as it would, halved until nothing
overflows, is no finding; the
losses of a `train_step` are taken as they are. A part
of the elements that underflow goes unnoticed while others do not. The finding is a warning when variables
or every path of an input key are affected, and an info otherwise.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place where a float16 gradient falls below the smallest number of its type."""
    return blocks_in_words(RULE, facts, _said)


def _said(_: Flow, block: Block) -> tuple[str, str] | None:
    if block.why is not Why.UNDERFLOW:
        return None
    lost = victims(block.inputs, block.variables)
    return f"the gradient underflows in float16 at {block.op.type}: {lost} with zero gradient", ""


RULE = Rule(
    code="GL305",
    name="half-precision-underflow",
    loses=Consequence.NOTHING_LEARNS,
    advice="Use a LossScaleOptimizer, bfloat16, or keep this layer in float32.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.PROBES, Need.EXPERIMENTS}),
)
