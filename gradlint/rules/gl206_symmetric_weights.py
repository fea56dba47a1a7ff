"""GL206 symmetric-weights: units that start equal and get equal gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.rule import Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts
    from gradlint.record.recording import VariableRecord

DOC = """\
## What it does

Reports kernels whose units (slices of the last axis) all have equal values and receive equal gradients,
in the sample and in every probe.

## Why it matters

Units that start equal and get equal gradients stay equal: a layer of 64 units then has the capacity of
one. The loss falls for a while, which hides the reason.

## Example

```python
x = keras.layers.Dense(64, kernel_initializer="ones")(inputs)              # GL206
x = keras.layers.Dense(64, kernel_initializer="ones")(x)
```

```python
x = keras.layers.Dense(64)(inputs)                                          # glorot_uniform
```

## What to do

Use a random initializer. Biases, scales and kernels with one unit may be constant.

## Known limits

Only kernels of two or more axes and two or more units count, and not those that are all zeros: a kernel
of zeros is GL207's if it blocks anything. One finding names all such kernels; its cause is the first.
Dropout, or a random kernel further on, gives equal units different gradients, so that they part in the
first step; such a kernel is not reported. Embedding tables are left out.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding for the kernels whose units can never differ."""
    flow = facts.flow
    if flow is None:
        return
    equal = [
        variable
        for variable in flow.learners
        if variable.units_equal
        and all(_stays_equal(probe.recording.variables, variable.path) for probe in facts.probes)
    ]
    for variable in equal[:1]:
        behind = sorted({key for other in equal for key in flow.branches[other.path]})
        yield RULE.finding(
            f"all {variable.shape[-1]} units of '{variable.path}' start equal and receive equal gradients"
            + (f", and so do those of {len(equal) - 1} more kernels" if len(equal) > 1 else "")
            + ": they can never differ",
            inputs=tuple(behind),
            variables=tuple(other.path for other in equal),
            cause=Cause(variable.layer, None, variable.file, variable.line),
            evidence={"units": variable.shape[-1], "kernels": len(equal)},
        )


def _stays_equal(variables: tuple[VariableRecord, ...], path: str) -> bool:
    return any(variable.path == path and variable.units_equal for variable in variables)


RULE = Rule(
    code="GL206",
    name="symmetric-weights",
    loses=Consequence.HINDERED,
    advice="Use a random kernel_initializer such as glorot_uniform.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.PROBES}),
    blames="kernel_initializer",
)
