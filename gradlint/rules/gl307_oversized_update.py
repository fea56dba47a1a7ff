"""GL307 oversized-update: the first update is larger than the weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradlint.passes.starting import high_starts, is_of_scale, update_ratio
from gradlint.rule import Need, Rule
from gradlint.rules.wording import counted, when_scaled
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Lets a copy of the compiled optimizer make its first update on copies of the weights, and reports when the norm of all
updates is larger than the norm of all weights (threshold `first-update`). The step is then made once more with the
inputs scaled by their own deviation; where that lowers the update to what is allowed, or tenfold, the inputs are named.
An update after which the loss of the same sample is lower is not reported.

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
too high: it takes a run to see that. At one, the optimizer takes away as much as the initialiser gave; networks that
train well were measured below 0.9. A model of fewer than eight weights is left alone: the norm of
so few random numbers is chance. Where unscaled inputs raise the loss as well, GL412 says it.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the first update outweighs the weights."""
    flow = facts.flow
    start = flow.recording.start if flow is not None else None
    if flow is None or start is None or any(rate.value < 0.0 for rate in start.rates):
        return
    limit = flow.thresholds.first_update
    ratio, scaled = update_ratio(start.updates), update_ratio(start.scaled_updates)
    before, after = flow.recording.loss.value, start.updated_loss
    if ratio <= limit or (after is not None and before is not None and after < before):
        return  # A line may have far to go, and gets there: what a large update is good for shows in the loss.
    if any(is_of_scale(flow, target) for target, _ in high_starts(flow)):
        return  # GL412 says it.
    is_of_inputs = bool(start.scaled_updates) and scaled <= max(limit, ratio / _MUCH)
    kernels = [update for update in start.updates if update.weight > 0.0]
    larger = [update for update in kernels if update.update > limit * update.weight]
    worst = max(larger, key=lambda update: update.update / update.weight)
    rate = next((rate for rate in start.rates if rate.attribute == "optimizer"), None)
    name = f"{rate.optimizer} with learning rate {rate.value:g}" if rate is not None else "the optimizer"
    yield RULE.finding(
        f"the first update of {name} is {ratio:.3g} times as large as the weights, and larger than those of "
        f"{counted(len(larger), 'variable')}: '{worst.path}' moves by {worst.update / worst.weight:.3g} times its norm"
        + (f"; the update falls to {scaled:.3g} times {when_scaled(start)}" if is_of_inputs else ""),
        inputs=tuple(key for key, _ in start.scaled) if is_of_inputs else (),
        variables=tuple(update.path for update in larger),
        evidence={
            "ratio": ratio,
            "largest_ratio": worst.update / worst.weight,
            "ratio_with_scaled_inputs": scaled if start.scaled_updates else None,
            "loss_after_update": after if after is not None and math.isfinite(after) else None,
        },
        advice=_SCALE if is_of_inputs else "",
    )


_MUCH = 10.0
"""From how many times on scaling the inputs lowers an update so much that it is a reason, if not the only one."""
_SCALE = "Scale these inputs: keras.layers.Normalization for tables, keras.layers.Rescaling for images."

RULE = Rule(
    code="GL307",
    name="oversized-update",
    loses=Consequence.HINDERED,
    advice="Lower the learning rate, scale inputs and targets to unit deviation, or clip the gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.EXPERIMENTS}),
)
