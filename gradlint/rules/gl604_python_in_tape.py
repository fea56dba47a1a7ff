"""GL604 python-in-tape: values leave TensorFlow on the way to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import target_of, without_gradient
from gradlint.rules.wording import is_detour, is_of_step, terms_in_words
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.passes.unseen import Unseen
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports values that leave TensorFlow (a NumPy function, `.numpy()`, `float()`, `.item()`, `.tolist()`) between the
variables and the loss of a tape. A step that runs is also told of a target that is a constant: what NumPy has computed
and `tf.constant` has made a tensor again.

## Why it matters

A tape records TensorFlow operations. A NumPy array or a Python number is a constant to it, and what comes
before gets no gradient, although all values look right.

Seen in public:

- https://github.com/tensorflow/tensorflow/issues/36596
- https://github.com/tensorflow/tensorflow/issues/50111
- https://www.tensorflow.org/guide/autodiff ("Did calculations outside of TensorFlow")

## Example

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
    mean = np.mean(prediction, axis=0)               # GL604
    loss = tf.reduce_mean(tf.square(mean - target))
gradients = tape.gradient(loss, model.trainable_variables)
```

```python
with tf.GradientTape() as tape:
    prediction = model(x, training=True)
    mean = tf.reduce_mean(prediction, axis=0)
    loss = tf.reduce_mean(tf.square(mean - target))
gradients = tape.gradient(loss, model.trainable_variables)
```

## What to do

Use the TensorFlow function of the same name (`tf.reduce_mean`, `tf.exp`, `tf.concat`), or `keras.ops`. What is
for a log or a metric can stay outside of the loss.

## Known limits

Only the path of values counts: shapes, indices, masks, logs and weights computed with NumPy are quiet. A factor
or a target computed outside of TensorFlow is quiet while the variables have another path, since it may be meant; when a
step runs, a whole term of the loss that is, and that is added to others, is a warning.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape that misses gradients for this reason."""
    flow = facts.flow

    def left(entry: Unseen) -> str:
        ops = flow.recording.ops if flow is not None else ()
        # Where the step ends with the value outside, nothing comes after it.
        detail = ops[entry.position].detail if 0 <= entry.position < len(ops) else None
        by = f" by `{detail}`" if detail else ""
        return f"the values of {target_of(entry)} leave TensorFlow{by} on the way"

    yield from without_gradient(RULE, facts, Reason.PYTHON, left)
    yield from without_gradient(
        RULE,
        facts,
        Reason.CONSTANT,
        lambda entry: f"{target_of(entry)} is a constant: no operation leads to it from a variable or from the batch",
        "Compute it inside of the block from what the model gives, and not with NumPy or from numbers.",
    )
    yield from terms_in_words(
        RULE,
        facts,
        lambda cut: "values leave TensorFlow on the way" if is_detour(cut.op.type) and is_of_step(facts, cut) else None,
    )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per place where values leave TensorFlow on the way to a loss."""
    from gradlint.source.identity import method_name
    from gradlint.source.operations import Stop
    from gradlint.source.verdicts import stopped

    for verdict in stopped(module, Stop.PYTHON):
        name = verdict.value.name.removeprefix("builtins.") or f".{method_name(verdict.value)}"
        yield RULE.in_source(
            module,
            verdict.value,
            f"`{name}()` leaves TensorFlow on the way to the loss: no gradient comes back",
        )


RULE = Rule(
    code="GL604",
    name="python-in-tape",
    loses=Consequence.VARIABLES,
    advice="Compute it with TensorFlow or `keras.ops`, and convert to Python after the gradient was taken.",
    doc=DOC,
    check=check,
    in_models="GL105",
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
