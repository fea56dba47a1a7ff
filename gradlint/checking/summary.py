"""What a result says about the model, the sample, the inputs and the variables."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from gradlint.load.binding import weight_keys
from gradlint.load.spec import LABEL, SAMPLE_WEIGHT, quoted
from gradlint.result import ZERO_HERE, GradientState, InputStatus, VariableStatus
from gradlint.upstream.scopes import is_scope_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow
    from gradlint.load.binding import Binding
    from gradlint.load.spec import ArraySpec, ModelSpec
    from gradlint.passes.facts import Facts
    from gradlint.record.recording import Recording


def model_line(spec: ModelSpec | None, recording: Recording | None) -> str:
    """`towers (Functional), 7 layers, 673 parameters (641 trainable)`."""
    parts = []
    if spec is not None:
        number = len(spec.layers)
        parts.append(f"{spec.name} ({spec.class_name}), {number} layer{'' if number == 1 else 's'}")
    if recording is not None:
        sizes = [(math.prod(variable.shape), variable.trainable) for variable in recording.variables]
        trainable = sum(size for size, learns in sizes if learns)
        parts.append(f"{sum(size for size, _ in sizes):,} parameters ({trainable:,} trainable)")
    return ", ".join(parts)


_FOR_OUTPUTS = (f"{LABEL}:", f"{SAMPLE_WEIGHT}:")
"""How keys begin that are no inputs, whatever the outputs of the model are called."""


def sample_line(arrays: Sequence[ArraySpec], binding: Binding | None) -> str:
    """`2 inputs of 8 rows, labels y`."""
    if binding is not None:
        labels = [key for _, key in binding.labels]
    else:  # A callable is given everything; what is a label goes by the name.
        labels = [array.key for array in arrays if array.key.split(":")[0] == LABEL]
    weights = weight_keys(binding) if binding is not None else ()
    for_none = () if binding is None else [key for key in binding.unexpected if key.startswith(_FOR_OUTPUTS)]
    inputs = [array for array in arrays if array.key not in {*labels, *weights, *for_none}]
    rows = {array.shape[0] for array in inputs if array.shape}
    of_rows = f" of {next(iter(rows))} row{'' if rows == {1} else 's'}" if len(rows) == 1 else ""
    parts = [f"{len(inputs)} input{'' if len(inputs) == 1 else 's'}{of_rows}"]
    parts.append(f"labels {', '.join(labels)}" if labels else "no labels")
    if weights:
        parts.append("sample weights")
    return ", ".join(parts)


def input_statuses(facts: Facts) -> tuple[InputStatus, ...]:
    """The inputs in the model's order, with what the run said of their gradients."""
    if facts.flow is None:
        return _on_paper(facts)
    branches = facts.flow.branches
    fed = Counter(key for path in facts.flow.learning for key in branches[path])
    return tuple(
        InputStatus(
            record.key,
            record.shape,
            record.dtype,
            record.gradient.state,
            record.gradient.norm,
            fed[record.key],
        )
        for record in facts.flow.recording.inputs
    )


def _on_paper(facts: Facts) -> tuple[InputStatus, ...]:
    if facts.binding is None:
        return ()
    arrays = {array.key: array for array in facts.arrays}
    bound = [
        InputStatus(key, arrays[source].shape, arrays[source].dtype, GradientState.UNKNOWN)
        for key, source in facts.binding.inputs
    ]
    return (*bound, *(InputStatus(key, None, None, GradientState.UNKNOWN) for key in facts.binding.missing))


def variable_statuses(flow: Flow | None) -> tuple[VariableStatus, ...]:
    """The float variables in the model's order; the gradient of a frozen one is not asked for."""
    if flow is None:
        return ()
    return tuple(
        VariableStatus(
            variable.path,
            variable.shape,
            variable.dtype,
            variable.trainable,
            variable.gradient.state if variable.trainable else GradientState.NOT_APPLICABLE,
            variable.gradient.norm,
            tuple(sorted(flow.branches.get(variable.path, ()))),
        )
        for variable in flow.recording.variables
    )


def unread_labels(facts: Facts) -> tuple[str, ...]:
    """A note when the sample has labels that the loss does not read."""
    loss, binding = facts.recording.loss if facts.recording is not None else None, facts.binding
    if loss is None or binding is None or not loss.unread or not binding.labels:
        return ()
    keys = [key for _, key in binding.labels]
    one = len(keys) == 1
    compiled = facts.spec is not None and facts.spec.compiled and facts.spec.loss is not None
    repair = (
        "add them, or compile with loss None what needs none"
        if compiled
        else "compile it with its loss, or pass --loss LOSS"
    )
    return (f"the label{'' if one else 's'} {quoted(keys)} {'is' if one else 'are'} not used: {loss.unread}; {repair}",)


def unseen_step(facts: Facts) -> tuple[str, ...]:
    """A note when a model's own `train_step` ran on symbols, on which its tapes have nothing to say."""
    if facts.recording is None or facts.recording.loss.kind != "train_step":
        return ()
    return (
        f"{facts.recording.loss.description} were looked at, and not its tapes and optimizers: --depth values does",
    )


def refused_names(facts: Facts) -> tuple[str, ...]:
    """A note when a graph takes the names of the model or its layers for no scopes, which a check does not need."""
    spec = facts.spec
    if spec is None:
        return ()
    names = [] if is_scope_name(spec.name, is_root=True) else [spec.name]
    called = [layer.name for layer in spec.layers if layer.class_name != "InputLayer"]
    names += [name for name in called if not is_scope_name(name, is_root=False)]
    if not names:
        return ()
    return (
        f"a graph takes no scope named {quoted(names)}, and fit builds one unless the model is compiled with "
        "run_eagerly=True; use letters of English, digits, '_', '-' and '.'",
    )


def zero_here(facts: Facts) -> tuple[str, ...]:
    """A note when nothing receives a gradient from this sample, and something does from a perturbed one."""
    if facts.flow is None or not facts.flow.learners or not facts.probes:
        return ()
    dead = all(variable.gradient.state is GradientState.ZERO for variable in facts.flow.learners)
    alive = any(
        any(variable.gradient.state is GradientState.FINITE for variable in probe.learners) for probe in facts.probes
    )
    return (ZERO_HERE,) if dead and alive else ()
