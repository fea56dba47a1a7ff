"""GL103 nondifferentiable-op: every path is cut by an operation without a gradient for that input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.operations import CUSTOM_GRADIENT, Trait, has
from gradlint.passes.consequences import is_lost_as_ids
from gradlint.passes.drops import DropKind
from gradlint.passes.unseen import Reason
from gradlint.record.terms import Local
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import target_of, without_gradient
from gradlint.rules.wording import (
    cuts_in_words,
    drop_finding,
    is_detour,
    is_of_step,
    moves_in_steps,
    terms_in_words,
    victims,
)
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.cuts import Cut
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports the operation at which the gradient of an input or of trainable variables becomes `None`,
because its gradient function does not serve that operand: it returns `None`, raises, does not exist,
or the result is an integer, a boolean or a string. A float whose value only decides a branch or the
length of a loop is reported here too.

## Why it matters

The loss depends on the values, so the forward pass looks right, but no path carries a gradient back:
everything before the operation cannot learn. Whether an operation is differentiable depends on the
operand: `tf.gather` is in its values and not in its indices; `tf.round`, `tf.argmax` and a cast to an
integer are not at all.

## Example

```python
scores = keras.layers.Dense(10)(x)
best = keras.ops.argmax(scores, axis=-1)                            # GL103
out = keras.layers.Dense(1)(keras.ops.cast(best, "float32")[:, None])
```

```python
weights = keras.ops.softmax(scores, axis=-1)                        # a soft choice has a gradient
out = keras.layers.Dense(1)(weights)
```

## What to do

Replace the operation by a differentiable one (softmax for argmax, a soft threshold for a comparison),
move it behind the loss (metrics), or give it a straight-through estimator:
`x + tf.stop_gradient(tf.round(x) - x)` or `tf.custom_gradient`.

## Known limits

A finding needs a victim: an operation is reported only if some input or variable loses every path
because of it, so one beside an open path is not mentioned, unless it makes a whole term of the loss, added to
others: such a term is a constant to the tape, and that is a warning. When several operations together cut the
paths of the same victims, one of them is the cause (the one with most victims, then one before the
model's outputs, then one that keeps floats, then the first) and the others are in the evidence under `also`. The
gradient is let through one operation after the other, from the loss backwards: what then receives one
is that operation's victim, and what does not has a further cut on the same path, with a finding of its
own. An operation that stops the gradient behind such a cut again, with nothing that learns between the
two (a cast of what `argmax` gives), is part of the same mistake: the first of them is named.

The finding is an error when trainable variables are victims. When only inputs are, it is a warning, and an
info when the operation makes whole numbers or booleans, only decides a branch, or belongs to a layer of a
library: looking up an id or a bucket is often what was meant, and so is preprocessing. Where whole numbers are made
and the loss stays the same when the rows of the input change places, nothing of the input is left in this sample, as
of ids that were scaled below 1: that is a warning. Integer and string
inputs have no gradient by nature and are never victims. When each operation on the way would pass a gradient
and the tape still has none, the value was made while no tape was recording, and the operation that made it is
named.

Of a kernel that is rounded and multiplied by a scale taken of it, the largest weights alone have a gradient. That is a
warning where at most a quarter of its elements have one, the loss moves with the others, and at least half of all
have one when it is let through the operation.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per operation, or group of operations, that cuts every path of its victims."""
    if facts.flow is not None:
        yield from _decisions(facts)
    # Of variables the cuts tell.
    yield from without_gradient(
        RULE,
        facts,
        Reason.CUT,
        lambda entry: f"{target_of(entry)} depends on it through {entry.op}, which hands none back",
        "Let its values reach the result by an operation with a gradient, or do not ask for this one.",
    )
    yield from without_gradient(
        RULE,
        facts,
        Reason.UNREGISTERED,
        lambda entry: (
            f"{target_of(entry)} is computed through {entry.op}, for which TensorFlow has none, and a tape that "
            "reaches it raises LookupError"
        ),
    )
    yield from cuts_in_words(RULE, facts, lambda _, cut: _said(facts, cut))
    yield from terms_in_words(RULE, facts, lambda cut: None if _is_of_others(facts, cut) else _why(cut))


def _said(facts: Facts, cut: Cut) -> tuple[str, str] | None:
    if is_lost_as_ids(facts, cut):
        lost = f"{victims(cut.inputs, cut.variables)} without gradient"
        return (
            f"{cut.op.type} makes whole numbers of floats, {lost}, and the loss is the same whatever row has which",
            "Hand over the numbers before they are scaled: below 1 all become zero.",
        )
    if has(cut.op.type, Trait.STOPS) or is_detour(cut.op.type) or has(cut.op.type, Trait.OVERWRITES):
        return None
    if cut.elements is not None:
        some, more, size = cut.elements
        said = f"only {some} of the {size} elements of {victims((), cut.variables)} have a gradient, on another way"
        return f"{_why(cut)}: {said}; let through here, {more} have one", _advice(cut)
    return f"{_why(cut)}: {victims(cut.inputs, cut.variables)} without gradient", _advice(cut)


def _is_of_others(facts: Facts, cut: Cut) -> bool:
    """Whether a term without gradient has rules of its own: GL105 and GL604, or GL610 where a step decides itself."""
    return is_detour(cut.op.type) or (is_of_step(facts, cut) and moves_in_steps(cut))


def _decisions(facts: Facts) -> Iterator[Finding]:
    """Values that only decide a branch or the length of a loop."""
    for drop in facts.drops:
        if drop.kind is DropKind.DECISION and drop.op is not None:
            yield drop_finding(
                RULE,
                facts,
                drop,
                f"the result of {drop.op.type} only decides a branch or the length of a loop: "
                f"{victims(drop.inputs, drop.variables)} without gradient",
                "Let the value itself reach the loss, or weigh both branches with it instead of choosing one.",
            )


def _advice(cut: Cut) -> str:
    op = cut.op
    if op.type == CUSTOM_GRADIENT:
        returns = "one gradient per argument, and take `variables=` if it uses any"
        return f"Let the function of the custom gradient return {returns}."
    if has(op.type, Trait.LOCATES):
        return "Use softmax weights in place of the index, or keep the index for metrics."
    if has(op.type, Trait.ROUNDS):
        return (
            f"Pass the gradient straight through: x + tf.stop_gradient({_FUNCTIONS.get(op.type, 'tf.round')}(x) - x)."
        )
    if has(op.type, Trait.COMPARES):
        return "Keep the count of hits as a metric, and differentiate a smooth loss, such as a cross-entropy."
    if cut.makes_discrete and not cut.variables:
        return "Leave it, if the numbers are meant as ids or masks; else keep them as floats."
    if cut.makes_discrete:
        return "Keep floats on the way to the loss: a sigmoid for a comparison, softmax for a choice."
    return ""


_FUNCTIONS = {"Floor": "tf.floor", "Ceil": "tf.math.ceil"}


def _why(cut: Cut) -> str:
    op = cut.op
    if op.type == CUSTOM_GRADIENT and cut.local is Local.RAISES:
        return f"a custom gradient raises {op.detail}"
    if op.type == CUSTOM_GRADIENT:
        return f"the custom gradient of '{op.detail}' returns None"
    if cut.local is Local.UNREGISTERED:
        return f"TensorFlow has no gradient for {op.type}, and a tape that reaches it raises LookupError"
    if cut.local is Local.RAISES:
        return f"the gradient function of {op.type} raises ({op.detail})"
    if has(op.type, Trait.STEPS):
        return f"{op.type} goes in steps, flat wherever it is smooth, and has no gradient"
    if cut.makes_discrete:
        return f"{op.type} turns floats into whole numbers or booleans, which have no gradient"
    return f"{op.type} has no gradient for this operand"


RULE = Rule(
    code="GL103",
    name="nondifferentiable-op",
    loses=Consequence.VARIABLES,
    advice="Replace the operation by a differentiable one, or give it a straight-through tf.custom_gradient.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.RETURNS, Need.EXPERIMENTS}),
)
