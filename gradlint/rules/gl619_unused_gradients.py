"""GL619 unused-gradients: gradients are computed and dropped."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.passes.updates import Unused
    from gradlint.source.module import Module

DOC = """\
## What it does

Reports gradients that are computed and then neither applied nor used, and gradients that are clipped or scaled
while the optimizer gets them as they were before.

## Why it matters

The backward pass costs twice the forward pass, and the model does not learn: usually the line that applies
the gradients is missing.

Seen in public:

- https://github.com/chrisfcarroll/TensorFlow-2.x-Tutorials (`03-Play-with-MNIST/ex3mnist.py`, line 35)

## Example

```python
with tf.GradientTape() as tape:
    loss = loss_fn(y, model(x, training=True))
gradients = tape.gradient(loss, model.trainable_variables)   # GL619
```

```python
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
```

## What to do

Add the line that applies them, or remove the tape.

## Known limits

Gradients that are returned, stored, printed or handed on in any way are quiet. So are clipped ones of which only
the norm is wanted, as long as that goes anywhere.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per call whose gradients go nowhere."""
    if facts.step is None or facts.flow is None:
        return
    rebound = {path for entry in facts.step.record.rebound for path in entry.variables}
    lost = facts.flow.ancestors({tensor for entry in facts.step.record.rebound for tensor in entry.tensors})
    for entry, times in _by_place(facts.step.unused):
        results = {s.result for s in entry.call.sources if s.variable in entry.variables and s.result is not None}
        if rebound.issuperset(entry.variables) or results <= lost:
            continue  # They go into the tensors that the names are bound to: GL606.
        call, number = entry.call, len(entry.variables)
        if entry.whole:
            frame = call.frames[0] if call.frames else None
            often = f" {times} times" if times > 1 else ""
            message = f"the gradients of {counted(number, 'variable')} are computed{often}, and nothing gets them"
        else:
            update = entry.update
            frame = next(iter(update.frames if update is not None and update.frames else call.frames), None)
            message = (
                f"{counted(number, 'gradient')} of {len(call.sources)} that were computed are left out of the update"
            )
        yield RULE.finding(message, variables=entry.variables, cause=at(frame), position=call.last)
    for made in facts.step.discarded:
        op, number = facts.flow.op(made.position), len(made.variables)
        frame = facts.step.record.frame_at(made.position)
        yield RULE.finding(
            f"what {op.type} makes of {counted(number, 'gradient')} here is dropped: {made.update.optimizer} gets them "
            "as they were before",
            variables=made.variables,
            cause=at(frame, op=op.type),
            position=made.position,
            advice="Put what was made of the gradients into a list and apply that, or do not make it.",
        )


def _by_place(unused: Iterable[Unused]) -> Iterator[tuple[Unused, int]]:
    """The first call of each line, as in a loop over parts of a batch, and how many there are."""
    groups: dict[tuple[object, ...], list[Unused]] = {}
    for entry in unused:
        groups.setdefault((entry.call.frames[:1], entry.whole, entry.variables), []).append(entry)
    for entries in groups.values():
        yield entries[0], len(entries)


# In the source


def source(module: Module) -> Iterator[Finding]:
    """Yield one finding per answer of a tape, or what is made of it, that nothing reads."""
    from gradlint.source.losing import lost_gradients
    from gradlint.source.optimizing import unused_gradients

    for value in unused_gradients(module):
        yield RULE.in_source(module, value, "the gradients of the variables are computed and never applied or used")
    for value, name in lost_gradients(module):
        message = f"`{name}` is bound to what is made of a gradient here, which nothing reads"
        yield replace(RULE.in_source(module, value, message), advice=_NEW_LIST)


_NEW_LIST = "Make a new list, and apply that: `gradients = [tf.clip_by_norm(g, 1.0) for g in gradients]`."


RULE = Rule(
    code="GL619",
    name="unused-gradients",
    loses=Consequence.UNHEARD,
    advice="Apply the gradients, or do not compute them.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    source=source,
    since="0.2.0",
)
