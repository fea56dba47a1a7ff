"""GL107 variable-detour: values pass through the assignment and reading of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.rule import Need, Rule
from gradlint.rules.wording import cuts_in_words, victims
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

Reports values that are assigned to a variable and read back from it, when every path of an input or of
trainable variables to the loss leads through that variable.

## Why it matters

A variable starts a new path on the tape: what is read from it depends on the variable, not on what was
assigned. Everything that was computed before the assignment gets no gradient.

## Example

```python
def call(self, x):
    self.memory.assign(self.encoder(x))
    return self.head(self.memory)               # GL107: `encoder` cannot learn
```

```python
    features = self.encoder(x)
    self.memory.assign(features)
    return self.head(features)                  # the memory keeps a copy for the next call
```

## What to do

Pass the tensor on directly, and assign to the variable only what the loss of this call does not need,
such as a state for the next call or a statistic.

## Known limits

The finding is an error when trainable variables are victims and a warning when only inputs are. Only
assignments during the recorded run are seen. State that is written in one step and read in the next
is no detour of this step, and what was computed in an earlier step is not followed.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per assignment through which values pass on their way to the loss."""
    return cuts_in_words(RULE, facts, _said)


def _said(_: Flow, cut: Cut) -> tuple[str, str] | None:
    if not has(cut.op.type, Trait.OVERWRITES):
        return None
    what = "values are assigned to a variable and read back, which ends the tape's path"
    return f"{what}: {victims(cut.inputs, cut.variables)} without gradient", ""


RULE = Rule(
    code="GL107",
    name="variable-detour",
    loses=Consequence.VARIABLES,
    advice="Pass the tensor on directly; assign to the variable only what the loss does not need.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.EXPERIMENTS}),
    rents=frozenset({Feature.READS}),
)
