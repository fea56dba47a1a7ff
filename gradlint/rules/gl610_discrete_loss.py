"""GL610 discrete-loss: the loss moves in jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import target_of, without_gradient
from gradlint.rules.wording import is_of_step, moves_in_steps, terms_in_words
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports `round`, `argmax`, a comparison, a sign or a cast to integers between the variables and the loss of a tape.

## Why it matters

Such operations have no gradient: their result moves in jumps. The gradient is None, or zero everywhere.

## Example

```python
with tf.GradientTape() as tape:
    label = tf.argmax(model(x, training=True), axis=-1)   # GL610
    loss = tf.reduce_mean(tf.cast(label != y, tf.float32))
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    logits = model(x, training=True)
    loss = tf.reduce_mean(cross_entropy(y, logits))
```

## What to do

Differentiate a smooth loss and keep the discrete number as a metric. For quantisation use a straight-through
estimator, `x + tf.stop_gradient(tf.round(x) - x)`.

## Known limits

An index into a table, a mask that multiplies, a metric and a condition are quiet, because the values have
another path. A whole term of the loss that is discrete, added to others that are not, is a warning.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    yield from without_gradient(
        RULE,
        facts,
        Reason.DISCRETE,
        lambda entry: f"{target_of(entry)} is made by {entry.op or 'an integer'}, whose result moves in steps",
    )
    yield from terms_in_words(
        RULE,
        facts,
        lambda cut: (
            f"the result of {cut.op.type} moves in steps" if is_of_step(facts, cut) and moves_in_steps(cut) else None
        ),
    )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per operation that moves in jumps on the way to a loss."""
    from gradlint.source.identity import method_name
    from gradlint.source.operations import Stop
    from gradlint.source.values import Kind
    from gradlint.source.verdicts import stopped

    for verdict in stopped(module, Stop.DISCRETE):
        value = verdict.value
        what = f"`{method_name(value)}`" if value.kind is Kind.CALL else "a comparison"
        if value.kind is Kind.OPERATION:
            what = "`//`"
        yield RULE.in_source(module, value, f"{what} on the way to the loss moves in jumps: it has no gradient")


RULE = Rule(
    code="GL610",
    name="discrete-loss",
    loses=Consequence.NOTHING_LEARNS,
    advice="Use a loss that is smooth in the prediction (cross-entropy, not accuracy).",
    doc=DOC,
    check=check,
    in_models="GL103",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
