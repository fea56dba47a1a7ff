"""GL102 disconnected-variable: trainable variables that the loss does not depend on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gradlint.finding import Cause, Finding
from gradlint.operations import Trait, has
from gradlint.passes.drops import DropKind
from gradlint.passes.unseen import Reason
from gradlint.rule import Need, Rule
from gradlint.rules.step_wording import missing, target_of, unseen_for
from gradlint.rules.wording import counted, drop_finding, listed, paths, received
from gradlint.severity import Certainty, Consequence, severity_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gradlint.passes.drops import Drop
    from gradlint.passes.facts import Facts
    from gradlint.passes.omissions import Omitted
    from gradlint.passes.steps import StepFacts
    from gradlint.record.recording import IdleLayers

DOC = """\
## What it does

Reports trainable variables that the loss does not depend on: their layer is never called, the layer
runs and does not read them, or the result is dropped. Where the model has a `train_step` of its own,
also those that it does not train: it asks a tape for their gradient and gets `None`, although a loss
of the step depends on them (they were used before the tape, or it does not look at that loss), or it
never asks, although the tape has their gradient. Variables with one explanation (a line, a layer, a
model that is never called, one list of variables that leaves out several layers of a model) come in one
finding. A call that asks for weights that are not trained (`model.weights` holds moving statistics) beside
others is told so: a warning where the step goes on, an error where it fails on the `None`.

## Why it matters

Such variables keep their initial values for ever. `fit` may warn that gradients do not exist for
them, by name and without the reason; a custom training loop that skips `None` gradients says nothing.

## Example

```python
tower = keras.Sequential([keras.layers.Dense(16), keras.layers.Dense(8)])

class Model(keras.Model):
    def __init__(self):
        super().__init__()
        self.tower, self.head = tower, keras.layers.Dense(1)

    def call(self, x):
        return self.head(x)              # GL102: 'tower' is never called
```

```python
        return self.head(self.tower(x))
```

## What to do

Call the layer on the way to the loss, or do not create it. If the variables are meant to rest, say so
with `trainable = False`.

## Known limits

Only variables that the checked model lists are known. A tower that was built and never attached to
the model is not among `model.trainable_variables`; name it with `models=` (or `variables=`) of
`gradlint.check` to have it looked at.

What is computed and dropped is a warning as long as something else learns, everything else an error. The
finding is an info where the user has no line to change: library code does not need the variable
here, or for an output of a sub-model of its own that this model does not take, `call` reads it only when an
optional argument is given, the model has its own `train_step` or `compute_loss` and is not compiled (they
are not looked at then), or it is read in a branch or loop body that this sample does not enter
(found by tracing the model as a graph; a model that cannot be traced has no such second opinion).
A variable that only a derivative taken inside the model depends on, and that disappears in it, is an
info as well.

Of a `train_step`, gradients that are asked for and `None` are an error. Gradients that are never asked
for may be an oversight or a way to freeze a part without saying so: they are a warning, and only where
the very tape that is asked for others has them. Nothing is said of variables that the step assigns (a
moving average), of a part that is used outside of every tape or called with `training=False` (a teacher,
a fixed encoder) unless it is all that `models=` or `variables=` names. Where the step chooses what to
train (a condition around `tape.gradient` or around a list of variables), where the variables are copies
of others that learn, and where their part runs on what learns and on something else to compare the two
(a perceptual loss), the finding is an info: one step is all that is seen. Whether the optimizer gets the
gradients is not looked at. With `--depth structure` no tape of the step is asked, and none of this is
found. What no call of the model and no tape of this step uses is an info too where the step chooses what
to train.
"""


def check(facts: Facts) -> Iterator[Finding]:
    """Yield one finding per place where variables are left out."""
    for drop in (_in_step(facts, drop) for drop in facts.drops):
        if drop.inputs or drop.outputs or not drop.variables or drop.kind is DropKind.DECISION:
            continue
        what = counted(len(drop.variables), "trainable variable")
        match drop.kind:
            case DropKind.UNREAD_LAYER:
                blamed = drop.variables[0].blamed
                caller = {None: "nothing", "": "the model"}.get(blamed, f"'{blamed}'")
                negation = "calls" if blamed is None else "never calls"
                message = f"{what} of '{drop.layer}' cannot learn: {caller} {negation} it"
            case DropKind.UNREAD:
                them = "it" if len(drop.variables) == 1 else "them"
                why = f"what is made of {them} here is made once, before any call" if drop.is_cached else ""
                message = f"{what} of '{drop.layer}' cannot learn: {why or f'nothing reads {them}'}"
            case DropKind.SHAPE if drop.op is not None:
                message = (
                    f"{what} of '{drop.layer}' cannot learn: only the shape of the result is read, by {drop.op.type}"
                )
            case _ if drop.handed_to:
                them = "it" if len(drop.variables) == 1 else "them"
                message = f"{what} cannot learn: '{drop.handed_to}' gets what is made of {them}, and does not read it"
            case _ if _is_counter(drop):
                message = f"{what} of '{drop.layer}' cannot learn: only an assignment takes what is made of it"
            case _:
                op = drop.op.type if drop.op is not None else "an operation"
                message = f"{what} of '{drop.layer}' cannot learn: the result of {op} is dropped{received(drop)}"
        if drop.reason:
            message += f" ({drop.reason})"
        yield drop_finding(RULE, facts, drop, message, _advice(drop))
    for entry in facts.derivative_only:
        yield RULE.finding(
            f"'{entry.variable.path}' has no gradient: the model uses only a derivative, in which it disappears",
            severity=severity_of(Consequence.INTENDED),
            variables=(entry.variable.path,),
            cause=Cause(layer=entry.variable.layer),
        )
    for idle in facts.recording.idle if facts.recording is not None else ():
        yield _of_idle_layers(idle)
    born = {path for path, _ in facts.step.record.born} if facts.step is not None else set()
    for omitted in _joined(facts.omitted):
        if omitted.is_hidden or born.issuperset(paths(omitted.variables)):
            continue  # GL109 tells what is hidden, and GL617 what each run creates anew.
        yield _of_train_step(omitted, facts.step)
    for unrelated in unseen_for(facts, Reason.UNRELATED):
        what = counted(len(unrelated.sources), "variable")
        message = f"{what} cannot learn from this call: {target_of(unrelated)} depends on none of them"
        if others := unrelated.call.in_reach:
            message += f", but on {counted(len(others), 'variable')} that it does not ask for, such as '{others[0]}'"
        yield missing(RULE, facts, unrelated, message, advice=_ASK)
    yield from _of_frozen(facts)


def _of_frozen(facts: Facts) -> Iterator[Finding]:
    for frozen in unseen_for(facts, Reason.FROZEN):
        number, asked = len(frozen.sources), counted(len(frozen.call.sources), "variable")
        are, get = ("is", "gets") if number == 1 else ("are", "get")
        has_failed = facts.step is not None and facts.step.record.crash is not None
        yield missing(
            RULE,
            facts,
            frozen,
            f"{number} of the {asked} that this call asks for {are} not trainable, and {get} no gradient",
            severity_of(Consequence.VARIABLES, Certainty.CERTAIN if has_failed else Certainty.IN_SAMPLE),
            "Ask for trainable_variables: weights and variables hold moving statistics, too.",
        )


_ASK = "Compute the target with what should learn, or ask for the variables that it is computed with."


def _in_step(facts: Facts, drop: Drop) -> Drop:
    """A drop; one of what the user's own step computes, or gets from a model, at the line where the step does so."""
    if facts.step is None or facts.flow is None or drop.op is None or drop.is_by_design or drop.kind is DropKind.SHAPE:
        return drop
    around = facts.flow.calls_around(drop.position)
    if around and set(drop.op.outputs).isdisjoint(around[-1][1].outputs):
        return drop
    from gradlint.record.step_record import beside

    frames = facts.step.record.frames.get(drop.position, ())
    found = next((frame for call in facts.step.record.calls if (frame := beside(frames, call.frames))), None)
    if found is None:
        return drop
    return replace(drop, kind=DropKind.DROPPED, file=found.file, line=found.line, reason="")


def _joined(omitted: Sequence[Omitted]) -> Iterator[Omitted]:
    """What one call leaves out of one model for one reason is one mistake, however many layers it concerns."""
    groups: dict[object, list[Omitted]] = {}
    for entry in omitted:
        model, _, part = entry.layer.partition("/")
        key = (entry.left_out, entry.are_copies, entry.compares, entry.is_hidden, model)
        groups.setdefault(key if part else (entry.layer, entry.left_out), []).append(entry)
    for first, *others in groups.values():
        variables = tuple(variable for entry in (first, *others) for variable in entry.variables)
        yield replace(first, variables=variables, layer="" if others else first.layer)


def _is_counter(drop: Drop) -> bool:
    return drop.op is not None and has(drop.op.type, Trait.ASSIGNS)


def _advice(drop: Drop) -> str:
    if _is_counter(drop):
        return "Create it with trainable=False: it is counted, and not learnt."
    match drop.kind:
        case DropKind.UNREAD if drop.is_cached:
            return "Compute it in call(), from the variable: what build() keeps is a constant."
        case DropKind.UNREAD:
            return "Use the variable in call(), or do not create it."
        case DropKind.UNREAD_LAYER:
            return "Call the layer on the way to the loss, or do not create it."
        case DropKind.SUBMODEL_OUTPUT:
            return "Take the output of the sub-model as well, or set trainable=False on what only it needs."
        case _:
            return "Hand the result on to the loss, or leave out the layer that computes it."


def _of_idle_layers(idle: IdleLayers) -> Finding:
    holder = f"'{idle.holder}'" if idle.holder else "the model"
    they, them = ("it", "it") if len(idle.layers) == 1 else ("they", "them")
    why = f"although it calls {idle.called} beside {them}" if idle.called else f"and no code reads what holds {them}"
    return RULE.finding(
        f"{holder} never calls {listed(idle.layers)}, {why}: never built, {they} cannot learn",
        severity=severity_of(Consequence.VARIABLES, Certainty.IN_SAMPLE),
        cause=Cause(idle.holder or idle.layers[0], None, idle.file, idle.line),
        evidence={"kind": "idle", "layers": list(idle.layers), "called": idle.called},
        advice="Call all of them, or create only those that are called.",
    )


def _of_train_step(omitted: Omitted, observed: StepFacts | None) -> Finding:
    what = counted(len(omitted.variables), "trainable variable")
    their, them = ("its", "it") if len(omitted.variables) == 1 else ("their", "them")
    left_out = omitted.left_out
    step = "train_step" if observed is None else "the step"
    # Models that the user names as those that should learn stand beside no others for a comparison.
    named = set(observed.record.models) - {observed.record.owner} if observed is not None else set()
    compares = omitted.compares and not named
    parts = tuple(dict.fromkeys("/".join(v.layer.split("/")[:2]) for v in omitted.variables if v.layer))
    whose = listed(paths(omitted.variables))
    if omitted.layer:
        whose = f"{what} of '{omitted.layer}'"
    elif parts:
        whose = f"{what} of {listed(parts)}"
    message = f"{whose} cannot learn: {step} never asks for {their} gradient"
    reason = ""
    if left_out.in_turns:
        reason = f"another step may train {them}"
    elif omitted.are_copies:
        reason = "copies of variables that learn, as in a target network"
    elif compares:
        reason = f"{their} part compares what learns with something else, as a perceptual loss does"
    return RULE.finding(
        f"{message} ({reason})" if reason else message,
        # Other steps, or other code, may train them.
        severity=severity_of(Consequence.INTENDED if reason else Consequence.VARIABLES, Certainty.IN_SAMPLE),
        variables=paths(omitted.variables),
        cause=Cause(omitted.layer or None, None, left_out.file, left_out.line),
        evidence={"kind": left_out.omission.value, "reason": reason or None, "variables": len(omitted.variables)},
        position=omitted.position,
        advice=f"Add {them} to the variables that tape.gradient() and the optimizer get, or set trainable=False.",
    )


RULE = Rule(
    code="GL102",
    name="disconnected-variable",
    loses=Consequence.VARIABLES,
    advice="Call the layer or use the variable on the way to the loss, or do not create it.",
    doc=DOC,
    check=check,
    needs=frozenset({Need.RETURNS}),
)
