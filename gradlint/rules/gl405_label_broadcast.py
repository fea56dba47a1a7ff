"""GL405 label-broadcast: labels and predictions of different shapes broadcast silently in the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.rule import SAMPLE, Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import shape
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports labels and predictions of different shapes that the loss compares element by element, so that one
of them is repeated.

## Why it matters

TensorFlow broadcasts without a word. Labels of shape `(8,)` against predictions of shape `(8, 1)` give
`(8, 8)`: every prediction is drawn to every label, and the model learns the mean. Labels of shape `(8, 1)`
against predictions of shape `(8, 5)` train five outputs on one value. The loss falls in both cases.

## Example

```python
def step(sample):                                             # a custom training step
    prediction = model(sample["x"])                           # (8, 1)
    return tf.reduce_mean((sample["y"] - prediction) ** 2)    # GL405: y is (8,), the result (8, 8)
```

```python
    return tf.reduce_mean((sample["y"][:, None] - prediction) ** 2)
```

## What to do

Give labels and predictions the same shape: `y[:, None]`, `y.reshape(-1, 1)`, a last layer with as many
units as there are labels, or a Flatten before the loss.

## Known limits

The first place of each label and layer is reported. Inputs count as labels where code of the user's own, in
the loss or in a layer that calls `add_loss`, lets them meet what depends on a trainable variable. The rows of
the labels are then handed to other predictions: the message says when the loss does not notice. Pairs that are
meant pass: both arrays given an axis, one of them transposed, or a table that is searched along an axis
(`min`, `softmax`). A product with a mask of fewer axes is a use of broadcasting. In a
loss of the user's own, labels of the same rank that are repeated along an axis of length one, such as
`(8, 1)` against `(8, 3)` quantiles, are taken as meant. Shapes that differ without a repetition, such as
`(1,)` and `(1, 1)`, pass, so a sample with one row shows less than one with several. A loss given to
`compile` gets labels of shape `(8,)` as `(8, 1)` from Keras when the predictions have that shape; the same
function in a training loop of one's own does not. Labels without a compiled or given loss are not
compared with anything.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per label that meets a prediction of another shape."""
    for broadcast in facts.broadcasts:
        yield RULE.finding(
            f"{'labels' if broadcast.is_label else 'input'} '{broadcast.key}' {shape(broadcast.label_shape)} "
            f"{'meet' if broadcast.is_label else 'meets'} predictions {shape(broadcast.prediction_shape)} in "
            f"{broadcast.op.type} and {'broadcast' if broadcast.is_label else 'broadcasts'} to "
            f"{shape(broadcast.result_shape)}"
            + (", and the loss stays as it is when their rows change places" if broadcast.key in facts.blind else ""),
            inputs=(broadcast.key,),
            cause=Cause(broadcast.layer or None, broadcast.op.type, broadcast.op.file, broadcast.op.line),
            evidence={
                "label_shape": list(broadcast.label_shape),
                "prediction_shape": list(broadcast.prediction_shape),
                "result_shape": list(broadcast.result_shape),
            }
            | ({"rows_matter": False} if broadcast.key in facts.blind else {}),
            position=broadcast.position,
        )
    for crossing in facts.step.crossings if facts.step is not None else ():
        one, other, result = (shape(lengths) for lengths in (crossing.column, crossing.row, crossing.result))
        yield RULE.finding(
            f"{one} and {other} meet in {crossing.op} and broadcast to {result}: every row meets every other",
            cause=at(crossing.frame, crossing.layer, crossing.op),
            evidence={"result_shape": list(crossing.result)},
            position=crossing.position,
        )


RULE = Rule(
    code="GL405",
    name="label-broadcast",
    loses=Consequence.MISLED,
    advice="Give labels and predictions the same shape, for example y[:, None] or a Flatten before the loss.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.EXPERIMENTS}),
    blames=SAMPLE,
)
