"""GL413 blind-metric: a metric that cannot see what the loss learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.starting import REGRESSION, cause_of_target, targets
from gradlint.record.terms import BINARY
from gradlint.rule import Need, Rule
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts
    from gradlint.record.start import Metric, Target

DOC = """\
## What it does

Reports metrics that say nothing about the labels that they are given: `accuracy` over real-valued targets, a sparse
accuracy over one-hot labels or the other way round, a binary accuracy with its threshold at 0.5 over logits, or over
labels -1 and 1.

## Why it matters

The metric stays at zero, or at chance, while the model learns; many a search for a fault in the model started so.

## Example

```python
model.compile("adam", "mse", metrics=["accuracy"])                          # GL413: prices are never equal
```

```python
model.compile("adam", "mse", metrics=["mae"])
```

## What to do

Use `mae` or `R2Score` for real-valued targets; `BinaryAccuracy(threshold=0.0)` for logits and for labels -1 and 1; the
accuracy of the same form as the loss for classes.

## Known limits

Accuracies by name or class, on outputs with a loss of Keras's own. The loss is right in all of these: hence an info.
"""

_ACCURACIES = frozenset(
    {"accuracy", "Accuracy", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"}
)


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per output with a metric that is blind to its labels."""
    flow = facts.flow
    if flow is None:
        return
    for target in targets(flow):
        for metric in target.metrics:
            why = _blind(target, metric)
            if why is None:
                continue
            cause, position = cause_of_target(flow, target)
            yield RULE.finding(
                f"the metric {metric.kind} of labels '{target.key}' {why}",
                cause=cause,
                evidence={"metric": metric.kind, "loss": target.loss},
                position=position,
            )
            break


def _blind(target: Target, metric: Metric) -> str | None:
    if metric.kind not in _ACCURACIES or not target.prediction or target.nan:
        return None
    units, length = target.prediction[-1], target.shape[-1] if target.shape else 1
    if target.loss in REGRESSION:
        real = target.whole < 1.0 and (target.low < 0.0 or target.high > 1.0)
        return "counts equal numbers, and real-valued targets are never equal" if real else None
    one_hot = len(target.shape) == len(target.prediction) and length == units > 1
    if metric.kind == "sparse_categorical_accuracy" and one_hot:
        return f"expects class numbers, but they have the shape {target.shape}"
    if metric.kind == "categorical_accuracy" and units > 1 and not one_hot:
        return f"expects one-hot rows, but they have the shape {target.shape}"
    binary = metric.kind == "binary_accuracy" or (metric.kind == "accuracy" and units == 1)
    if binary and metric.threshold in (None, 0.5):
        if target.loss in BINARY and target.from_logits:
            return "counts values above 0.5 as yes, but the output is logits"
        if target.loss in ("hinge", "squared_hinge") and target.low == -1.0:
            return "compares with 0 and 1, but they are -1 and 1"
    return None


RULE = Rule(
    code="GL413",
    name="blind-metric",
    loses=Consequence.NOTHING,
    advice="Use a metric of the same form as the labels: mae for numbers, the accuracy of the loss's kind for classes.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES}),
)
