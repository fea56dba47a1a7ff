"""GL615 minimize-without-tape: minimize of a tensor, without a tape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.rule import Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports `minimize` of an optimizer that is given a tensor and no tape.

## Why it matters

Outside of a graph of TensorFlow 1 a loss that is already computed has no history. `minimize` raises
"`tape` is required when a `Tensor` loss is passed".

Seen in public:

- https://github.com/tensorflow/tensorflow/issues/51622
- https://github.com/tensorflow/tensorflow/issues/37933

## Example

```python
loss = loss_fn(y, model(x))
optimizer.minimize(loss, model.trainable_variables)  # GL615
```

```python
optimizer.minimize(lambda: loss_fn(y, model(x)), model.trainable_variables)
```

## What to do

Pass a callable without arguments, or open a tape. Optimizers of Keras 3 have no `minimize`: use a tape and `apply`.

## Known limits

Speaks for optimizers made by `tf.keras` or `keras` in this file; those of `tf.compat.v1` take tensors and are quiet.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding where the step ends in a call of minimize that has nothing to differentiate."""
    crash = facts.step.record.crash if facts.step is not None else None
    if crash is None:
        return
    is_missing = crash.kind == "AttributeError" and "'minimize'" in crash.message
    if is_missing or "should be a function when eager execution" in crash.message:
        yield RULE.finding(
            "minimize() is called with a loss that no tape has recorded",
            cause=Cause(file=crash.file, line=crash.line),
            evidence={"ends_in": f"{crash.kind}: {crash.message}"},
        )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per `minimize` of a tensor without a tape."""
    from gradlint.source.optimizing import tensors_to_minimize

    for value in tensors_to_minimize(module):
        yield RULE.in_source(module, value, "`minimize` is given a tensor and no tape to find its gradient")


RULE = Rule(
    code="GL615",
    name="minimize-without-tape",
    loses=Consequence.NOTHING_LEARNS,
    advice="Pass a function that computes the loss, or the tape: `minimize(loss, variables, tape=tape)`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
