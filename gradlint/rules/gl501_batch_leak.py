"""GL501 batch-leak: the output of one sample depends on the input of another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.wording import leak_finding
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports the first operation at which the output of one sample comes to depend on the input of another
sample of the batch, in inference mode.

## Why it matters

Rows of a batch are meant to be independent. A `reshape` that takes the batch axis into its -1, a
transpose that loses it, or a mean over axis 0 mixes them: the model learns from its neighbours in the
batch, its validation depends on the order and the size of batches, and a single example gives another
answer.

## Example

```python
x = keras.ops.reshape(x, (-1, time, features))    # GL501: x is (time, batch, features)
```

```python
x = keras.ops.transpose(x, (1, 0, 2))
```

## What to do

Keep the batch axis first and untouched. Never let the -1 of a reshape, or `axis=0`, take it in.

## Known limits

The rule runs only when code other than Keras's own layers took part, and all inputs have a free batch axis
of the same length of two or more. The other rows are replaced, and the output of the first and of the last
row must stay as it is, to a thousandth of its largest element: dependence between other rows is not seen.
Gradients then tell the operation, or, where there are none, the values do. BatchNormalization mixes samples
while training only, which is no leak. A model that compares the samples of a batch on purpose is not
reported if its output is the matrix of all pairs; other such models are: leave them out with
`--ignore GL501`. An output counts as such a matrix when it has a column less with a sample less. One number of
the whole batch through which no gradient passes (the scale of a quantizer) is an info. Where no gradient is left
between rows once it ends at what the model writes to its state, as to a memory of prototypes, it is a warning: a memory
may be meant to know the whole batch, in inference, too.
"""


_STATE = "Write the state in training only (if training: ...), or ignore GL501 where a batch belongs to one memory."


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding where the samples of a batch begin to mix, in inference mode."""
    recording = facts.recording
    if recording is None or recording.leak is None:
        return
    leak = recording.leak
    what = f"an output of one sample depends on '{leak.input}' of another"
    if leak.is_state:
        what += ", through a state that the model writes in inference, too"
    finding = leak_finding(RULE, leak, f"{leak.type} mixes the samples of the batch: {what}", "sample")
    if leak.is_state:  # A memory of all that passes may be meant; then it takes the whole batch for one.
        yield replace(finding, severity=severity_of(Consequence.MISLED, Certainty.IN_SAMPLE), advice=_STATE)
        return
    # A single number of the batch that no gradient passes through is a scale that the user takes from it.
    yield replace(finding, severity=severity_of(Consequence.INTENDED)) if leak.is_number else finding


RULE = Rule(
    code="GL501",
    name="batch-leak",
    loses=Consequence.MISLED,
    advice="Keep the batch axis first and untouched: never let -1 of a reshape, or axis=0, take it in.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.INPUTS, Need.VALUES, Need.LEAKS}),
)
