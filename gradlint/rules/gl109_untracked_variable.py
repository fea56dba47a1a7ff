"""GL109 untracked-variable: a variable that the forward pass uses and the model does not list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.rule import Rule
from gradlint.rules.wording import counted, listed
from gradlint.severity import Consequence

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gradlint.flow import Flow
    from gradlint.passes.facts import Facts
    from gradlint.record.recording import VariableRecord

DOC = """\
## What it does

Reports variables that the forward pass reads on the way to the loss and that the model does not list
among its variables.

## Why it matters

`fit` updates `model.trainable_variables` only. A variable that is missing from it never learns, is not
saved and not loaded, and the tape's gradient for it goes unused. Keras does not warn.

## Example

```python
class Gate(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.parts = SimpleNamespace(scale=tf.Variable(1.0))   # GL109: Keras does not look in there

    def call(self, x):
        return x * self.parts.scale
```

```python
    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones")
```

## What to do

Create the variable with `add_weight`, or keep the sublayer in an attribute of the layer, or in a list or
dict that is one.

## Known limits

Variables are seen when they are read during the run, so this needs a live model: in a `.keras` file only
what Keras tracks is saved. Only trainable float variables that a layer reads count, or that the loss reads
from an attribute of the model or of a `keras.losses.Loss` to which its file never assigns (one that it sets is a
schedule); one that the loss does not depend on is not reported. Variables that `models=` or `variables=`
name are listed by that and count as known. A network that a loss function or a `train_step` calls beside
the model, that lists its variables itself and that no tape is asked about (a critic while the actor learns,
a teacher, the network of a perceptual loss), is read and not meant to learn.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per layer that uses variables, of its own or of other layers, which the model does not know."""
    flow = facts.flow
    if flow is None or flow.recording.loss.tensor is None:
        return
    # What each run creates anew, GL617 reports.
    born = {path for path, _ in facts.step.record.born} if facts.step is not None else set()
    stray = [
        variable
        for variable in flow.recording.variables
        if not variable.tracked and variable.tensor in flow.behind_loss and variable.path not in born
    ]
    stray += [variable for omitted in facts.omitted if omitted.is_hidden for variable in omitted.variables]
    by_place: dict[tuple[str, str], list[VariableRecord]] = {}
    by_layer: dict[str, list[VariableRecord]] = {}
    for variable in stray:
        if variable.hidden is not None:
            by_place.setdefault((variable.hidden.layer, variable.hidden.attribute), []).append(variable)
        else:
            by_layer.setdefault(variable.layer, []).append(variable)
    # What keeps several layers where Keras does not look, such as a closure, is one cause.
    by_user: dict[tuple[bool, str], list[VariableRecord]] = {}
    for layer, found in by_layer.items():
        user = _user(flow, _first_use(flow, found), by_layer.keys())
        by_user.setdefault((bool(layer), user), []).extend(found)
    for together in (*by_place.values(), *by_user.values()):
        yield _finding(flow, together)


def _finding(flow: Flow, variables: Sequence[VariableRecord]) -> Finding:
    first = _first_use(flow, variables)
    op = flow.op(first) if first >= 0 else None
    layers = list(dict.fromkeys(variable.layer for variable in variables if variable.layer))
    where = f"used in {listed(layers)}" if layers else "used by the model itself"
    them = "it" if len(variables) == 1 else "them"
    cause = Cause(layers[0] if layers else None)
    if op is not None:
        cause = Cause(cause.layer, op.type, op.file, op.line)
    hidden, advice = variables[0].hidden, ""
    if hidden is not None:
        owner = f"'{hidden.layer}'" if hidden.layer else "the model"
        where = f"behind `{hidden.attribute}` of {owner} ({hidden.kind}, no layer), {where}"
        advice = f"Make {hidden.kind} a keras.layers.Layer: Keras does not look into other objects for layers."
        if hidden.is_loss:
            where = f"kept as `{hidden.attribute}` by the loss {hidden.kind}"
            advice = "Keep it in a layer or in the model (add_weight): Keras does not look into losses for variables."
        cause = Cause(hidden.layer or None, cause.op, hidden.file or cause.file, hidden.line or cause.line)
    return RULE.finding(
        f"{counted(len(variables), 'trainable variable')} {where}, but not in "
        f"model.trainable_variables: no optimizer updates {them}, and no file keeps {them}",
        variables=tuple(variable.path for variable in variables),
        cause=cause,
        position=first,
        advice=advice,
    )


def _first_use(flow: Flow, variables: Sequence[VariableRecord]) -> int:
    """The first operation that reads one of some variables; -1 where none does."""
    readers = (flow.consumers[variable.tensor] for variable in variables if variable.tensor is not None)
    return min((position for found in readers for position, _ in found), default=-1)


def _user(flow: Flow, position: int, unknown: Collection[str]) -> str:
    """The innermost layer whose call an operation belongs to, beside those that the model does not know."""
    return next((call.layer for _, call in flow.calls_around(position) if call.layer not in unknown), "")


RULE = Rule(
    code="GL109",
    name="untracked-variable",
    loses=Consequence.VARIABLES,
    advice="Create the variable with add_weight, or keep the sublayer in an attribute, list or dict of the layer.",
    doc=DOC,
    check=check,
)
