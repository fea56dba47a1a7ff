"""GL301 nonfinite-gradient: NaN or infinity appears in the backward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.heads import is_from_mismatch
from gradlint.passes.where import cause_of
from gradlint.rule import Need, Rule
from gradlint.rules.wording import birth_evidence, victims
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding, Severity
    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.passes.nonfinite import Birth

DOC = """\
## What it does

Reports the operation whose gradient function makes the first NaN or infinity, while all values of the
forward pass are finite.

## Why it matters

One such number reaches every variable before the operation with the next update, and the model is lost
within a step. The forward pass shows nothing: `sqrt(0)` is 0, its slope is infinite. A `tf.where` that
hides the bad branch does not help, since zero times infinity is NaN.

## Example

```python
distance = keras.ops.sqrt(keras.ops.sum(x * x, axis=-1))                   # GL301 where x is 0
```

```python
distance = keras.ops.sqrt(keras.ops.sum(x * x, axis=-1) + 1e-12)
```

## What to do

Keep the operand away from the point: add an epsilon inside the operation, or guard both sides with
`tf.where`, the operand before the operation and the result after it.

## Known limits

Only points that this sample meets are found: a division that is zero on one batch in a thousand passes.
When a value of the forward pass is not finite, that is reported instead, by GL302, since it is the cause.
A NaN that the loss itself sends back, or one from a custom gradient, may have no operation to be named
and is then visible only in the table of gradients. Where a `LossScaleOptimizer` lowers its scale, and skips the
updates until then, float16 that overflows before is no finding of a step, and an info for a compiled model. Where
only inputs receive it, and no variable that should learn, it is an info.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per operation whose gradient function makes the first non-finite number."""
    if facts.flow is None:
        return
    for birth in facts.births:
        if not birth.backward or birth.op is None:
            continue
        if is_from_mismatch(facts.flow, birth.position):
            continue  # What the loss makes of an output that is no probability is GL409's.
        span = f" at values from {birth.low:.3g} to {birth.high:.3g}" if birth.low is not None else ""
        scale = facts.finite_scale
        yield RULE.finding(
            f"the gradient of {birth.op.type} is not finite{span}: "
            f"{victims(birth.inputs, birth.variables)} with NaN or infinity"
            + (f", until the optimizer has lowered its loss scale to {scale:.3g}" if scale is not None else ""),
            severity=_severity(facts.flow, birth) if scale is None else severity_of(Consequence.HEALS),
            inputs=birth.inputs,
            variables=tuple(variable.path for variable in birth.variables),
            cause=cause_of(facts.flow, birth.position),
            evidence=birth_evidence(birth),
            position=birth.position,
        )


def _severity(flow: Flow, birth: Birth) -> Severity:
    """How much it matters: inputs before which nothing learns are lost where their values make it so, and no more."""
    if birth.variables or not flow.learners:
        return severity_of(RULE.loses)
    return severity_of(Consequence.INPUT, Certainty.IN_SAMPLE)


RULE = Rule(
    code="GL301",
    name="nonfinite-gradient",
    loses=Consequence.NOTHING_LEARNS,
    advice="Keep the operand away from the point: add an epsilon inside, or guard both sides with tf.where.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.EXPERIMENTS}),
)
