"""GL606 rebound-variable: a variable's name is bound to a tensor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at, unseen_for, without_gradient
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Cause, Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a `tf.Variable` whose name is bound to the result of an expression (`w = w - lr * g`) in the loop that
takes its gradient, and what a loop over variables makes of one for its own name alone, as in a moving average.

## Why it matters

`w - lr * g` is a tensor. From the second turn on the tape, which watches variables by itself, watches nothing, the
gradient is None, and the next line fails or the loop learns nothing.

Seen in public:

- https://www.tensorflow.org/guide/autodiff ("Replaced a variable with a tensor")

## Example

```python
w = tf.Variable(1.0)
for _ in range(100):
    with tf.GradientTape() as tape:
        loss = tf.square(w - 3.0)
    g = tape.gradient(loss, w)
    w = w - 0.1 * g                                  # GL606: a tensor from here on
```

```python
    w.assign_sub(0.1 * g)
```

```python
for e, w in zip(averages, weights):
    e = 0.99 * e + 0.01 * w                          # GL606: the next turn binds `e` anew
```

```python
    e.assign(0.99 * e + 0.01 * w)
```

## What to do

Use `assign`, `assign_sub` or `assign_add`, or an optimizer.

## Known limits

Names that are bound to a new `tf.Variable`, watched in the block, or hold lists are quiet.
"""


_IS_NO_VARIABLE = "is bound to a tensor here and is no variable any more: its next gradient is None"
_IS_READ_BY_NOBODY = "is bound to a tensor here, which nothing reads"
_ASSIGN = "Give the variable the value: `e.assign(...)` in place of `e = ...`."


def _stays(number: int) -> str:
    return "the variable that it stood for stays as it is" if number == 1 else f"{number} variables stay as they are"


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason, or will in the next run."""
    asked = {_place(at(entry.frame)): entry.op for entry in unseen_for(facts, Reason.REBOUND)}
    told = set[tuple[str | None, int | None]]()
    for rebound in facts.step.record.rebound if facts.step is not None else ():
        cause = at(rebound.frames[0] if rebound.frames else None)
        told.add(_place(cause))
        number = len(rebound.variables)
        what = _IS_NO_VARIABLE
        if rebound.tensors:
            what = f"{_IS_READ_BY_NOBODY}: {_stays(number)}"
        yield RULE.finding(
            f"`{rebound.name}` {what}",
            variables=rebound.variables,
            cause=replace(cause, op=asked.get(_place(cause))),
            advice=_ASSIGN if rebound.tensors else "",
        )
    for finding in without_gradient(
        RULE, facts, Reason.REBOUND, lambda _: "its name went from a variable to the tensor of an update"
    ):
        if _place(finding.cause) not in told:  # The step asks again, of what it bound the turn before.
            told.add(_place(finding.cause))
            yield finding


def _place(cause: Cause) -> tuple[str | None, int | None]:
    return cause.file, cause.line


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per binding that makes a tensor of a differentiated variable, or one that nobody reads."""
    from gradlint.source.losing import lost_updates
    from gradlint.source.watching import rebound_variables

    for value, name in rebound_variables(module):
        yield RULE.in_source(module, value, f"{name} {_IS_NO_VARIABLE}")
    for value, name in lost_updates(module):
        finding = RULE.in_source(module, value, f"`{name}` {_IS_READ_BY_NOBODY}: the variable stays as it is")
        yield replace(finding, advice=_ASSIGN)


RULE = Rule(
    code="GL606",
    name="rebound-variable",
    loses=Consequence.VARIABLES,
    advice="Update the variable in place: `w.assign_sub(lr * g)`.",
    doc=DOC,
    check=check,
    in_models="GL102",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
