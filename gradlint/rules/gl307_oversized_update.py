"""GL307 oversized-update: the first update is larger than the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Finding, Severity
from gradlint.rule import Need, Rule
from gradlint.rules.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Lets a copy of the compiled optimizer make its first update on copies of the weights, and reports when the norm of all
updates is larger than the norm of all weights (threshold `first-update`).

## Why it matters

An update larger than the weights throws the initialisation away: what comes next starts from a random place far
outside of the range in which activations have a slope. Rectifiers die, sigmoids saturate, and the loss oscillates
or becomes NaN. Usual updates are a thousandth of the weights (Karpathy, CS231n: "update / weight ratio").

## Example

```python
model.compile(keras.optimizers.Adam(learning_rate=1.0), "mse")              # GL307
```

```python
model.compile(keras.optimizers.Adam(learning_rate=1e-3), "mse")
```

## What to do

Lower the learning rate by the ratio, scale inputs and targets to unit deviation, or clip the gradient
(`clipnorm=1.0`).

## Known limits

Only the compiled optimizer of a model without its own `train_step` is tried, with its moments at zero, as they are
when training starts. Variables that start at zero count with their updates only. A ratio below one can still be far
too high: it takes a run to see that.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the first update outweighs the weights."""
    flow = facts.flow
    start = flow.recording.start if flow is not None else None
    if flow is None or start is None or any(rate.value < 0.0 for rate in start.rates):
        return
    kernels = [update for update in start.updates if update.weight > 0.0]
    weight = sum(update.weight**2 for update in kernels) ** 0.5
    moved = sum(update.update**2 for update in kernels) ** 0.5
    if not weight or moved <= flow.thresholds.first_update * weight:
        return
    larger = [update for update in kernels if update.update > flow.thresholds.first_update * update.weight]
    worst = max(larger, key=lambda update: update.update / update.weight)
    rate = next((rate for rate in start.rates if rate.attribute == "optimizer"), None)
    name = f"{rate.optimizer} with learning rate {rate.value:g}" if rate is not None else "the optimizer"
    yield RULE.finding(
        f"the first update of {name} is {moved / weight:.3g} times as large as the weights, and larger than those of "
        f"{counted(len(larger), 'variable')}: '{worst.path}' moves by {worst.update / worst.weight:.3g} times its norm",
        variables=tuple(update.path for update in larger),
        evidence={"ratio": moved / weight, "largest_ratio": worst.update / worst.weight},
    )


RULE = Rule(
    code="GL307",
    name="oversized-update",
    severity=Severity.WARNING,
    advice="Lower the learning rate, scale inputs and targets to unit deviation, or clip the gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
