"""GL205 partly-used-input: slices of an input that never receive a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding, Severity
from gradlint.rule import Need, Rule
from gradlint.rules.wording import paths, ranges
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Severity
    from gradlint.passes.facts import Facts
    from gradlint.passes.partial import Unused

DOC = """\
## What it does

Reports slices of a float input (time steps, columns) that receive no gradient in the sample and in any
probe, while other slices of the same axis do.

## Why it matters

The model has data that it never looks at. The classic case is `x[:, -1]` on the raw sequence where the
output of a recurrent layer was meant: one of ten time steps is used, and the loss still falls a little.

## Example

```python
last = sequence[:, -1]                            # GL205: time steps 0-8 of 10 receive no gradient
out = head(keras.ops.concatenate([last, vector], axis=-1))
```

```python
last = keras.layers.LSTM(64)(sequence)
out = head(keras.ops.concatenate([last, vector], axis=-1))
```

## What to do

Read the missing slices, or leave them out of the sample and the model.

## Known limits

The finding is a warning when a slicing operation (slice, gather, split, unstack) is found among the
first operations behind the input, or behind what is joined from its slices (`h[:, 0]` of what a recurrent
layer returns), and an info otherwise. Variables that learn nothing for the same reason are named with it.
It is an info as well when the model has one input only and takes the last step of it, with what convolutions
before it see, or one step straight away, as a last-step baseline does. What a window with a stride leaves over
is passed over: slices at the two ends of an axis up to 34 % of its length (threshold `unused-tail`) for
sequences (and for other inputs along axes of 64 or more), and anything below half of an axis for images. A run of
slices at the
end of a short sequence that is left out by mistake can be missed for that reason. The batch axis and
integer inputs are not looked at. A column that is zero behind a rectifier for the sample and for every
probe looks unused.
"""


_AXES = {2: {1: "column"}, 3: {1: "time step", 2: "column"}}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per input and axis with slices that nothing uses."""
    for unused in facts.unused:
        rank = len(next(r.shape for r in facts.recording.inputs if r.key == unused.key)) if facts.recording else 0
        noun = _AXES.get(rank, {}).get(unused.axis, f"slice of axis {unused.axis}")
        op = unused.op
        several = len(unused.slices) > 1
        yield RULE.finding(
            f"{noun}{'s' if several and rank in _AXES else ''} {ranges(unused.slices)} "
            f"of {unused.length} of '{unused.key}' "
            f"receive{'' if several else 's'} no gradient, in the sample and in every probe",
            severity=_severity(unused),
            inputs=(unused.key,),
            variables=tuple(
                path for block in facts.blocks if block.position == unused.position for path in paths(block.variables)
            ),
            cause=Cause(op.layer or None, op.type, op.file, op.line) if op is not None else Cause(),
            evidence={
                "axis": unused.axis,
                "slices": list(unused.slices),
                "length": unused.length,
                "experiments": [
                    "the loss stays the same, to the last digit, when other values are put there",
                    "on perturbed samples, and with other seeds, no gradient reaches them either",
                ],
            },
            position=unused.position,
        )


def _severity(unused: Unused) -> Severity:
    """How much it matters: a last step may be meant, and what no slicing leaves out may be so by the values."""
    lost = Consequence.INTENDED if unused.is_last_step else Consequence.INPUT
    return severity_of(lost, Certainty.CERTAIN if unused.op is not None else Certainty.IN_SAMPLE)


RULE = Rule(
    code="GL205",
    name="partly-used-input",
    loses=Consequence.INPUT,
    advice="Read the missing slices, or leave them out of the sample.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS, Need.VALUES, Need.PROBES, Need.EXPERIMENTS}),
)
