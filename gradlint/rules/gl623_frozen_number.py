"""GL623 frozen-number: a traced function reads a Python number that the loop changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a number of Python's own (`self.step`, `epoch`, `state["rate"]`) that changes from step to step, and that a
`tf.function` computes with.

## Why it matters

Python runs while TensorFlow traces the function, once. What the number is then is a constant of the graph: a warm-up
weight stays at its first value, a schedule never moves, and of an `if` the branch of the first step is taken for ever.

## Example

```python
@tf.function
def train_step(self, x, y):
    self.step += 1
    weight = min(1.0, self.step / 1000)              # GL623: 0.001 for ever
```

```python
    self.step.assign_add(1.0)                        # self.step = tf.Variable(0.0, trainable=False)
    weight = tf.minimum(1.0, self.step / 1000)
```

## What to do

Keep the number in a `tf.Variable` and compute with TensorFlow's operations, or hand it to the function as a tensor. A
Python number as an argument has the function traced again for each of its values.

## Known limits

Numbers that are only shown, counted or returned are quiet, and so are functions that `tf.config.run_functions_eagerly`
opens. At run time a number counts that the step itself changes, in a place that the names of its functions lead to:
attributes, globals, cells, entries of a dict. In source, one that the file begins with a number and changes by what it
was.
"""

_ONCE = "when it is traced, and goes on with that value in all later steps"


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per number that a step changes and that code which is traced once reads."""
    if facts.step is None:
        return
    told = set[str]()
    for number in facts.step.record.frozen:
        if number.text in told:
            continue
        told.add(number.text)
        where = f" in line {number.changed.line}" if number.changed is not None else ""
        # What is changed outside of the function may be there to have it traced anew.
        certainty = Certainty.CERTAIN if number.is_inside else Certainty.IN_SAMPLE
        yield RULE.finding(
            f"`{number.text}` is a Python number, changed{where} from {number.was:g} to {number.now:g}; "
            f"`{number.function}` reads it {_ONCE}",
            severity=severity_of(RULE.loses, certainty),
            cause=at(number.frame),
            evidence={"before": number.was, "after": number.now},
        )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per Python number that changes and that a function which is traced once computes with."""
    from gradlint.source.freezing import frozen_numbers

    for place, text, line in frozen_numbers(module):
        where = module.line_beside(line, place.lineno)
        yield RULE.at_node(
            module,
            place,
            f"`{text}` is a Python number that {where} changes; this function reads it {_ONCE}",
        )


RULE = Rule(
    code="GL623",
    name="frozen-number",
    loses=Consequence.MISLED,
    advice="Keep the number in a tf.Variable (assign_add), or hand it to the function as a tensor.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
