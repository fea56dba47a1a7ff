"""GL105 python-detour: values leave TensorFlow on the way to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.wording import cuts_in_words, is_detour, is_of_step, terms_in_words, victims
from gradlint.severity import Consequence
from gradlint.upstream.names import Feature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.cuts import Cut
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a place where values leave TensorFlow and come back (`tf.numpy_function`, `.numpy()`, NumPy
functions on tensors), when every path of an input or of trainable variables to the loss leads through
it.

## Why it matters

A tape records TensorFlow operations. What NumPy or plain Python computes is a constant to it, so
everything before that place gets no gradient, although the values, and the loss, look right.

## Example

```python
def call(self, x):
    features = self.encoder(x)
    scaled = np.tanh(features.numpy())          # GL105: `encoder` cannot learn
    return self.head(scaled)
```

```python
    scaled = keras.ops.tanh(features)
```

## What to do

Write the computation with `keras.ops` or TensorFlow operations. If it must stay outside, wrap it in a
`tf.custom_gradient` that computes its gradient.

## Known limits

The finding is an error when trainable variables are victims and a warning when only inputs are.
`tf.py_function` records a gradient of its own and is left alone as long as one arrives. The recorder
sees a value leave and a tensor without an origin arrive in the same layer, and joins the two; it does so
only where a gradient is missing and no other path explains it. Values that leave in one layer and
return in another, or that travel through a file or a global variable, look like constants, and what is
behind them is reported by GL101 or GL102. So is a tensor whose memory is read by other means than its own
methods, NumPy's functions and its ufuncs (`memoryview(features)`, a library in C), unless the layer returns
the result, and a single number of few digits that comes back (`tf.constant(0.5)` may be one from the
code). A whole term of the loss that comes back from a detour, added to others that do not, is a warning.
Detours in library code, outside of the user's lines, are not followed.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place where values pass through NumPy or a Python function."""
    yield from cuts_in_words(RULE, facts, _said)
    yield from terms_in_words(
        RULE, facts, lambda cut: _leaves(cut) if is_detour(cut.op.type) and not is_of_step(facts, cut) else None
    )


def _said(_: Flow, cut: Cut) -> tuple[str, str] | None:
    if not is_detour(cut.op.type):
        return None
    return f"{_leaves(cut)}: {victims(cut.inputs, cut.variables)} without gradient", ""


def _leaves(cut: Cut) -> str:
    how = {"PyFunc": "numpy_function", "EagerPyFunc": "py_function"}.get(cut.op.type, "NumPy")
    return f"values leave TensorFlow through {how}, where no tape follows"


RULE = Rule(
    code="GL105",
    name="python-detour",
    loses=Consequence.VARIABLES,
    advice="Write the computation with keras.ops or TensorFlow operations, or give it a tf.custom_gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.EXPERIMENTS}),
    rents=frozenset({Feature.DETOURS}),
)
