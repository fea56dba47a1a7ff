"""GL611 tape-asked-twice: a tape that is not persistent is asked twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import missing, target_of, unseen_for
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports the second question to a tape that is not persistent.

## Why it matters

A tape that is not persistent frees what it recorded with the first `gradient` or `jacobian`. The second
raises a RuntimeError.

Seen in public:

- https://github.com/tensorflow/tensorflow/issues/31265

## Example

```python
with tf.GradientTape() as tape:
    g_loss, d_loss = losses(x)
g = tape.gradient(g_loss, generator.trainable_variables)
d = tape.gradient(d_loss, discriminator.trainable_variables)   # GL611
```

```python
with tf.GradientTape(persistent=True) as tape:
    g_loss, d_loss = losses(x)
```

## What to do

Use two tapes, one question with a list of lists as sources, or `persistent=True` and `del tape` afterwards.

## Known limits

Both questions must lie on one way through the function; those of different branches, or after a `reset`, are
quiet.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    for entry in unseen_for(facts, Reason.USED_UP):
        target = target_of(entry)
        message = (
            f"the tape was asked for a gradient before, and is not persistent: {target} cannot be differentiated again"
        )
        yield missing(RULE, facts, entry, message)


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per second question to a tape that is not persistent."""
    from gradlint.source.expressions import is_tape
    from gradlint.source.identity import position

    reported: set[int] = set()
    for tape, first, second in module.again:
        if (
            not is_tape(tape)
            or module.is_persistent(tape) is not False
            or id(second) in reported
            or second.place.raises
        ):
            continue
        reported.add(id(second))
        line = module.line_beside(position(first)[0], position(second)[0])
        how = "in the next turn of the loop" if first is second else f"after {line}"
        yield RULE.in_source(module, second, f"the tape is asked again {how}, and it is not persistent")


RULE = Rule(
    code="GL611",
    name="tape-asked-twice",
    loses=Consequence.VARIABLES,
    advice="Ask once for all sources, or open the tape with `persistent=True`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
