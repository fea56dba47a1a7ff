"""GL502 future-leak: an output at one step depends on a later step of an input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.wording import leak_finding
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports the first operation through which an output at one step depends on a later step of an input.
It is looked for where the labels repeat an input one step ahead (the next token, the next sample), and when
asked: `--causal INPUT` names the input, `--causal INPUT:AXIS` the axis of its steps (1, the axis after the batch,
unless told otherwise). In inference mode, the outputs up to the first and up to the middle step must stay as they
are when every later step of the input is replaced.

## Why it matters

A language model or a forecaster that sees the steps it is to predict learns to copy them. Its training
loss is excellent, and in use, where the future is missing, it is worthless.

## Example

```python
h = keras.layers.MultiHeadAttention(4, 16)(x, x)                           # GL502: y[:, t] is tokens[:, t + 1]
h = keras.layers.Bidirectional(keras.layers.LSTM(32, return_sequences=True))(x)   # GL502 too
```

```python
h = keras.layers.MultiHeadAttention(4, 16)(x, x, use_causal_mask=True)
h = keras.layers.Conv1D(32, 3, padding="causal")(x)
```

## What to do

Mask the attention (`use_causal_mask=True`), pad convolutions on the left (`padding="causal"`), take
recurrent layers in one direction, and normalise over the features and not over time. Where several layers leak,
the first is named as the cause, and the last in the message: mend all from the one to the other.

## Known limits

Two steps are looked at, not all: the later steps are replaced, and the output at or before them must stay
as it is, to a hundred-thousandth of its largest element. Only outputs with as many steps as the input are looked
at, along the same axis. Labels count as repeated when at least every fourth element of the input differs from
the step before it; labels in another form (one-hot, a difference, several steps ahead) are not recognised.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per causal input whose later steps an output depends on."""
    recording = facts.recording
    for leak in recording.future_leaks if recording is not None else ():
        until = f", up to {leak.others[-1]}" if leak.others else ""
        why = f", which labels '{leak.asked_by}' ask it to predict" if leak.asked_by else ""
        what = f"depend on '{leak.input}' at later steps{until}{why}"
        yield leak_finding(RULE, leak, f"{leak.type} lets the output at step {leak.at} {what}", "step")


RULE = Rule(
    code="GL502",
    name="future-leak",
    loses=Consequence.MISLED,
    advice="Mask the attention, pad convolutions on the left, and take recurrent layers in one direction.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS, Need.VALUES, Need.FUTURE_LEAKS}),
)
