"""GL626 trained-follower: a target network or a teacher is trained along with what should learn from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import at
from gradlint.rules.wording import counted
from gradlint.severity import Certainty, Consequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gradlint.finding import Finding
    from gradlint.passes.facts import Facts

DOC = """\
## What it does

Reports variables of a target network, a teacher or a moving average that one update moves together with the model which
should learn from them.

## Why it matters

The loss shrinks as well when the target comes to meet the model: both agree in the end, on nothing in particular.

## Example

```python
variables = student.trainable_variables + teacher.trainable_variables
optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))       # GL626
```

```python
variables = student.trainable_variables
```

## What to do

Ask for the gradients of the model that should learn alone. Set `teacher.trainable = False`, too.

## Known limits

Only seen at run time, by `check_step`, where `models=` names what should learn and leaves the other one out; that one
is told by its name (teacher, target, ema, momentum, reference, ...). Networks that teach each other are both named.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per update that moves what others should learn from."""
    for paths, frames in facts.step.record.followers if facts.step is not None else ():
        names = facts.step.record.models if facts.step is not None else ()
        learns = f"'{names[0]}'" if len(names) == 1 else "what should learn"
        yield RULE.finding(
            f"{counted(len(paths), 'variable')} ('{paths[0]}') of a model that teaches or follows {learns} "
            f"{'is' if len(paths) == 1 else 'are'} trained with it",
            variables=paths,
            cause=at(frames[0] if frames else None),
        )


RULE = Rule(
    code="GL626",
    name="trained-follower",
    loses=Consequence.MISLED,
    certainty=Certainty.IN_SAMPLE,
    advice="Ask for the gradients of the model that should learn alone, and freeze the other one.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.STEP}),
    since="0.2.0",
)
