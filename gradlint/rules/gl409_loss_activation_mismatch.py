"""GL409 loss-activation-mismatch: last activation and loss that do not belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.passes.heads import is_from_mismatch, mismatched
from gradlint.passes.starting import class_without_unit
from gradlint.result import GradientState
from gradlint.rule import SAMPLE, Rule
from gradlint.severity import Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Compares the last activation of each output with the loss it is compiled with, by form before values: a sigmoid or
softmax of another one or of a rectifier, and under a cross-entropy one that is applied again (`from_logits=True`), a
rectifier, a tanh or no activation where probabilities are expected, values outside of [0, 1], a softmax under binary
cross-entropy, one unit under categorical cross-entropy, rows that sum to zero under it, a softmax over one unit.

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

Only Keras's own losses are known; a loss of the user's own, or one given as a function of other libraries, is not
looked at. Where the form does not decide, values do: an output made by other operations that happens to lie within
[0, 1] for this sample passes. Reshapes, casts and averages behind an activation are seen through up to six
operations, other functions behind it are not. Sigmoids under a categorical cross-entropy are an info: Keras takes
what goes into them for logits. It is an error where the output or the loss is constant or not finite, and where
nothing gets a gradient. A softmax over one unit under other losses is GL204's.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per output whose activation does not fit its built-in loss."""
    if facts.flow is None:
        return
    ended = class_without_unit(facts.flow)
    if ended is not None and ended.wants_units:
        target = ended.target
        name = f"output '{target.output}'" if target is not None and target.output else "the output"
        labels = f"labels '{target.key}'" if target is not None else "labels"
        highest = target.high if target is not None else ended.label
        yield RULE.finding(
            f"{name} has one unit, and the {labels} go up to {highest:g}: a sparse cross-entropy wants a unit for each "
            f"of the {highest + 1:g} classes; two classes of one unit want a sigmoid under binary_crossentropy",
            cause=ended.cause,
            evidence={"units": 1, "label_max": highest},
        )
        return
    broken = any(birth.op is not None and is_from_mismatch(facts.flow, birth.position) for birth in facts.births)
    is_stuck = broken or _nothing_moves(facts)
    for head, found in mismatched(facts.flow):
        lost = Consequence.MISLED if found.is_constant or is_stuck else Consequence.HINDERED
        yield RULE.finding(
            found.message,
            severity=severity_of(Consequence.NOTHING if found.is_harmless else lost),
            cause=Cause(head.op.layer or head.layer or None, head.op.type, head.op.file, head.op.line),
            evidence={"loss": head.loss.name, "activation": head.activation, "units": head.units},
            position=head.position,
        )


def _nothing_moves(facts: Facts) -> bool:
    """Whether no variable gets a gradient that is not zero, on this sample and on every other that was tried."""
    runs = (facts.flow, *facts.probes) if facts.flow is not None and facts.probes else ()
    return bool(runs) and all(v.gradient.state is GradientState.ZERO for run in runs for v in run.learners)


RULE = Rule(
    code="GL409",
    name="loss-activation-mismatch",
    loses=Consequence.MISLED,
    advice="Drop the activation and keep from_logits=True, or use sigmoid or softmax with from_logits=False.",
    doc=DOC,
    check=check,
    blames=SAMPLE,
)
