"""GL407 layer-shape: a shape mismatch inside the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.passes.rows import rows_changed, uneven_rows
from gradlint.passes.starting import class_without_unit
from gradlint.record.terms import Region
from gradlint.rule import SAMPLE, Rule
from gradlint.rules.wording import listed, shape
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts
    from gradlint.record.recording import Failure

DOC = """\
## What it does

Reports a run that ended with a shape error of TensorFlow or Keras: the layer, the shapes of the tensors
that went into it, and the input keys they come from.

## Why it matters

The error that Keras raises names the operation and the argument, often deep inside of a layer. With
several inputs the question is which branch brought the wrong shape.

## Example

```python
a = keras.layers.Conv1D(8, 3)(sequence)           # (batch, 8, 8)
b = keras.layers.Dense(8)(vector)                 # (batch, 8)
out = Join()(a, b)                                # GL407: a custom layer that concatenates the two
```

```python
a = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(8, 3)(sequence))
out = Join()(a, b)
```

## What to do

Compare the shapes in the message, and add a Flatten, Reshape or pooling layer where they differ.

## Known limits

An error is taken for one about shapes if TensorFlow or Keras raise it, by its type and its words. What the
model's own code raises, whatever it says, ends the check with exit status 2. A model that fails shows
nothing else: no gradient was computed. A wrong shape of an input itself is reported before the run, by
GL403. Where the loss fails, the last layer that ran is named. Errors about dtypes are GL404's, classes that the output
has no unit for GL410's.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the run ended with a shape error."""
    recording = facts.recording
    if recording is None or recording.failure is None or recording.failure.kind != "shape":
        return
    failure = recording.failure
    flow = facts.flow
    if flow is not None and class_without_unit(flow) is not None:
        return  # The labels are at fault, and not a shape: GL410, or GL409.
    if uneven_rows(facts):
        return  # The sample is: GL406.
    changed = rows_changed(flow, failure.layer or "") if flow is not None and failure.region is Region.LOSS else None
    if flow is not None and changed is not None:
        position, before, after = changed
        op = flow.op(position)
        maker = f"layer '{op.layer}'" if op.layer else "the model"
        yield RULE.finding(
            f"{maker} turns {before} rows into {after} ({op.type}), which the loss cannot compare with the "
            f"labels: {failure.message}",
            inputs=tuple(sorted(flow.keys_behind(position))),
            cause=Cause(op.layer or None, op.type, op.file, op.line),
            evidence={"error": failure.message, "rows_before": before, "rows_after": after},
            position=position,
        )
        return
    where = failure.part
    if failure.region is Region.MODEL:
        where = f"layer '{failure.layer}'" if failure.layer else "the model"
    shapes = f" with tensors of shape {', '.join(shape(s) for s in failure.shapes)}" if failure.shapes else ""
    sources = f" (from {listed(failure.inputs)})" if failure.inputs else ""
    yield RULE.finding(
        f"{where} fails{shapes}{sources}: {failure.message}",
        inputs=failure.inputs,
        cause=Cause(failure.layer, failure.op, failure.file, failure.line),
        evidence={"error": failure.message, "shapes": [str(list(s)) for s in failure.shapes]},
        advice=_advice(failure),
    )


def _advice(failure: Failure) -> str:
    """What to do about a failure that no layer between two others would mend; empty for the others."""
    if failure.region is Region.LOSS and "target" in failure.message and "rank" in failure.message:
        return (
            "Whole numbers as labels go with sparse_categorical_crossentropy, one-hot rows with "
            "categorical_crossentropy: change the loss, or the labels."
        )
    if "is not in [0," in failure.message:
        return "Look at the number that the message names: give the layer more rows (input_dim), or map the ids."
    return ""


RULE = Rule(
    code="GL407",
    name="layer-shape",
    loses=Consequence.FAILS,
    advice="Compare the shapes named in the message; add a Flatten, Reshape or pooling layer where they differ.",
    doc=DOC,
    check=check,
    blames=SAMPLE,
)
