"""GL108 nothing-trainable: no trainable variable is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause
from gradlint.rule import FREEZING, Rule
from gradlint.rules.step_wording import asked_of_nothing, at, crash_of
from gradlint.rules.wording import paths
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
variables goes unnoticed. In a training step, a gradient that is asked with respect to an empty list is reported where
the loss reads frozen variables; one that asks for the gradients of tensors alone, as an attack does, passes.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when every variable of the model is frozen, and one per gradient that is asked of nothing."""
    yield from _asked_of_nothing(facts)
    recording = facts.recording
    if recording is None or recording.failure is not None:
        return
    frozen = [variable for variable in recording.variables if variable.tracked]
    if not frozen or any(variable.trainable for variable in recording.variables) or _asks_for_tensors(facts):
        return
    compiled = facts.spec is None or facts.spec.compiled
    overruled = sum(variable.is_overruled for variable in frozen)
    why = ""
    if overruled:
        why = f": the model's own trainable=False overrules the layers of {overruled} of them, which say otherwise"
    yield RULE.finding(
        f"none of the model's {len(frozen)} float variables is trainable{why}",
        severity=severity_of(Consequence.NOTHING_LEARNS if compiled else Consequence.INTENDED),
        variables=tuple(variable.path for variable in frozen),
        # The head, as a rule: whoever freezes layers means those before it.
        cause=Cause(frozen[-1].layer.partition("/")[0] or None),
        evidence={"variables": len(frozen), "compiled": compiled},
        advice="Set trainable=True on the model, and False on the layers that should stay as they are." if why else "",
    )


def _asks_for_tensors(facts: Facts) -> bool:
    """Whether a step wants the gradients of tensors alone: an attack, a saliency map; nothing is to learn."""
    calls = facts.step.record.calls if facts.step is not None else ()
    return bool(calls) and all(call.sources and not any(source.variable for source in call.sources) for call in calls)


def _asked_of_nothing(facts: Facts) -> Iterator[Finding]:
    """The calls of a training step whose list of variables is empty, although the loss reads frozen ones."""
    for call, frozen in asked_of_nothing(facts):
        yield RULE.finding(
            f"the gradient is asked with respect to no variable: the list is empty, and the {len(frozen)} float "
            "variables that the loss reads and nobody trains are frozen",
            variables=paths(frozen),
            cause=at(call.frames[0] if call.frames else None),
            evidence={"ends_in": crash_of(facts.step)},
            position=call.first,
            advice="Ask for the variables of the model that should learn, and set trainable=True on it.",
        )


RULE = Rule(
    code="GL108",
    name="nothing-trainable",
    loses=Consequence.NOTHING_LEARNS,
    advice="Set trainable=True on the layers that should learn, before compile().",
    doc=DOC,
    check=check,
    blames=FREEZING,
)
