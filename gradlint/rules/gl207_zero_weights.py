"""GL207 zero-weights: a kernel of zeros blocks everything before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.passes.reasons import Why
from gradlint.rule import Need, Rule
from gradlint.rules.wording import blocks_in_words, listed, paths, victims
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.blocks import Block
    from gradlint.passes.facts import Facts
    from gradlint.record.recording import VariableRecord

DOC = """\
## What it does

Reports a trainable kernel, table or factor of zeros, behind which the gradient is exactly zero, and which is still
zero after a few updates. Where two of them keep each other at zero, the finding names both.

## Why it matters

What goes through a kernel of zeros is multiplied by zero, forward and backward. One such kernel moves
away with the first update; two in a row, or one behind another block, hold each other at zero, and
everything before them never learns.

## Example

```python
x = keras.layers.Dense(64, kernel_initializer="zeros")(inputs)
out = keras.layers.Dense(1, kernel_initializer="zeros")(x)                 # GL207
```

```python
x = keras.layers.Dense(64)(inputs)
out = keras.layers.Dense(1, kernel_initializer="zeros")(x)                 # one may start at zero
```

## What to do

Initialise the kernel with small random values. Only the last layer of a residual branch, or one of the
two factors of an adapter (LoRA), may start at zero.

## Known limits

That the zero stays is judged by the probes, which take one small step of every variable first; with `--probes 0`
every zero kernel with something behind it is reported, a step more quietly. That two variables keep each other at
zero is tried: with random values in either one alone, the other must have a gradient; then the finding is an
error. It is one as well when an input key loses every path with what is trainable behind it, and a warning when
only variables are affected otherwise. It is an info when all are zeros of one layer of a library: Keras loads both
factors of its own LoRA as zeros, since their product has been merged into the kernel, and then they stay so.
Frozen zeros are GL201's, as are products with an activation that is zero.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per variable of zeros that stays zero after an update, or per pair of them."""
    makers = {block.position: block.factor.layer for block in facts.blocks if block.factor is not None}
    for finding in blocks_in_words(RULE, facts, _said, _is_by_design):
        layer = makers.get(finding.position)
        # The product may be Keras's own, and then the line to change makes the variable.
        yield (
            replace(finding, cause=replace(finding.cause, layer=layer)) if layer and not finding.cause.file else finding
        )


def _said(_: Flow, block: Block) -> tuple[str, str] | None:
    if block.why is not Why.ZERO_WEIGHT or block.factor is None:
        return None
    lost = victims(block.inputs, block.variables)
    if block.partners:
        names = listed([*paths(block.partners), block.factor.path])
        return f"{names} are all zeros and keep each other so: {lost} with zero gradient", _ONE_OF_THEM
    return f"'{block.factor.path}' is all zeros and stays so after an update: {lost} with zero gradient", ""


_ONE_OF_THEM = "Initialise one of them with small random values; the other may start at zero."


def _is_by_design(block: Block) -> bool:
    factor = block.factor
    return factor is not None and not block.keys and all(_is_reset(variable, factor) for variable in block.variables)


def _is_reset(variable: VariableRecord, factor: VariableRecord) -> bool:
    """Whether a library's layer itself set a variable and its factor to zero.

    Keras's `load_own_variables` does so with both LoRA factors: their product has been merged into the kernel.
    """
    is_zero = variable.values is not None and variable.values.zeros == 1.0
    return is_zero and variable.blamed_is_library and variable.layer == factor.layer


RULE = Rule(
    code="GL207",
    name="zero-weights",
    loses=Consequence.NOTHING_LEARNS,
    advice="Initialise the kernel with small random values; only the end of a residual branch may start at zero.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.PROBES, Need.EXPERIMENTS}),
    blames="kernel_initializer",
)
