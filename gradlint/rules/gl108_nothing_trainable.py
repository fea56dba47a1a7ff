"""GL108 nothing-trainable: no trainable variable is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Rule
from gradlint.severity import Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a model none of whose variables is trainable.

## Why it matters

`fit` runs, the loss is printed, and nothing changes. The usual reason is `base.trainable = False` on a
model that has no layers of its own, or set on the whole model instead of on its backbone.

## Example

```python
model = keras.Sequential([backbone, keras.layers.Dense(1)])
model.trainable = False                           # GL108
model.compile("adam", "mse")
```

```python
backbone.trainable = False
model.compile("adam", "mse")
```

## What to do

Set `trainable = True` on the layers that should learn, before `compile()`.

## Known limits

Only float variables count: a model with nothing but seeds and lookup tables has nothing to train, and
neither has a model without variables; both pass. A model that is not compiled may be meant for
inference, and gets an info. The optimizer is not looked at: one that was built with another list of
variables goes unnoticed.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when every variable of the model is frozen."""
    recording = facts.recording
    if recording is None or recording.failure is not None:
        return
    frozen = [variable for variable in recording.variables if variable.tracked]
    if not frozen or any(variable.trainable for variable in recording.variables):
        return
    compiled = facts.spec is None or facts.spec.compiled
    yield RULE.finding(
        f"none of the model's {len(frozen)} float variables is trainable",
        severity=severity_of(Consequence.NOTHING_LEARNS if compiled else Consequence.INTENDED),
        variables=tuple(variable.path for variable in frozen),
        evidence={"variables": len(frozen), "compiled": compiled},
    )


RULE = Rule(
    code="GL108",
    name="nothing-trainable",
    loses=Consequence.NOTHING_LEARNS,
    advice="Set trainable=True on the layers that should learn, before compile().",
    doc=DOC,
    check=check,
)
