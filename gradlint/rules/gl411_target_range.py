"""GL411 target-range: targets that the last activation cannot reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.starting import REGRESSION, cause_of_head, targets_with_heads
from gradlint.rule import Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.record.start import Target

DOC = """\
## What it does

Reports targets of a regression that lie outside of what the output's last activation can give: above 1 or below 0 for
a sigmoid or softmax, beyond -1 and 1 for a tanh, below 0 for a rectifier or softplus.

## Why it matters

The network is pulled to the end of the activation's range and stays there: the slope vanishes, and the loss settles
at the distance that nothing can close.

## Example

```python
out = keras.layers.Dense(1, activation="sigmoid")(x)                        # GL411: prices from 5 to 50
model.compile("adam", "mse")
```

```python
out = keras.layers.Dense(1)(x)
```

## What to do

Leave the activation of the last layer out, or scale the targets into its range.

## Known limits

It takes a share of targets beyond the range (threshold `outside-share`: 5 %, since a few outliers are clipped on
purpose), with a margin of a hundredth. Only regression losses of Keras's own are looked at, and only an activation that
is the last operation.
"""

_RANGES = {
    "Sigmoid": "0 to 1",
    "Softmax": "0 to 1",
    "Tanh": "-1 to 1",
    "Softsign": "-1 to 1",
    "Relu": "0 upwards",
    "Softplus": "0 upwards",
    "Exp": "0 upwards",
}


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per output whose targets are out of its reach."""
    if facts.flow is None:
        return
    for target, head in targets_with_heads(facts.flow):
        reach = _RANGES.get(head.op.type)
        if reach is None or target.loss not in REGRESSION:
            continue
        share = _outside(head.op.type, target)
        if share < facts.flow.thresholds.outside_share:
            continue
        yield RULE.finding(
            f"{share:.0%} of the targets '{target.key}' ({target.low:.3g} to {target.high:.3g}) lie outside of "
            f"{reach}, which is all that the {head.op.type} of output '{head.output}' can give",
            cause=cause_of_head(head),
            evidence={"share": share, "target_min": target.low, "target_max": target.high},
            position=head.position,
        )


def _outside(activation: str, target: Target) -> float:
    """The share of targets that an activation cannot give."""
    match _RANGES[activation]:
        case "0 to 1":
            return target.below + target.above
        case "-1 to 1":
            return target.far_below + target.above
        case _:
            return target.below


RULE = Rule(
    code="GL411",
    name="target-range",
    loses=Consequence.HINDERED,
    advice="Leave the last activation out, or scale the targets into its range.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
