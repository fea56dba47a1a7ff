"""GL306 bad-learning-rate: a learning rate with which nothing can be learned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradlint.rule import COMPILED, Rule
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.record.start import Rate

DOC = """\
## What it does

Reports an optimizer whose learning rate is negative, zero, NaN or infinite, and a schedule that starts so, or that
is at zero for good after at most 20 updates: it was given epochs where it counts updates.

## Why it matters

A negative rate climbs the loss instead of descending it, zero leaves every weight where it is, and a rate that is
no number makes all weights NaN with the first update. Keras accepts all of them.

## Example

```python
model.compile(keras.optimizers.SGD(learning_rate=-0.01), "mse")             # GL306
```

```python
model.compile(keras.optimizers.SGD(learning_rate=0.01), "mse")
```

## What to do

Give a positive rate; 1e-3 is usual for Adam, 1e-2 for SGD. What should not learn is frozen with `trainable = False`.

## Known limits

The optimizers that the model holds as attributes are looked at, the compiled one among them. A schedule that starts
at zero and rises within its first steps is a warm-up and no finding. Rates that a callback sets later are
not seen.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield the findings of every optimizer with a rate that cannot train, or not for long."""
    start = facts.recording.start if facts.recording is not None else None
    for rate in start.rates if start is not None else ():
        yield from _of(rate)


def _of(rate: Rate) -> Iterator[Finding]:
    if (wrong := _wrong(rate)) is not None:
        where = rate.optimizer if rate.attribute == "optimizer" else f"{rate.optimizer} '{rate.attribute}'"
        subject = f"the learning rate of {where} {'starts at' if rate.is_schedule else 'is'} {rate.value:g}"
        number = rate.value if math.isfinite(rate.value) else None
        yield RULE.finding(f"{subject}: {wrong}", evidence={"optimizer": rate.optimizer, "learning_rate": number})
        return
    of_a_while = severity_of(Consequence.NOTHING_LEARNS, Certainty.IN_SAMPLE)
    if rate.is_late:
        yield RULE.finding(
            f"the learning rate of {rate.optimizer} is 0 for the first updates, and not for the very first alone: "
            "until it rises, no update changes a weight",
            severity=of_a_while,
            evidence={"optimizer": rate.optimizer},
            advice="Let the warm-up rise with every update: divide as floats, not with //.",
        )
    if rate.end is not None:
        yield RULE.finding(
            f"the learning rate of {rate.optimizer} falls to 0 within {rate.end} updates and stays there: no later "
            "update changes a weight",
            severity=of_a_while,
            evidence={"optimizer": rate.optimizer, "last_update": rate.end},
            advice="Give the schedule the number of updates: epochs times batches in an epoch.",
        )


def _wrong(rate: Rate) -> str | None:
    if not math.isfinite(rate.value):
        return "the first update makes every weight NaN"
    if rate.value < 0.0:
        return "every update climbs the loss"
    return "no update changes a weight" if rate.value == 0.0 and rate.later <= 0.0 else None


RULE = Rule(
    code="GL306",
    name="bad-learning-rate",
    loses=Consequence.NOTHING_LEARNS,
    advice="Give a positive, finite learning rate.",
    doc=DOC,
    check=check,
    blames=COMPILED,
)
