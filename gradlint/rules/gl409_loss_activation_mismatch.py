"""GL409 loss-activation-mismatch: last activation and loss that do not belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.passes.heads import Head, heads
from gradlint.rule import SAMPLE, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Compares the last activation of each output with the cross-entropy it is compiled with: a sigmoid or
softmax under `from_logits=True`, values outside of [0, 1] under `from_logits=False`, a softmax under
binary cross-entropy, one unit under categorical cross-entropy.

## Why it matters

Applied twice, softmax flattens the probabilities, and the gradient shrinks. Without it, the loss clips
its operand to [0, 1], where most values of a linear output have no slope. A categorical cross-entropy
over one unit is constant. In all of these the loss is a number that looks plausible.

## Example

```python
out = keras.layers.Dense(10)(x)
model.compile(loss="sparse_categorical_crossentropy")                      # GL409: expects probabilities
```

```python
model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
```

## What to do

Either leave the activation out and say `from_logits=True` (the stabler way), or use sigmoid (binary, and
several labels at once) or softmax (one class of several) and leave `from_logits` at False.

## Known limits

Only Keras's own cross-entropies are known; a loss of the user's own, or one given as a function of other
libraries, is not looked at. Values decide where the activation does not: a linear output that happens to
lie within [0, 1] for this sample passes. Reshapes, casts and averages behind an activation are seen
through up to six operations, other functions behind it are not. A sigmoid under categorical cross-entropy
passes; so do mean squared error and its like under any activation.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per output whose activation does not fit its built-in loss."""
    if facts.flow is None:
        return
    for head in heads(facts.flow):
        message = _mismatch(head)
        if message is not None:
            yield RULE.finding(
                message,
                cause=Cause(head.op.layer or head.layer or None, head.op.type, head.op.file, head.op.line),
                evidence={"loss": head.loss.name, "activation": head.activation, "units": head.units},
                position=head.position,
            )


def _mismatch(head: Head) -> str | None:
    name, loss = head.output, head.loss.name
    binary = loss in ("binary_crossentropy", "binary_focal_crossentropy")
    categorical = loss.startswith(("categorical_", "sparse_categorical_")) and loss.endswith("crossentropy")
    if not (binary or categorical):
        return None
    if head.loss.from_logits:
        if head.activation is not None:
            return (
                f"output '{name}' ends in {head.activation}, but {loss} is told from_logits=True and applies it again"
            )
        return None
    if categorical and head.units == 1:
        return f"output '{name}' has one unit, over which {loss} is constant: binary_crossentropy is meant"
    if binary and head.activation == "Softmax" and head.units == 1:
        return f"output '{name}' is a softmax over one unit: it says 1 whatever the weights are"
    if binary and head.activation == "Softmax" and head.units > 1:
        return f"output '{name}' is a softmax over {head.units} units, but {loss} takes each unit for itself"
    if head.low < 0.0 or head.high > 1.0 + 1e-6:
        return (
            f"output '{name}' ranges from {head.low:.3g} to {head.high:.3g}, but {loss} expects probabilities "
            "(from_logits is False)"
        )
    return None


RULE = Rule(
    code="GL409",
    name="loss-activation-mismatch",
    severity=Severity.WARNING,
    advice="Drop the activation and keep from_logits=True, or use sigmoid or softmax with from_logits=False.",
    doc=DOC,
    check=check,
    blames=SAMPLE,
)
