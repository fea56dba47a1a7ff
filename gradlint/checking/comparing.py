"""Two training steps on the same batch: where they part, and why. Each reason is tried out at once."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import gradlint.report  # noqa: F401 - gives comparisons their text and JSON
from gradlint.checking.arguments import (
    MODELS,
    OPTIMIZERS,
    VARIABLES,
    learners,
    own_words,
    refuse_missing,
    refuse_other_arguments,
    refuse_unknown_words,
    table,
    texts,
)
from gradlint.checking.reasons import Proposal, confirmed, proposals, scaling
from gradlint.checking.step import name_of
from gradlint.checking.unconfirmed import explained, forms_differ, hidden_in_optimizers, weights_differ
from gradlint.checking.ways import Ready, cases
from gradlint.comparison import Comparison
from gradlint.errors import GradlintError, ModelRunError, UsageError
from gradlint.load.batch import first_batch, is_batch
from gradlint.options import Options
from gradlint.passes.parting import number_of_same, paired, parting, unequal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gradlint.comparison import Difference
    from gradlint.passes.parting import Parting
    from gradlint.record.trail import OptimizerTrail
    from gradlint.record.trailing import Walk

MOST_REASONS = 8
"""After so many reasons the two are not the same step in any sense."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two steps.

    Attributes:
        step: called with `args` and `kwargs`.
        values: variables, with the values that they have at the start.
        changes: reasons that are taken away by changing this step.
        has_weights: `fit` hands sample weights over.
        note: what of it is not compared.
        idle: the compiled optimizer of a model that runs without labels.
        made_up: the inputs of a model that nobody gave a sample.
    """

    name: str
    step: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    models: tuple[Any, ...]
    values: tuple[tuple[Any, Any], ...] = ()
    changes: tuple[Proposal, ...] = ()
    has_weights: bool = False
    note: str = ""
    idle: tuple[OptimizerTrail, ...] = ()
    made_up: tuple[Any, ...] = ()

    def walked(self, variables: tuple[Any, ...], optimizers: tuple[Any, ...], options: Options) -> Walk:
        """Run it.

        Raises:
            ModelRunError: the step's own code failed.
        """
        from gradlint.experiments.alterations import altered
        from gradlint.record.parameters import arguments_by_place
        from gradlint.record.step_arguments import given_arrays, replaced_arrays
        from gradlint.record.step_task import StepTask
        from gradlint.record.trailing import walked
        from gradlint.upstream.models import reshaped

        args, kwargs = self.args, dict(self.kwargs)
        for change in self.changes:
            if change.drops_weights:
                args = (args[0][:2],)
            # The two steps may call the same things by different names.
            given = arguments_by_place(args, kwargs)
            arrays = given_arrays(given)
            shaped = {key: reshaped(arrays[key], shape) for key, shape in change.arrays.items() if key in arrays}
            values = replaced_arrays(given, {**arrays, **shaped})
            args, kwargs = tuple(values[: len(args)]), dict(zip(kwargs, values[len(args) :], strict=True))
        arrays = given_arrays(arguments_by_place(args, kwargs))
        # One side may name models that the other one finds: the generators begin as they are in both.
        task = StepTask(
            self.name, self.models, optimizers, variables, arrays, seed=options.seed, starts_generators=False
        )
        step = altered(self.step, [c.alteration for c in self.changes if c.alteration is not None])
        try:
            return walked(step, args, kwargs, task, options.bounds, self.values)
        except GradlintError:
            raise
        except Exception as error:
            if isinstance(error, TypeError):
                refuse_other_arguments(self.step, name_of(self.step), args, kwargs, "compare", own_words(compare))
            text = " ".join(str(error).split())[:300]
            raise ModelRunError(f"{self.name} failed: {type(error).__name__}: {text}") from error


def compare(
    first: object,
    second: object,
    *args: object,
    models: object = (),
    optimizers: Sequence[object] = (),
    variables: object = (),
    loss: object = None,
    seed: int = 0,
    imports: str | Sequence[str] = (),
    trust_model: bool = False,
    custom_objects: Mapping[str, object] | None = None,
    **kwargs: object,
) -> Comparison:
    """Run two training steps on the same batch, and find out where and why they part.

    ```python
    print(gradlint.compare(model, my_step, x, y))  # fit and my loop differ: why?
    ```

    Both begin with the same weights, seeds and batch, and leave everything as it was. A reason is confirmed by running
    a step again without it: where the two then agree further, it is one, and the next is looked for.

    Args:
        first: step A: a callable; a compiled model, or its `fit`, for what `fit` would do with the batch; the path of a
            model file; or `package.module:function`, for a step or what builds a model.
        second: step B, in the same way.
        args: what both steps take. For a model they are one batch, as for `gradlint.check()`.
        models: models or layers that should learn; those that the steps call, when empty.
        optimizers: optimizers whose state must not change; those that the steps use are found.
        variables: variables that should learn.
        loss: as for `gradlint.check()`, for models that are compared without a step.
        seed: of random operations, and of a batch that is made up where nobody gives one to two models.
        imports: modules or `.py` files that register custom layers and losses.
        trust_model: run Python code stored in a model file.
        custom_objects: as for `gradlint.check()`.
        kwargs: handed to steps that are callables.

    Raises:
        ModelRunError: one of the steps failed.
        UsageError: the arguments do not go together.
        GradlintError: a model cannot be loaded.
    """
    options = Options(
        loss=loss,
        seed=seed,
        imports=texts("imports", imports),
        trust_model=trust_model,
        custom_objects=table("custom_objects", custom_objects),
        models=learners("models", models, *MODELS),
        variables=learners("variables", variables, *VARIABLES),
    )
    refuse_missing(options.imports, first, second)
    return compared(first, second, args, options, learners("optimizers", optimizers, *OPTIMIZERS), kwargs)


def compared(
    first: object,
    second: object,
    args: tuple[object, ...],
    options: Options,
    optimizers: Sequence[object] = (),
    kwargs: Mapping[str, object] | None = None,
) -> Comparison:
    """As `compare`, with the options in one piece.

    Raises:
        GradlintError: the comparison could not run; the message says what to change.
    """
    from gradlint.upstream.starting import quiet_tensorflow

    quiet_tensorflow()
    sides = [side_of(first, args, kwargs or {}, options)]
    sides.append(side_of(second, args, kwargs or {}, options, sides[0].made_up))
    if not any(side.kwargs is kwargs for side in sides):
        refuse_unknown_words(kwargs or {}, own_words(compare), "compare")
    if sides[0].name == sides[1].name:
        sides = [replace(side, name=f"{side.name} ({letter})") for side, letter in zip(sides, "AB", strict=True)]
    return _explained(_Pair((sides[0], sides[1]), options, tuple(optimizers)))


def side_of(
    step: object,
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
    options: Options,
    made_up: tuple[object, ...] = (),
) -> Side:
    """What is run for one of the arguments of `compare`.

    Args:
        step: as for `compare`, and so are `args` and `kwargs`.
        args: positional arguments.
        kwargs: keyword arguments.
        options: how to compare.
        made_up: the inputs of the other model, where no sample is given.

    Raises:
        GradlintError: it cannot be run.
    """
    from gradlint.load.model.code import is_factory, step_of
    from gradlint.load.model.live import is_model

    owner = getattr(step, "__self__", None)
    if is_model(owner) and getattr(step, "__name__", "") == "fit":
        step = owner
    target = os.fspath(step) if isinstance(step, (str, os.PathLike)) else ""
    if target and is_factory(target):
        step = step_of(target, options.imports) or step
    if callable(step) and not is_model(step):
        named = target or name_of(step)
        return Side(named, step, _arguments(step, named, args, kwargs, options), kwargs, options.models)
    sample = args[0] if len(args) == 1 else args or None
    return _side_of_model(step, sample, options, made_up)


def _arguments(
    step: object, named: str, args: tuple[Any, ...], kwargs: Mapping[str, object], options: Options
) -> tuple[Any, ...]:
    """What a callable is called with: the arguments as they are, or one batch in as many parts as it takes."""
    from gradlint.load.model.code import arguments_of
    from gradlint.upstream import models

    try:
        takes, takes_nothing = len(models.parameters_of(step)), not models.parameters_of(step, all_kinds=True)
    except (TypeError, ValueError):
        return args
    if takes_nothing and not kwargs:
        return ()
    is_batch_alone = len(args) == 1 and not kwargs
    if is_batch_alone and (takes > 1 or isinstance(args[0], (str, os.PathLike))):
        return arguments_of(step, named, args[0], options)
    return args


def _side_of_model(model: object, sample: object, options: Options, made_up: tuple[Any, ...]) -> Side:
    from gradlint.load.model.code import is_factory
    from gradlint.load.model.live import trains_itself
    from gradlint.load.model.own_step import train_step_of
    from gradlint.record.plain_step import plain_step
    from gradlint.record.subject import ModelSubject
    from gradlint.record.trailing import described
    from gradlint.upstream import models
    from gradlint.upstream.optimizers import learning_rates

    if trains_itself(model, options) and is_batch(sample):
        own = train_step_of(model, first_batch(sample))
        return Side(f"fit of {own.name}", own.function, own.arguments, {}, (*own.learners, *options.models))
    (ready,) = (case for case in cases(model, sample, frozenset(), options) if isinstance(case, Ready))
    target, subject = ready.case.target, ready.subject
    if not isinstance(subject, ModelSubject):
        raise UsageError(f"{target or model} cannot be run")
    if isinstance(model, (str, os.PathLike)) and not is_factory(os.fspath(model)):
        models.begin_anew(subject.model)
    inputs = tuple(subject.inputs.values()) if sample is None else ()
    if made_up and [(each.shape, each.dtype) for each in inputs] == [(each.shape, each.dtype) for each in made_up]:
        # A sample that is made up goes by the names of the inputs, which are others in a model that is built again.
        subject = replace(subject, inputs=dict(zip(subject.inputs, made_up, strict=True)))
    step, args, kind = plain_step(subject)
    weighted = bool(args) and isinstance(args[0], tuple) and len(args[0]) == 3 and args[0][2] is not None
    name = f"fit of {target}" if kind == "fit" else target
    note = ""
    idle: tuple[OptimizerTrail, ...] = ()
    if kind != "fit" and getattr(subject.model, "compiled", False):
        note = f"{name} runs without labels: its outputs are compared, and its loss is not"
        idle = tuple(described(each, learning_rates(each)[0]) for each in (subject.model.optimizer,) if each)
    return Side(name, step, args, {}, (subject.model, *options.models), (), (), weighted, note, idle, inputs)


# -- the road ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    sides: tuple[Side, Side]
    options: Options
    optimizers: tuple[Any, ...]
    walks: tuple[Walk, ...] = field(default=())

    def run(self, *which: int) -> _Pair:
        """The pair, with some of its steps run again."""
        walks = dict(enumerate(self.walks))
        for side in which:
            walks[side] = self.sides[side].walked(self.options.variables, self.optimizers, self.options)
        return replace(self, walks=(walks[0], walks[1]))

    def changed(self, proposals: Sequence[Proposal]) -> _Pair:
        """The pair, run with what some proposals change."""
        sides = list(self.sides)
        for proposal in proposals:
            side = sides[proposal.side]
            sides[proposal.side] = replace(side, changes=(*side.changes, proposal))
        pair = replace(self, sides=(sides[0], sides[1]))
        return pair.run(*{proposal.side for proposal in proposals})

    @property
    def both(self) -> tuple[Walk, Walk]:
        return self.walks[0], self.walks[1]

    @property
    def parting(self) -> Parting | None:
        return parting(self.walks[0].trail, self.walks[1].trail)


def _explained(pair: _Pair) -> Comparison:
    """Where the two steps of a pair part, and why."""
    pair = pair.run(0, 1)
    differences: list[Difference] = []
    pair = _with_equal_weights(pair, differences)
    is_complete = True
    while (found := pair.parting) is not None:
        reasons, further = _tried(pair, found)
        if not reasons:
            differences.append(explained(pair.walks[0].trail, pair.walks[1].trail, found))
            scaled = _run_or_none(pair, [scaling(found)]) if differences[-1].kind == "reduction" else None
            if scaled is None or not _is_better(scaled.parting, found):
                is_complete = False
                break
            pair = scaled
            continue
        differences += [confirmed(reason, parted) for reason, parted in reasons]
        pair = further
        if len(differences) >= MOST_REASONS:
            is_complete = False
            break
    a, b = pair.walks[0].trail, pair.walks[1].trail
    for walk, side in zip(pair.walks, pair.sides, strict=True):
        if not walk.trail.record.calls:
            raise ModelRunError(f"{side.name} ran, but no tape was asked for a gradient in it")
    if not number_of_same(a, b)["gradients"] and not differences:
        raise UsageError("the two steps train no variable in common: there is nothing to compare")
    if is_complete:
        told = frozenset(change.setting for change in pair.sides[1].changes)
        used = [walk.trail.optimizers or side.idle for walk, side in zip(pair.walks, pair.sides, strict=True)]
        differences += hidden_in_optimizers(used[0], used[1], told)
    return Comparison(
        pair.sides[0].name,
        pair.sides[1].name,
        tuple(differences),
        is_complete,
        number_of_same(a, b),
        tuple(side.note for side in pair.sides if side.note),
    )


def _with_equal_weights(pair: _Pair, differences: list[Difference]) -> _Pair:
    """The pair with the weights and seeds of A in B."""
    first, second = pair.both
    pairs = paired(first.trail, second.trail)
    if (form := forms_differ(first.trail, second.trail, pairs)) is not None:
        differences.append(form)
    other = unequal(first.trail, second.trail, pairs)
    if other:
        differences.append(weights_differ(first.trail, other))
    keys = [variable.key for variable in first.trail.variables]
    apart = {mine: theirs for mine, theirs in pairs.items() if keys[mine] != second.trail.variables[theirs].key}
    if not apart:
        return pair
    values = tuple((second.variables[theirs], first.values[mine]) for mine, theirs in apart.items())
    sides = (pair.sides[0], replace(pair.sides[1], values=values))
    return replace(pair, sides=sides).run(1)


Reason = tuple[Proposal, "Parting"]
"""A confirmed reason, and where the steps part because of it alone."""


def _tried(pair: _Pair, found: Parting) -> tuple[list[Reason], _Pair]:
    """The reasons without which the steps agree further, and the pair without them.

    All are tried at once, since one may hide behind another; then each is put back alone.
    """
    weighted = tuple(side.has_weights and not any(c.drops_weights for c in side.changes) for side in pair.sides)
    candidates = proposals(pair.both, found, (weighted[0], weighted[1]))
    if not candidates:
        return [], pair
    without = _run_or_none(pair, candidates)
    if without is None or not _is_better(without.parting, found):
        return _one_of(pair, candidates, found)
    if len(candidates) == 1:
        return [(candidates[0], found)], without
    best, needed = without.parting, list[Reason]()
    for candidate in candidates:
        back = _run_or_none(pair, [other for other in candidates if other is not candidate])
        parted = found if back is None else back.parting
        if parted is not None and _is_better(best, parted):
            needed.append((candidate, parted))
    if not needed:
        return _one_of(pair, candidates, found)
    return needed, without if len(needed) == len(candidates) else pair.changed([reason for reason, _ in needed])


def _one_of(pair: _Pair, candidates: Sequence[Proposal], found: Parting) -> tuple[list[Reason], _Pair]:
    for candidate in candidates if len(candidates) > 1 else ():
        without = _run_or_none(pair, [candidate])
        if without is not None and _is_better(without.parting, found):
            return [(candidate, found)], without
    return [], pair


def _run_or_none(pair: _Pair, candidates: Sequence[Proposal]) -> _Pair | None:
    try:
        return pair.changed(candidates)
    except ModelRunError:
        return None  # A step that does not take the change has nothing to say of it.


def _is_better(one: Parting | None, other: Parting) -> bool:
    return one is None or one.is_after(other)
