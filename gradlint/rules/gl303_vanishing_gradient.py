"""GL303 vanishing-gradient: gradients shrink by orders of magnitude towards the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.memory import memories
from gradlint.rule import Need, Rule
from gradlint.rules.wording import memory_finding, trend_finding
from gradlint.severity import Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.passes.memory import Memory

DOC = """\
## What it does

Reports a model whose gradients shrink steadily towards the input, by four orders of magnitude or more (threshold
`vanishing-orders`), measured where the gradient arrives at each trainable kernel. What arrives is summed over the
positions to which a kernel is applied, as the kernel's own gradient is: an average over positions divides by their
number what that sum takes back. A model whose first kernels receive as much for their size as its last, and no
tiny gradient, is not reported.

## Why it matters

The first layers then learn ten thousand times slower than the last and more, which is not at all: with Adam a
gradient below its epsilon (1e-7) loses the step size that the optimizer would give it. Deep stacks of
sigmoids, small initial weights and long unrolled recurrences do this.

## Example

```python
for _ in range(20):
    x = keras.layers.Dense(32, activation="sigmoid")(x)                    # GL303: 0.6 orders per layer
```

```python
for _ in range(20):
    x = x + keras.layers.Dense(32, activation="relu")(keras.layers.LayerNormalization()(x))
```

## What to do

Use residual connections, normalization, activations with a slope near one, or an initialisation that
fits the activation. Through time: shorter sequences, a stride or an average before the recurrence, attention over its
steps, or a loss at every step.

## Known limits

It takes eight trainable kernels with a usable gradient, and a trend: four of five neighbouring kernels,
in the order of the forward pass, have to change in the same direction. A single step of many orders, a
model that shrinks less, and a shallow one are not reported. Through time it is an info, when the sequence is more than
ten times as long as what a thousandth of the gradient survives (threshold `memory-spans`); a loss that reads every
step reaches every step.
The numbers are measured with Keras's own initialisers: networks that train well lie below 2.3 orders, vanishing ones at
5.3 (eight sigmoids) and above; a thousandth is left after 13 to 18 steps of a GRU or SimpleRNN and 30 to 40 of an LSTM.
Branches that run side by side are ordered as they were called, which can hide the trend of one of them.
Kernels with a gradient of exactly zero are left out; they belong to GL201 and its neighbours.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding when the gradients of the kernels shrink towards the input, and one per short memory."""
    if facts.flow is None:
        return
    if facts.trend is not None and facts.trend.orders < 0:
        yield trend_finding(RULE, facts.flow, facts.trend, "shrink")
    for memory in memories(facts.flow):
        if not memory.grows and memory.steps > facts.flow.thresholds.memory_spans * memory.reach:
            yield _through_time(facts.flow, memory)


def _through_time(flow: Flow, memory: Memory) -> Finding:
    zeros = f", and {len(memory.faded)} of them receive exactly zero" if memory.faded else ""
    return memory_finding(
        RULE,
        flow,
        memory,
        f"gradients shrink by {memory.per_step:.2f} orders of magnitude per step of '{memory.layer}': a thousandth "
        f"is left after {memory.reach:.0f} of {memory.steps} steps{zeros}",
        # The gates of a recurrence open while it learns: this is where it starts from.
        severity=severity_of(Consequence.HEALS),
        evidence={"reach": round(memory.reach, 1)},
    )


RULE = Rule(
    code="GL303",
    name="vanishing-gradient",
    loses=Consequence.HINDERED,
    advice="Use residual connections, normalization, ReLU-like activations or another initialisation.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
