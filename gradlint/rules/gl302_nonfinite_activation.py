"""GL302 nonfinite-activation: NaN or infinity appears in the forward pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.operations import Trait, has
from gradlint.passes.heads import is_from_mismatch
from gradlint.passes.where import cause_of
from gradlint.rule import Need, Rule
from gradlint.rules.wording import birth_evidence, counted, victims
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.passes.nonfinite import Birth
    from gradlint.record.recording import OpRecord

DOC = """\
## What it does

Reports the first operation, input, label or variable with a NaN or infinite value in the forward pass,
when the loss or a gradient is not finite because of it.

## Why it matters

NaN spreads to everything that is computed from it. After one update all weights are NaN, and the place
where it began can no longer be seen from the loss.

## Example

```python
score = keras.ops.log(keras.ops.relu(x))                                   # GL302: log(0) is -inf
```

```python
score = keras.ops.log(keras.ops.relu(x) + 1e-7)
```

## What to do

Keep the operand inside the domain of the operation; replace padding and missing values before the
operation, not after it. Where an input or a label is named, clean the data.

## Known limits

One cause is reported per run: an input or a label first, then a variable, then the first operation in
the order of the forward pass. Infinities that stay without effect, as in an attention mask, are not
reported while loss and gradients are finite. An operation that turns a huge value into infinity is named
where it overflows, not where the value grew. Values of integer tensors are not looked at.
"""


_SQUASH = "Give the output a sigmoid (a softmax for several classes), or use a loss that takes logits."
_LARGEST = {"float16": "65504", "bfloat16": "3.4e38", "float32": "3.4e38", "float64": "1.8e308"}
"""IEEE 754, and bfloat16, which has the exponents of float32."""
_TRIED = "with a sigmoid behind the output, the loss is a number"


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding for the first operation, input or variable with a non-finite value."""
    if facts.flow is None:
        return
    for birth in facts.births:
        if birth.backward:
            continue
        if birth.op is not None and is_from_mismatch(facts.flow, birth.position):
            continue  # What the loss makes of an output that is no probability is GL409's.
        keys = {record.key for record in facts.flow.recording.inputs}
        is_one = birth.count == 1
        number = "values" if birth.count is None else counted(birth.count, "value")
        what = f"{number} that {'is' if is_one else 'are'} NaN or infinite"
        if birth.op is None:
            message = f"'{birth.source}' holds {what}, and the loss reads {'it' if is_one else 'them'}"
        else:
            span = f" from operands between {birth.low:.3g} and {birth.high:.3g}" if birth.low is not None else ""
            message = f"{birth.op.type} yields {what}{span}"
        if birth.inputs or birth.variables:
            message += f": {victims(birth.inputs, birth.variables)} with a gradient that is not finite"
        inputs = birth.inputs
        if birth.source in keys and birth.source not in inputs:
            inputs = (birth.source or "", *inputs)
        holder = next((v for v in facts.flow.recording.variables if v.path == birth.source), None)
        where = Cause(holder.layer if holder is not None else None)
        advice = _of_source(facts.flow, birth, is_data=holder is None)
        if birth.op is not None:
            where = cause_of(facts.flow, birth.position)
            if (limit := _limit(facts.flow, birth.op)) is not None:
                message += f"; {limit}"
                advice = f"Compute it in a wider type, or scale or bound what goes in: {limit}."
        if birth.op is not None and (end := facts.unsquashed) is not None:
            at = f" in line {birth.op.line}" if birth.op.line else ""
            span = f"from {end.low:.3g} to {end.high:.3g}"
            message += f"; the loss takes the logarithm{at} of output '{end.output}', which has no activation ({span})"
            where, advice = Cause(end.layer or None, birth.op.type), _SQUASH
        yield RULE.finding(
            message,
            advice=advice,
            inputs=inputs,
            variables=tuple(variable.path for variable in birth.variables),
            cause=where,
            evidence={**birth_evidence(birth), "experiments": [_TRIED] if facts.unsquashed is not None else []},
            position=birth.position,
        )


def _of_source(flow: Flow, birth: Birth, *, is_data: bool) -> str:
    """What to do about a number that an input, a label or a variable brings along; empty for an operation's."""
    if birth.op is not None:
        return ""
    if not is_data:
        return f"Look at where '{birth.source}' gets its values: its initializer, a file of weights, or a step before."
    recording = flow.recording
    tensors = {r.key: r.tensor for r in recording.labels} | {r.key: r.tensor for r in recording.inputs}
    index = tensors.get(birth.source or "")
    values = flow.tensor(index).values if index is not None else None
    what = "infinities" if values is not None and not values.nan else "NaN"
    return f"Clean or mask the {what} in '{birth.source}' before training."


def _limit(flow: Flow, op: OpRecord) -> str | None:
    """`float16 ends at 65504`, where an operation that has a number for all numbers gives none."""
    operands = [values for index in op.inputs if (values := flow.tensor(index).values) is not None]
    dtype = next((flow.tensor(index).dtype for index in op.outputs), "")
    if not has(op.type, Trait.OVERFLOWS) or any(values.nonfinite for values in operands) or dtype not in _LARGEST:
        return None
    return f"{dtype} ends at {_LARGEST[dtype]}"


RULE = Rule(
    code="GL302",
    name="nonfinite-activation",
    loses=Consequence.NOTHING_LEARNS,
    advice="Keep the operand inside the domain of the operation; replace padding before the operation, not after.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.EXPERIMENTS}),
    blames="activation",
)
