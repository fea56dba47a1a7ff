"""GL605 mismatched-pairs: gradients of one set of variables are applied to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at, crash_of
from gradlint.rules.wording import counted
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports gradients of one set of variables that are paired with another set in `apply_gradients` or `apply`, or with the
same one in the reverse order. At run time
it also explains an optimizer that ends the step since it was built for other variables.

## Why it matters

An optimizer trusts its pairs. With the same number of variables it fails at the first shape that differs,
or, worse, moves one network by the gradients of the other without a word.

## Example

```python
generator_gradients = tape.gradient(g_loss, generator.trainable_variables)
g_optimizer.apply_gradients(
    zip(generator_gradients, discriminator.trainable_variables)   # GL605
)
```

```python
g_optimizer.apply_gradients(
    zip(generator_gradients, generator.trainable_variables)
)
```

## What to do

Keep the list of variables in a name of its own and use it for both, `gradient` and `zip`.

## Known limits

`weights`, `variables` and `trainable_variables` of one model count as one set, and a list that is built in
parts (`a.trainable_variables + b.trainable_variables`) is compared part by part. Sets whose origin the
file does not show are not compared.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per update that gives gradients to variables they do not belong to."""
    if facts.step is None:
        return
    for refused in facts.step.record.updates:
        if refused.error is not None and "Unknown variable" in refused.error and refused.pairs:
            yield RULE.finding(
                f"{refused.optimizer} was built for other variables, and refuses '{refused.pairs[0].variable}'",
                variables=tuple(pair.variable for pair in refused.pairs),
                cause=at(refused.frames[0] if refused.frames else None),
                evidence={"optimizer": refused.optimizer, "ends_in": crash_of(facts.step)},
                position=refused.first,
                advice="Use an optimizer of its own for each list of variables, or build it with all of them.",
            )
    for entry in facts.step.mispaired:
        update, (of, to) = entry.update, entry.pairs[0]
        what = f"{counted(len(entry.pairs), 'gradient')} of {len(update.pairs)}"
        yield RULE.finding(
            f"{what} go to variables they do not belong to: that of '{of}' to '{to}'",
            variables=tuple(dict.fromkeys(path for pair in entry.pairs for path in pair)),
            cause=at(update.frames[0] if update.frames else None),
            evidence={"optimizer": update.optimizer, "pairs": len(entry.pairs), "ends_in": crash_of(facts.step)},
            position=update.first,
        )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per pairing of gradients with variables that they do not belong to."""
    from gradlint.source.optimizing import mismatched_pairs

    for value, what in mismatched_pairs(module):
        yield RULE.in_source(module, value, what)


RULE = Rule(
    code="GL605",
    name="mismatched-pairs",
    loses=Consequence.MISLED,
    advice="Pair the gradients with the variables that they were taken of.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
