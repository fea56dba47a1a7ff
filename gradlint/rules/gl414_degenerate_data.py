"""GL414 degenerate-data: arrays and columns that hold nothing to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.consequences import severity_of_block, severity_of_filled
from gradlint.passes.reasons import Why
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.rules.wording import counted, listed, on_other_data, paths, ranges, victims
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.record.start import Data

DOC = """\
## What it does

Reports arrays of the sample in which all elements are equal or some are NaN, sample weights that are all zero, and
columns of a table of measured numbers that are constant or equal to another column.

## Why it matters

A constant column teaches nothing, two equal ones share one weight's work between two, and a single NaN becomes the NaN
of every weight. Labels that are all equal are learned by a bias.

## Example

```python
sample = {"x": np.zeros((32, 10)), "y": y}                                  # GL414: x was never filled
```

```python
sample = {"x": features, "y": y}
```

## What to do

Look at how the sample is made: a join that found nothing, a file read twice, a scaler divided by zero.

## Known limits

Columns are looked at in tables of 16 rows and more of fractional numbers; flags, counts and pixels are often constant
in a few rows. Where a gradient is zero, the inputs that hold zeros alone are filled with random numbers: if it
passes then, the finding names what stayed without one, and it is a warning when no input holds anything. It is an
info otherwise: a state, a mask or a feature that these rows do not have may be empty on purpose. Where a NaN goes on
to the loss, GL302 says where.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per array with nothing to learn from."""
    flow = facts.flow
    start = flow.recording.start if flow is not None else None
    if flow is None or start is None:
        return
    if any(data.is_weight for data in start.data):
        yield _of_weights(facts, [data.key for data in start.data if data.is_weight])
    for data in start.data:
        if data.is_weight:
            continue
        message, tried = _message(data), []
        is_filled = facts.filled is not None and not data.is_label and data.key in facts.filled.keys
        variables = facts.starved if is_filled else ()
        if facts.filled is not None and variables:
            message += f": {victims((), variables)} with zero gradient, and a usable one once it is filled"
            tried = [on_other_data(facts.filled, paths(variables))]
        yield RULE.finding(
            message,
            severity=severity_of_filled(facts) if variables else severity_of(Consequence.INTENDED),
            inputs=() if data.is_label else (data.key,),
            variables=paths(variables),
            evidence={
                "nan": data.nan,
                "source": data.key if data.nan else None,
                "constant": data.constant,
                "columns": list(data.constant_columns),
                "experiments": tried,
            },
            advice=_FILL if variables else "",
        )


def _of_weights(facts: Facts, outputs: Sequence[str]) -> Finding:
    """What the loss leaves out, since no row of the sample counts for it."""
    stopped = [block for block in facts.blocks if block.why is Why.NO_WEIGHT]
    keys = tuple(dict.fromkeys(key for block in stopped for key in block.inputs))
    variables = tuple(dict.fromkeys(variable for block in stopped for variable in block.variables))
    message = f"all sample weights{f' of {listed(outputs)}' if any(outputs) else ''} are 0"
    if stopped:
        message += f": {victims(keys, variables)} with zero gradient"
    found = [severity_of_block(facts, block) for block in stopped]
    return RULE.finding(
        message,
        severity=max(found, key=lambda each: each.order, default=severity_of(Consequence.INTENDED)),
        inputs=keys,
        variables=paths(variables),
        advice="Give the check rows that count.",
    )


_FILL = "Fill the array: give the check a sample as training has it."


def _message(data: Data) -> str:
    what = f"{'labels' if data.is_label else 'input'} '{data.key}' of shape {data.shape}"
    if data.nan:
        return f"{what} {'hold' if data.is_label else 'holds'} {counted(data.nan, 'NaN element')}"
    if data.constant is not None:
        return f"all elements of {what} are {data.constant:g}"
    parts = []
    if data.constant_columns:
        parts.append(f"{len(data.constant_columns)} constant ({ranges(data.constant_columns)})")
    if data.twins:
        first, second = data.twins[0]
        parts.append(f"{len(data.twins)} equal to another ({second} to {first})")
    return f"of the {data.columns} columns of {what}, {' and '.join(parts)}"


RULE = Rule(
    code="GL414",
    name="degenerate-data",
    loses=Consequence.BRANCH,
    certainty=Certainty.IN_SAMPLE,
    advice="Look at how the sample is made: leave constant and repeated columns out, and replace NaN.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.PROBES, Need.EXPERIMENTS}),
    blames=SAMPLE,
)
