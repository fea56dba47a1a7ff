"""GL412 high-initial-loss: the loss starts far above that of a constant guess."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.passes.starting import REGRESSION, cause_of_head, high_starts, is_of_scale
from gradlint.rule import Need, Rule
from gradlint.rules.wording import when_scaled
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding, Severity
    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.record.start import Start, Target

DOC = """\
## What it does

Compares the loss before the first update with that of the best constant prediction: log of the number of classes, log 2
for a binary cross-entropy, the deviation of the targets for a regression. When it is more than eight times as high
(threshold `initial-loss`), the model is run once more with its inputs scaled by their own deviation, which shows
whether that is the reason.

## Why it matters

"Verify loss at init" (Karpathy, A Recipe for Training Neural Networks): a network that knows nothing should be as good
as a constant. One that starts far above is confidently wrong: its activations are far too large, softmax and sigmoid
saturate, and the first updates only repair the scale, if they do not destroy the weights.

## Example

```python
model.fit(pixels, labels)                                                   # GL412: 0 to 255
```

```python
model.fit(pixels / 255.0, labels)
```

## What to do

Scale the inputs: `keras.layers.Rescaling` for images, `keras.layers.Normalization` for tables. If that is not the
reason, look at the initialisers, and at the scale of the targets of a regression.

## Known limits

Networks that train well were measured below 5 times, those of `keras.applications` at 0.9 to 2.5. A regression whose
inputs are not the reason gets an info, and none when its targets are merely small: predicting 0, 1
or -1 is no better then. Constant targets say nothing. Losses of one's own, `train_step` and `compute_loss` are not
looked at, nor are outputs that GL409 or GL410 reports: those are the reason then.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per output whose loss starts far too high."""
    flow = facts.flow
    start = flow.recording.start if flow is not None else None
    if flow is None or start is None:
        return
    for target, head in high_starts(flow):
        loss, guess = target.start or 0.0, target.guess or 0.0
        reason = _reason(flow, start, target)
        if reason is None:
            continue
        severity, inputs, words = reason
        yield RULE.finding(
            f"{target.loss} of output '{head.output}' starts at {loss:.3g}, {loss / guess:.3g} times the {guess:.3g} "
            f"of the best constant prediction{words}",
            severity=severity,
            inputs=inputs,
            cause=cause_of_head(head),
            evidence={"loss": loss, "best_constant": guess, "loss_with_scaled_inputs": start.scaled_loss},
            position=head.position,
        )


def _reason(flow: Flow, start: Start, target: Target) -> tuple[Severity, tuple[str, ...], str] | None:
    """How severe a high loss is, the inputs that cause it, and what to say of it; None when it is no news."""
    limit = flow.thresholds.initial_loss
    if target.excess <= limit:
        if (target.zero or 0.0) <= limit * (target.guess or 0.0):
            return None  # The targets are small against 1, as are their gradients.
        span = f"{target.low:.3g} to {target.high:.3g}"
        severity = severity_of(Consequence.HINDERED, Certainty.IN_SAMPLE)
        return severity, (), f": the targets, from {span}, lie far from 0 for their deviation"
    if is_of_scale(flow, target):
        words = f"; the loss falls to {start.scaled_loss:.3g} {when_scaled(start)}"
        return severity_of(Consequence.HINDERED), tuple(key for key, _ in start.scaled), words
    # The width of a last layer alone can make a regression start high, and heal at once.
    certainty = Certainty.IN_SAMPLE if target.loss in REGRESSION else Certainty.CERTAIN
    return severity_of(Consequence.HINDERED, certainty), (), ""


RULE = Rule(
    code="GL412",
    name="high-initial-loss",
    loses=Consequence.HINDERED,
    advice="Scale the inputs to unit deviation (Rescaling, Normalization), or check the initialisers.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.VALUES, Need.EXPERIMENTS}),
)
