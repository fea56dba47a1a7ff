"""GL414 degenerate-data: arrays and columns that hold nothing to learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.result import GradientState
from gradlint.rule import Need, Rule
from gradlint.rules.wording import counted, ranges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.record.start import Data

DOC = """\
## What it does

Reports arrays of the sample in which all elements are equal or some are NaN, and columns of a table of measured numbers
that are constant or equal to another column.

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
in a few rows. It is a warning when an array of zeros is the reason why nothing receives a gradient, else an info:
states and masks are zero on purpose. Where a NaN goes on to the loss, GL302 says where.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per array with nothing to learn from."""
    flow = facts.flow
    start = flow.recording.start if flow is not None else None
    if flow is None or start is None:
        return
    for data in start.data:
        stopped = _stopped(flow, data)
        message = _message(data)
        if stopped:
            message += f": {counted(stopped, 'kernel')}, which is all there are, with zero gradient"
        yield RULE.finding(
            message,
            severity=Severity.WARNING if stopped else Severity.INFO,
            inputs=() if data.is_label else (data.key,),
            evidence={"nan": data.nan, "constant": data.constant, "columns": list(data.constant_columns)},
        )


def _stopped(flow: Flow, data: Data) -> int:
    """How many kernels stay where they are, if all do and the only input is all zeros."""
    if data.is_label or data.constant != 0.0 or len(flow.recording.inputs) != 1:
        return 0
    kernels = [variable for variable in flow.learners if len(variable.shape) > 1]
    states = {variable.gradient.state for variable in kernels}
    return len(kernels) if states == {GradientState.ZERO} else 0


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
    severity=Severity.WARNING,
    advice="Look at how the sample is made: leave constant and repeated columns out, and replace NaN.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
