"""GL104 stop-gradient: every path is cut by an explicit stop_gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import Trait, has
from gradlint.passes.twins import are_copies
from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import target_of, without_gradient
from gradlint.rules.wording import cuts_in_words, victims
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.cuts import Cut
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports a `tf.stop_gradient` (or `tf.raw_ops.PreventGradient`) that cuts every path from an input or
from trainable variables to the loss.

## Why it matters

`stop_gradient` is right where a value is a target or a constant. On the prediction, or on the wrong
side of a difference, it leaves the layers before it without gradient, and Keras says nothing when it
stands directly behind an input.

## Example

```python
prediction = keras.ops.stop_gradient(online(x))          # GL104: `online` cannot learn
loss = keras.ops.mean((prediction - target(x)) ** 2)
```

```python
goal = keras.ops.stop_gradient(target(x))
loss = keras.ops.mean((online(x) - goal) ** 2)
```

## What to do

Stop the gradient of the target, not of the prediction. If the variables behind it are meant to stay as
they are, set `trainable = False` on their layers: frozen variables are no victims.

## Known limits

A value that is detached on one path and reaches the loss with a gradient on another (VQ-VAE, SimSiam, a
straight-through estimator) is never reported. Target and momentum networks are taken for what they are, and
reported as an info, when each of the variables has the shape, the minimum, the maximum and the mean of
another variable that learns; after some training the two differ, and the finding becomes an error, as it is
for all trainable variables; set `trainable = False` on what is meant to rest. An input that is detached by
itself is an info. A custom gradient that returns `None` is GL103's, one that returns zeros is GL201's.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per stop_gradient behind which something cannot learn."""
    yield from cuts_in_words(RULE, facts, _said)
    # Of variables the cuts tell.
    yield from without_gradient(
        RULE,
        facts,
        Reason.STOPPED,
        lambda entry: f"stop_gradient stands on the way to {target_of(entry)}",
        "Differentiate what was not stopped, or do not ask for this gradient.",
    )


def _said(flow: Flow, cut: Cut) -> tuple[str, str] | None:
    if not has(cut.op.type, Trait.STOPS):
        return None
    copies = are_copies(flow, cut.variables)
    reason = " (copies of variables that learn, as in a target network)" if copies else ""
    lost = victims(cut.inputs, cut.variables)
    return f"stop_gradient cuts every path: {lost} without gradient{reason}", _advice(copies, bool(cut.variables))


def _advice(are_copies: bool, has_variables: bool) -> str:
    if are_copies:
        return "Set trainable=False on the copies, which says that they follow by assignment."
    if not has_variables:
        return "Leave it, if nobody needs the gradient of the input (saliency, adversarial examples)."
    return ""


RULE = Rule(
    code="GL104",
    name="stop-gradient",
    loses=Consequence.VARIABLES,
    advice="Stop the gradient of the target, not of the prediction; or set trainable=False to say that it is meant.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.EXPERIMENTS}),
)
