"""Why two training steps part, told by the numbers and the form of the two alone: what no experiment can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.comparison import Difference, Stage
from gradlint.finding import Cause
from gradlint.operations import Trait, has

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.passes.matching import Spot
    from gradlint.passes.parting import Parting
    from gradlint.record.trail import OptimizerTrail, Trail

_MOST_NAMED = 4
_HALF = ("float16", "bfloat16")


def weights_differ(a: Trail, unequal: tuple[int, ...]) -> Difference:
    """The difference of two steps that begin with other weights."""
    paths = tuple(a.variables[place].path for place in unequal)
    frozen = all(not a.variables[place].trainable for place in unequal)
    what = "moving statistics and other weights that are not trained" if frozen else "weights"
    return Difference(
        "weights",
        Stage.WEIGHTS,
        f"the two begin with other {what}: {_listed(paths)}",
        None,
        advice="compare with the same weights: B was given those of A for what follows",
        variables=paths,
    )


def forms_differ(a: Trail, b: Trail, pairs: dict[int, int]) -> Difference | None:
    """The difference of two models that do not have the same variables; None where they have."""
    mine = [v.path for place, v in enumerate(a.variables) if place not in pairs and not v.is_seed]
    theirs = [v.path for place, v in enumerate(b.variables) if place not in set(pairs.values()) and not v.is_seed]
    if not mine and not theirs:
        return None
    parts = [f"{side} alone has {_listed(tuple(paths))}" for side, paths in (("A", mine), ("B", theirs)) if paths]
    return Difference(
        "variables",
        Stage.WEIGHTS,
        f"the two use other variables: {'; '.join(parts)}",
        None,
        advice="where this is not meant, build both models in the same way",
        variables=tuple(mine or theirs),
    )


def hidden_in_optimizers(
    a: Sequence[OptimizerTrail], b: Sequence[OptimizerTrail], told: frozenset[str]
) -> tuple[Difference, ...]:
    """What tells the optimizers of two steps apart and does not show in what was run: it shows in later steps.

    Args:
        a: of A.
        b: of B, which does the same.
        told: settings that are differences already.
    """
    found = []
    for one, other in zip(a, b, strict=False):
        if one.name != other.name:
            said = f"A uses {one.name} and B {other.name}; {_LATER}"
            found.append(_of_optimizer("optimizer", said, "use the same optimizer"))
            continue
        apart = [
            (name, one.settings[name], other.settings[name])
            for name in sorted((one.settings.keys() & other.settings.keys()) - told)
            if one.settings[name] != other.settings[name]
        ]
        if one.schedule != other.schedule:
            rates = [each.schedule or each.settings.get("learning_rate", "a number") for each in (one, other)]
            apart.append(("the schedule of learning_rate", rates[0], rates[1]))
        for name, mine, theirs in apart:
            said = f"{name} of {one.name} is {mine} in A and {theirs} in B; {_LATER}"
            found.append(_of_optimizer("optimizer-setting", said, f"give both optimizers the same {name}"))
    return tuple(found)


_LATER = "what was compared does not show it, and later steps may"


def _of_optimizer(kind: str, message: str, advice: str) -> Difference:
    return Difference(kind, Stage.UPDATE, message, None, "", advice)


def explained(a: Trail, b: Trail, parting: Parting) -> Difference:
    """The difference that a parting is, as far as numbers and form tell."""
    for reason in (
        _broadcast,
        _swapped,
        _scaled,
        _asked,
        _lost,
        _random,
        _precision,
        _statistics,
        _optimizers,
        _clipped,
    ):
        found = reason(a, b, parting)
        if found is not None:
            return found
    return _unknown(a, b, parting)


def _difference(
    a: Trail, parting: Parting, kind: str, message: str, advice: str = "", confirmed: bool | None = None
) -> Difference:
    paths = tuple(a.variables[mine].path for mine, _ in parting.variables if mine >= 0)
    evidence = {} if parting.factor is None else {"factor": parting.factor}
    return Difference(
        kind,
        parting.stage,
        message,
        confirmed,
        "by the numbers of both" if confirmed else "",
        advice,
        _cause(parting.first),
        _cause(parting.second),
        paths,
        evidence,
    )


def _broadcast(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    for side, spot in (("B", parting.second), ("A", parting.first)):
        if spot is not None and parting.stage is Stage.LOSS and spot.broadcasts:
            one, other = spot.operands
            return _difference(
                a,
                parting,
                "label-shape",
                f"in {side} arrays of the shapes {one} and {other} broadcast to {spot.result}",
                f"give labels and predictions the same shape in {side}",
            )
    return None


def _swapped(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    if not parting.swapped:
        return None
    said = [f"{a.variables[one].path} gets the gradient of {a.variables[of].path}" for one, of in parting.swapped]
    return _difference(
        a,
        parting,
        "order-of-variables",
        f"B applies the gradients in another order of the variables: {_listed(tuple(said))}",
        "pair gradients with the same list of variables that the tape was asked for",
        True,
    )


def _scaled(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    factor = parting.factor
    if factor is None or parting.stage not in (Stage.LOSS, Stage.GRADIENT):
        return None
    number = f"{factor:.6g}" if factor >= 1 or factor <= 0 else f"1/{1 / factor:.6g}"
    meaning, rows = "", _rows(a) | _rows(b)
    for size in rows:
        if abs(factor - size) <= 1e-3 * size or abs(factor * size - 1) <= 1e-3:
            larger = "B" if factor > 1 else "A"
            meaning = f"; the batch has {size} rows: {larger} sums over them, and the other takes the mean"
    return _difference(
        a,
        parting,
        "reduction",
        f"every gradient of B is {number} times that of A{meaning}",
        "reduce the losses in the same way (mean over the batch, as Keras does), or scale the learning rate",
        True,
    )


def _rows(trail: Trail) -> set[int]:
    shapes = [trail.recording.tensors[index].shape for index in trail.record.data]
    return {shape[0] for shape in shapes if shape and shape[0] > 1}


def _asked(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    if "not asked for" not in parting.states:
        return None
    side = "AB"[parting.states.index("not asked for")]
    trail, place = (b, 1) if side == "A" else (a, 0)
    paths = tuple(trail.variables[pair[place]].path for pair in parting.variables)
    return _difference(
        a,
        parting,
        "variables-not-asked",
        f"{side} does not ask for the gradient of {_listed(paths)}",
        f"name all trainable variables in the gradient call of {side}",
        True,
    )


def _lost(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    one, other = parting.states
    if parting.stage is not Stage.GRADIENT or one == other or not one or "asked" in one:
        return None
    paths = tuple(a.variables[mine].path for mine, _ in parting.variables)
    worse = (
        "A"
        if ("finite", "zero", "not finite", "None").index(one) > ("finite", "zero", "not finite", "None").index(other)
        else "B"
    )
    return _difference(
        a,
        parting,
        "lost-gradient",
        f"the gradient of {_listed(paths)} is {one} in A and {other} in B",
        f"gradlint.check_step says why it is lost in {worse}",
        True,
    )


def _random(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    ops = [spot.cause.op or "" for spot in (parting.first, parting.second) if spot is not None]
    if parting.stage is not Stage.LOSS or len(ops) < 2 or not all(has(op, Trait.DRAWS) for op in ops):
        return None
    return _difference(
        a,
        parting,
        "random-numbers",
        "both draw random numbers, and B draws others: its generators stand elsewhere, or it draws more often",
        "give the layers the same seeds, and call them equally often",
    )


def _precision(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    first, second = parting.first, parting.second
    if first is None or second is None or first.dtype == second.dtype:
        return None
    if (first.dtype in _HALF) == (second.dtype in _HALF):
        return None
    return _difference(
        a,
        parting,
        "precision",
        f"A computes in {first.dtype} where B computes in {second.dtype}",
        "give both models the same dtype policy",
    )


def _statistics(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    if parting.stage is not Stage.UPDATE or any(a.variables[mine].trainable for mine, _ in parting.variables):
        return None
    mine, theirs = parting.variables[0]
    times = [
        f"{count} time{'' if count == 1 else 's'}" for count in (a.variables[mine].writes, b.variables[theirs].writes)
    ]
    paths = tuple(a.variables[place].path for place, _ in parting.variables)
    said = f", which A writes {times[0]} in a step and B {times[1]}" if times[0] != times[1] else ""
    return _difference(
        a,
        parting,
        "moving-statistics",
        f"all gradients are the same, and the moving statistics are not: {_listed(paths)}{said}",
        "call the model once in a step with training=True, and other times with training=False",
    )


def _optimizers(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    if parting.stage is not Stage.UPDATE:
        return None
    names = [[optimizer.name for optimizer in trail.optimizers] for trail in (a, b)]
    used = [[optimizer.iterations for optimizer in trail.optimizers] for trail in (a, b)]
    if names[0] != names[1]:
        said = [", ".join(each) or "assigns by itself" for each in names]
        message = f"the gradients are the same, and other optimizers apply them: A {said[0]}, B {said[1]}"
    elif used[0] != used[1]:
        message = f"the optimizer was {_times(used[0][0])} before in A and {_times(used[1][0])} in B"
    elif parting.states == ("moves", "stays"):
        message = "A moves its weights, and B leaves them as they are"
    elif parting.states == ("stays", "moves"):
        message = "B moves its weights, and A leaves them as they are"
    else:
        return None
    return _difference(a, parting, "optimizer", message, "use the same optimizer in the same state")


def _times(number: int) -> str:
    return f"used {number:,} time{'' if number == 1 else 's'}" if number else "never used"


def _clipped(a: Trail, b: Trail, parting: Parting) -> Difference | None:
    if parting.stage is not Stage.APPLIED:
        return None
    paths = tuple(a.variables[mine].path for mine, _ in parting.variables)
    factor = "" if parting.factor is None else f": they are {parting.factor:.6g} times as large in B"
    if parting.states[1] == "None":
        message = f"the tapes give the same gradients, and B applies none to {_listed(paths)}"
    else:
        message = f"the tapes give the same gradients, and the optimizers get others for {_listed(paths)}{factor}"
    return _difference(
        a, parting, "changed-gradients", message, "clip, weight, filter and accumulate gradients in the same way"
    )


def _unknown(a: Trail, b: Trail, parting: Parting) -> Difference:
    paths = tuple(a.variables[mine].path for mine, _ in parting.variables)
    match parting.stage:
        case Stage.LOSS:
            message = f"the losses differ, and so does the first of their operations: {_ops(parting)}"
        case Stage.GRADIENT:
            message = f"the losses are the same, and the gradients of {_listed(paths)} are not: {_ops(parting)}"
        case _:
            message = f"the gradients are the same, and what becomes of {_listed(paths)} is not"
    return _difference(a, parting, "unknown", message)


def _ops(parting: Parting) -> str:
    said = []
    for side, spot in (("A", parting.first), ("B", parting.second)):
        if spot is not None:
            layer = f" in '{spot.cause.layer}'" if spot.cause.layer else ""
            said.append(f"{spot.cause.op}{layer} in {side}")
    return ", ".join(said) or "what they read is not the same"


def _cause(spot: Spot | None) -> Cause:
    return spot.cause if spot is not None else Cause()


def _listed(names: tuple[str, ...]) -> str:
    if len(names) <= _MOST_NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
