"""GL607 unwatched-source: the source of a gradient is a tensor that nobody watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at, crash_of, have, missing, target_of, those, unseen_for, without_gradient
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports a gradient with respect to a constant or random tensor that the tape was not told to watch. A step that runs is
also told of a tensor that is watched, and that the target does not depend on.

## Why it matters

A tape watches trainable variables by itself, and nothing else. The gradient of a tensor nobody watched is None.

Seen in public:

- https://github.com/fchollet/deep-learning-with-python-notebooks (`chapter02_mathematical-building-blocks.ipynb`)
- https://github.com/tensorflow/tensorflow/issues/56968
- https://github.com/snowkylin/tensorflow-handbook (`source/_static/code/zh/appendix/tape/tape_watch.py`, line 6)

## Example

```python
x = tf.constant(3.0)
with tf.GradientTape() as tape:
    y = x * x
dy_dx = tape.gradient(y, x)                          # GL607: None
```

```python
with tf.GradientTape() as tape:
    tape.watch(x)
    y = x * x
```

## What to do

Call `tape.watch(x)` at the head of the block. Tensors that the block computes from something watched need none.

## Known limits

Speaks when the last binding of the source is a constant, a random tensor, a conversion or an array made in this
function, or, of a tape that is told to watch nothing, what a function of TensorFlow (`tf.expand_dims`) made before the
block; parameters may be variables and are left alone.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call of a tape with sources that it was not told to watch."""
    for entry in unseen_for(facts, Reason.UNWATCHED):
        who, verb = those(entry.sources), have(entry.sources)
        if entry.call.odd_sources:
            message = f"the sources are of type {entry.call.odd_sources}, and no tape watches those"
        else:
            message = (
                f"{who} {verb} no gradient: the tape was not told to watch what {target_of(entry)} is computed from"
            )
        yield missing(RULE, facts, entry, message)
    for tape in facts.step.record.tapes if facts.step is not None else ():
        for kind, frames in tape.refused:
            is_symbol = kind == "KerasTensor"
            what = "a symbol of a functional model, such as one of `model.inputs`" if is_symbol else f"a {kind}"
            yield RULE.finding(
                f"the tape is told to watch {what}: a tape watches tensors and variables alone, and raises ValueError",
                cause=at(frames[0] if frames else None),
                evidence={"ends_in": crash_of(facts.step)},
                advice="Watch the tensors that the model is called with, and ask for the gradient of those."
                if is_symbol
                else "Make it a tensor first: x = tf.convert_to_tensor(x).",
            )
    yield from without_gradient(
        RULE,
        facts,
        Reason.INDEPENDENT,
        lambda entry: f"{target_of(entry)} does not depend on {'it' if len(entry.sources) == 1 else 'them'}",
        "Compute the target from the tensor that is watched, and not from a copy of its values.",
    )


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per source that no tape watches."""
    from gradlint.source.watching import unwatched_sources

    for question, what in unwatched_sources(module):
        yield RULE.in_source(module, question.call, f"the gradient is None: {what} is not watched")


RULE = Rule(
    code="GL607",
    name="unwatched-source",
    loses=Consequence.VARIABLES,
    advice="Call `tape.watch(x)` before it is used, or make it a `tf.Variable`.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
