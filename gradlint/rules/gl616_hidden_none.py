"""GL616 hidden-none: missing gradients are hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports gradients whose missing entries are hidden before they are applied: `unconnected_gradients=ZERO`, or pairs
whose gradient is None filtered out.

## Why it matters

A gradient is None because no path leads to the variable. Hidden, the report of Keras, which would name the
variables, never comes, and they never learn.

Seen in public:

- https://github.com/PacktPublishing/Hands-On-Generative-AI-with-Python-and-TensorFlow-2 (`GAIL.ipynb`)
- https://github.com/csxeba/Learn-TensorFlow-2.0-The-Hard-Way (`reinforcement/ppo.py`, line 72)

## Example

```python
gradients = tape.gradient(loss, model.trainable_variables)
pairs = [(g, v) for g, v in zip(gradients, model.trainable_variables) if g is not None]   # GL616
optimizer.apply_gradients(pairs)
```

```python
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Run `gradlint.check_step` on the step: it names the line that stops each gradient. Where some variables are unused
on purpose, ask only for those that are used.

## Known limits

Filters that only clip or scale are quiet.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call whose missing gradients are filtered out or filled with zeros."""
    if facts.step is None:
        return
    reported = {v.path for drop in facts.drops if not drop.is_by_design for v in drop.variables}
    reported |= {v.path for cut in facts.cuts for v in cut.variables}
    reported |= {path for entry in facts.step.unseen for path in entry.variables}
    told = set[tuple[object, ...]]()  # a loop hides them at each turn
    for entry in facts.step.hidden:
        variables = tuple(path for path in entry.variables if path in reported)
        if variables and (entry.frame, variables) not in told:
            told.add((entry.frame, variables))
            how = "are turned into zeros" if entry.call.fills_zeros else "are left out before the optimizer sees them"
            yield RULE.finding(
                f"the missing gradients of {counted(len(variables), 'variable')} {how}",
                variables=variables,
                cause=at(entry.frame),
                position=entry.call.last,
            )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per place where missing gradients are hidden from the optimizer."""
    from gradlint.source.optimizing import hidden_nones

    reported: set[int] = set()
    for value, what in hidden_nones(module):
        if id(value) not in reported:
            reported.add(id(value))
            yield RULE.in_source(module, value, what)


RULE = Rule(
    code="GL616",
    name="hidden-none",
    loses=Consequence.UNHEARD,
    advice="Find out why the gradient is None before you hide it.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
