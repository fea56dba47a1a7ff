"""GL617 variable-in-call: weights are made where the model runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.record.step_record import Frame
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a layer with weights, or a `tf.Variable`, that is created where the model runs: in `call`, `train_step`,
or in the block of a tape; and an optimizer with moments that a step, or each turn of a training loop, creates.

## Why it matters

Each run makes a new layer with new random weights. They are not among the model's variables, nothing trains
them, and under `tf.function` the second trace raises an error.

Seen in public:

- https://github.com/koshian2/OctConv-TFKeras (`oct_conv2d.py`, line 191)
- https://github.com/littlemesie/recommend-tf2.0 (`src/ctr/layers/modules.py`, line 131)

## Example

```python
def call(self, x):
    return keras.layers.Dense(4)(x)                  # GL617
```

```python
def __init__(self):
    super().__init__()
    self.dense = keras.layers.Dense(4)

def call(self, x):
    return self.dense(x)
```

## What to do

Create it once and keep it in an attribute.

## Known limits

Layers without weights are quiet, and so is what stands behind an `if self.x is None` guard, or in functions that
build a functional model. A variable that the step itself trains and reads again, or returns, is meant: the image
of a style transfer, the perturbation of an attack.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per line that creates a trainable variable each time the step runs."""
    places: dict[Frame | None, list[str]] = {}
    for path, frames in facts.step.record.born if facts.step is not None else ():
        places.setdefault(frames[0] if frames else None, []).append(path)
    for frame, paths in places.items():
        yield RULE.finding(
            f"{counted(len(paths), 'trainable variable')} ('{paths[0]}') created anew each time the step runs",
            variables=tuple(paths),
            cause=at(frame),
        )
    for name, frames in facts.step.record.made if facts.step is not None else ():
        yield RULE.finding(
            f"{name} is created anew each time the step runs: its moments and its count of steps begin at zero",
            severity=severity_of(Consequence.HINDERED),
            cause=at(frames[0] if frames else None),
            advice="Create the optimizer once, outside of the step.",
        )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per layer or variable that is made anew at each run."""
    from gradlint.source.creating import made_while_running, optimizers_made_in_turns
    from gradlint.source.identity import method_name

    for value, function in made_while_running(module):
        yield RULE.in_source(
            module,
            value,
            f"`{method_name(value)}` is created in `{function}`: each run makes new weights",
        )
    for value in optimizers_made_in_turns(module):
        yield RULE.in_source(
            module,
            value,
            f"`{method_name(value)}` is created in each turn of the loop: its moments and its count begin at zero",
            severity_of(Consequence.HINDERED),
        )


RULE = Rule(
    code="GL617",
    name="variable-in-call",
    loses=Consequence.VARIABLES,
    advice="Create layers and variables in `__init__` or `build`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
