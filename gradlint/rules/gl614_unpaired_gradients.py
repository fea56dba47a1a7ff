"""GL614 unpaired-gradients: apply_gradients is not given pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.result import GradientState
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import asked_of_nothing, at
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports `apply_gradients` that is not given pairs: gradients and variables as two arguments, gradients alone, a `zip`
that was read before, or a `zip` over one tensor instead of lists.

## Why it matters

`apply_gradients` takes one iterable of (gradient, variable). A `zip` can be read once; the second reader finds it
empty. A `zip` over one tensor walks over its rows.

Seen in public:

- https://github.com/tensorflow/tensorflow/issues/28833
- https://github.com/tensorflow/tensorflow/issues/32478
- https://github.com/tensorflow/tensorflow/issues/31273

## Example

```python
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(gradients, model.trainable_variables)   # GL614
```

```python
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Zip the two lists where they are used. Keras 3 optimizers also have `apply(gradients, variables)`.

## Known limits

Classes of this file that define `apply_gradients` themselves are left alone, and so are arguments
that the file does not show.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per update that gets no pairs."""
    if facts.step is None:
        return
    calls = facts.step.record.calls
    of_nothing = [call for call, _ in asked_of_nothing(facts)]
    for update in facts.step.record.updates:
        # Where all that was asked for last is filtered out because it is None, that is the matter.
        before = [call.sources for call in calls if call.last <= update.first and call.sources][-1:]
        is_filtered = any(all(s.gradient.state is GradientState.ABSENT for s in sources) for sources in before)
        is_empty = not update.pairs and not is_filtered
        if update.error is not None and (not update.is_paired or is_empty):
            if is_empty and of_nothing:
                continue  # The variables are frozen: GL108.
            asks = next((c.frames[0].line for c in calls if not c.sources and c.frames and not c.odd_sources), None)
            why = f": the call in line {asks} asks for no variable" if asks and is_empty else ""
            yield RULE.finding(
                f"{update.optimizer}.apply_gradients is given no pairs of a gradient and a variable{why}",
                cause=at(update.frames[0] if update.frames else None),
                evidence={"ends_in": update.error},
                position=update.first,
            )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per call that is not given pairs, and per second reader of a `zip`."""
    from gradlint.source.identity import position
    from gradlint.source.optimizing import spent_pairs, unpaired

    for value, what in unpaired(module):
        yield RULE.in_source(module, value, f"`apply_gradients` takes (gradient, variable) pairs; {what}")
    for value, line in spent_pairs(module):
        where = module.line_beside(line, position(value)[0])
        yield RULE.in_source(module, value, f"the `zip` was read on {where} and is empty by now")


RULE = Rule(
    code="GL614",
    name="unpaired-gradients",
    loses=Consequence.MISLED,
    advice="Pass pairs: `apply_gradients(zip(gradients, variables))`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
