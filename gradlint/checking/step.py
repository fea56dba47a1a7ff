"""A training step of the user's own: observed once, judged by the same rules as a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gradlint.cells import line_as_typed
from gradlint.checking import summary
from gradlint.checking.arguments import (
    MODELS,
    OPTIMIZERS,
    VARIABLES,
    codes,
    learners,
    own_words,
    refuse_other_arguments,
    refuse_unknown_words,
    several,
    table,
)
from gradlint.checking.forward import Tested, tested
from gradlint.checking.suppression import left_out
from gradlint.checking.verdict import judged
from gradlint.checking.ways import Case
from gradlint.errors import ModelRunError, UsageError
from gradlint.flow import Flow
from gradlint.options import Options
from gradlint.passes.derivatives import zero_derivatives
from gradlint.passes.drops import DropKind, drops
from gradlint.passes.facts import Doubts, Facts, facts_of
from gradlint.passes.partial import unused_slices
from gradlint.passes.steps import at_the_asking, step_facts, unseen_by_all
from gradlint.passes.stops import lost
from gradlint.record.terms import Omission
from gradlint.report.text import listed
from gradlint.result import GradientState
from gradlint.rule import Need
from gradlint.rules import chosen, needs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from gradlint.checking.forward import Forward
    from gradlint.finding import Finding
    from gradlint.record.recording import Recording
    from gradlint.record.step import Observation
    from gradlint.record.step_record import StepRecord
    from gradlint.result import Result


@dataclass(frozen=True, slots=True)
class _Again:
    """How to run the step again: with other arrays, or looking closer."""

    run: Callable[[Mapping[str, Any] | None, bool], tuple[Recording, StepRecord]]
    arrays: Mapping[str, Any]
    places: Mapping[str, str]
    """Keys of the arrays that are inputs of a model, by the model's own."""
    forward: Forward | None

    def matters(self, key: str, axis: int, slices: Sequence[int]) -> bool:
        """Whether the losses change with some slices of an input of the model."""
        import numpy as np

        from gradlint.experiments.differences import matters
        from gradlint.record.step_arguments import as_given

        place = self.places[key]
        given = self.arrays[place]

        def loss_on(array: Any) -> float:
            value = self.run({**self.arrays, place: as_given(given, array)}, False)[0].loss.value
            return float("nan") if value is None else value

        return matters(loss_on, np.asarray(given), axis, slices)


def check_step(
    step: Callable[..., object],
    *args: object,
    models: object = (),
    optimizers: object = (),
    variables: object = (),
    seed: int = 0,
    probes: int = 3,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    fail_on: str = "error",
    thresholds: Mapping[str, float] | None = None,
    **kwargs: object,
) -> Result:
    """Run a training step of your own once, and find out what its tapes and optimizers lose.

    The step may open any number of tapes, nested and persistent ones, be decorated with `tf.function`, and return
    anything. What it changes (weights, slots of optimizers, metrics, seeds) is put back. It runs again only where
    a zero has to be told from an accident of the batch, or where it builds its variables.

    Args:
        step: called with `args` and `kwargs`.
        args: whatever the step takes; models, batches, numbers.
        models: models or layers that should learn; those that the step calls, when empty. A single one may stand for a
            list of it, here and wherever a list is asked for.
        optimizers: optimizers whose state must not change; those that the step uses are found.
        variables: variables that should learn.
        seed: of the step's random operations.
        probes: how many runs with perturbed arrays confirm that a zero gradient is no accident.
        select: codes, prefixes or names of the rules to run; all when empty.
        ignore: those not to run.
        fail_on: `error`, `warning` or `never`: from which severity on `Result.ok` is False.
        thresholds: from where on rules speak, by name.
        kwargs: handed to the step.

    Raises:
        ModelRunError: the step's own code failed, and not for a gradient that is missing.
        UsageError: the arguments do not fit together.
    """
    judging = _options(select, ignore, fail_on, thresholds)
    options = replace(
        judging,
        models=learners("models", models, *MODELS),
        variables=learners("variables", variables, *VARIABLES),
        seed=seed,
        probes=probes,
    )
    return observed(step, args, kwargs, options, learners("optimizers", optimizers, *OPTIMIZERS))


def observed(
    step: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    options: Options,
    optimizers: Sequence[object] = (),
    inputs: Mapping[str, object] | None = None,
    forward: Forward | None = None,
) -> Result:
    """As `check_step`, with the options in one piece.

    Args:
        step: as for `check_step`, and so are `args`, `kwargs` and `optimizers`.
        args: positional arguments.
        kwargs: keyword arguments.
        options: how to check.
        optimizers: whose state must not change.
        inputs: the tensors among the arguments that are inputs of a model, by its own keys.
        forward: that model, on the sample.

    Raises:
        ModelRunError: as `check_step`.
        UsageError: as `check_step`.
    """
    from gradlint.upstream.starting import quiet_tensorflow, refuse_graphs

    quiet_tensorflow()
    refuse_graphs()
    if not callable(step):
        raise UsageError(
            f"step must be a callable, not {type(step).__name__}: give it without calling it, and behind it what it "
            "takes, check_step(step, x, y)"
        )
    if hasattr(step, "train_step") and hasattr(step, "trainable_variables"):
        raise UsageError(
            f"step is the model {getattr(step, 'name', '')!r}: give it to check(), or a training step here"
        )
    from gradlint.load.batch import as_array
    from gradlint.record.parameters import arguments_by_name
    from gradlint.record.step import record_after_update, record_step
    from gradlint.record.step_arguments import foreign_tensors, given_arrays, needs_building, replaced_arrays
    from gradlint.record.step_task import StepTask

    given = arguments_by_name(step, args, kwargs)
    arrays = given_arrays(given)
    places = {id(value): key for key, value in arrays.items()}
    owner = getattr(step, "__self__", None)
    task = StepTask(
        name=name_of(step),
        models=options.models,
        optimizers=tuple(optimizers),
        variables=options.variables,
        given=arrays,
        inputs={key: places[id(value)] for key, value in (inputs or {}).items() if id(value) in places},
        owner=owner if name_of(step) == "train_step" and hasattr(owner, "trainable_variables") else None,
        seed=options.seed,
    )

    def on_arrays(arrays: Mapping[str, Any]) -> tuple[Sequence[object], Mapping[str, object]]:
        values = replaced_arrays(given, arrays)
        return values[: len(args)], dict(zip(kwargs, values[len(args) :], strict=True))

    def run(arrays: Mapping[str, Any] | None = None, trace_returns: bool = False) -> tuple[Recording, StepRecord]:
        if arrays is None:
            return record_step(step, args, kwargs, task, options.bounds, trace_returns=trace_returns)
        current = replace(task, given=dict(arrays))
        return record_after_update(step, (args, kwargs), on_arrays(arrays), current, options.bounds)

    if needs_building((*options.models, *args, *kwargs.values())):
        run()  # The first call creates variables: seen with them, it is a step like any other.
    recording, record = run()
    if record.crash is not None and record.crash.kind == "TypeError":
        refuse_other_arguments(step, task.name, args, kwargs, "check_step", {*own_words(check_step), "allow"})
    if record.crash is not None and (foreign := foreign_tensors(given)):
        converted = on_arrays({key: as_array(value) for key, value in foreign.items()})
        if record_step(step, *converted, task, options.bounds)[1].crash is None:
            raise UsageError(_are_foreign(list(foreign)))
    if record.born or record.made:
        recording, record = run()
    return _judged(recording, record, options, _Again(run, arrays, task.inputs, forward))


def _are_foreign(names: Sequence[str]) -> str:
    """A step that fails on tensors of PyTorch, and runs on the arrays in them, hands them to TensorFlow as they are."""
    what = f"{names[0]!r} is a tensor" if len(names) == 1 else f"{', '.join(map(repr, names))} are tensors"
    return f"{what} of PyTorch, which TensorFlow does not take: give x.detach().cpu().numpy()"


class watch:
    """Observe a training step where it runs anyway.

    ```python
    with gradlint.watch(generator, discriminator, optimizers=[g_optimizer, d_optimizer]) as watched:
        train_step(batch)
    print(watched.result)
    ```

    Whatever the block changes is put back at its end, unless `keep` says otherwise. An error that the block raises
    is raised again, with the result at hand.

    Args:
        models: models or layers that should learn, or a list of them; those that the block calls, when empty.
        optimizers: optimizers whose state must not change; those that the block uses are found.
        variables: variables that should learn.
        keep: leave the changes of the step: it was a real one.
        select: as for `check_step`, and so are `ignore`, `fail_on` and `thresholds`.
        words: `models`, by name; others are refused.

    Raises:
        UsageError: the arguments make no sense, or the result was asked for before the end of the block.
    """

    def __init__(
        self,
        *models: object,
        optimizers: object = (),
        variables: object = (),
        keep: bool = False,
        select: str | Iterable[str] = (),
        ignore: str | Iterable[str] = (),
        fail_on: str = "error",
        thresholds: Mapping[str, float] | None = None,
        **words: object,
    ) -> None:
        models = (*models, *several("models", words.pop("models", None)))
        refuse_unknown_words(words, {*own_words(watch), "models"}, "watch")
        self._options = _options(select, ignore, fail_on, thresholds)
        self._models = learners("models", models, *MODELS)
        self._variables = learners("variables", variables, *VARIABLES)
        self._optimizers, self._keep = learners("optimizers", optimizers, *OPTIMIZERS), keep
        self._observation: Observation | None = None
        self._result: Result | None = None

    def __enter__(self) -> watch:
        from gradlint.upstream.starting import quiet_tensorflow

        quiet_tensorflow()
        from gradlint.record.step import Observation
        from gradlint.record.step_task import StepTask

        task = StepTask("the step", self._models, self._optimizers, self._variables, keep=self._keep)
        self._observation = Observation(task, self._options.bounds, "")
        self._observation.__enter__()
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        observation = self._observation
        assert observation is not None
        if error is not None and not isinstance(error, Exception):
            observation.__exit__()
            return
        observed = observation.end(error=error)
        # What is created in the block may have been created for good.
        self._result = _judged(observed.recording, replace(observed.record, born=(), made=()), self._options, None)

    @property
    def result(self) -> Result:
        """What was found out."""
        if self._result is None:
            raise UsageError("the result is there when the block of watch() has ended")
        return self._result


def _options(
    select: str | Iterable[str], ignore: str | Iterable[str], fail_on: str, thresholds: Mapping[str, float] | None
) -> Options:
    return Options(
        select=codes("select", select),
        ignore=codes("ignore", ignore),
        fail_on=fail_on,
        thresholds=table("thresholds", thresholds),
    )


def name_of(step: Callable[..., object]) -> str:
    """What a step is called."""
    function: object = getattr(step, "python_function", step)
    return str(getattr(function, "__name__", type(step).__name__))


def _judged(recording: Recording, record: StepRecord, options: Options, again: _Again | None) -> Result:
    flow = Flow(recording, options.bounds)
    rules = [
        rule
        for rule in chosen(options.select, options.ignore)
        if rule.is_of_runs
        # Of arrays that are inputs of no model, what a run that failed says is all that can be told.
        if Need.INPUTS not in rule.needs or recording.inputs or recording.failure is not None
    ]
    facts = _facts(flow, record, needs_of(rules), options, again)
    result = judged(Case(record.name, Facts(), is_made_up=False), facts, rules, options)
    _refuse_unexplained(record, recording, result.findings)
    missing = unseen_by_all(record)
    return replace(
        result,
        model=_model_line(record, recording),
        sample=_sample_line(record, again),
        variables=tuple(
            replace(variable, gradient=GradientState.ABSENT, norm=None) if variable.path in missing else variable
            for variable in result.variables
        ),
        notes=(*_notes(record), *_about_resting(record, recording), *left_out(options.ignore)),
    )


def _facts(flow: Flow, record: StepRecord, needs: frozenset[Need], options: Options, again: _Again | None) -> Facts:
    if flow.recording.failure is not None:
        facts = facts_of(flow, Facts())
        return replace(facts, step=step_facts(flow, record, (), facts.drops, facts.broadcasts))
    probes: tuple[Flow, ...] = ()
    returns: Flow | None = None
    found = Tested(flow, Doubts())
    if again is not None and record.crash is None:
        is_suspicious = lost(flow) or zero_derivatives(flow, ()) or (again.forward and unused_slices(flow, ()))
        if options.probes and (is_suspicious or any(variable.units_equal for variable in flow.learners)):
            probes = tuple(_probes(again, options))
        found = Tested(flow, Doubts(probes=probes))
        if again.forward is not None:
            found = tested(flow, probes, again.matters, again.forward, needs, options)
        if any(drop.kind is DropKind.DROPPED for drop in drops(flow)):
            returns = Flow(again.run(None, True)[0], options.bounds)
    flow = found.flow
    facts = facts_of(flow, Facts(), found.doubts, found.experiments, returns=returns)
    if record.crash is not None:
        facts = _until_the_crash(facts, record)
    facts = replace(facts, cuts=tuple(at_the_asking(flow, record, cut) for cut in facts.cuts))
    step = step_facts(flow, record, facts.cuts, facts.drops, facts.broadcasts)
    explained = {path for entry in step.unseen for path in entry.variables}
    told = {entry.position for entry in step.unseen if entry.op is not None}
    return replace(
        facts,
        step=step,
        drops=tuple(drop for drop in facts.drops if drop not in step.drops),
        cuts=tuple(
            cut
            for cut in facts.cuts
            if cut.variables or cut.position not in told
            if cut.position not in step.cuts or not {variable.path for variable in cut.variables} <= explained
        ),
    )


def _until_the_crash(facts: Facts, record: StepRecord) -> Facts:
    """The facts without what the rest of the step, which did not run, may have made good."""
    asked = {source.variable for call in record.calls for source in call.sources}
    return replace(
        facts,
        drops=tuple(drop for drop in facts.drops if not asked.isdisjoint(v.path for v in drop.variables)),
        omitted=tuple(entry for entry in facts.omitted if entry.left_out.omission is not Omission.UNASKED),
    )


def _probes(again: _Again, options: Options) -> Iterator[Flow]:
    """Runs on perturbed arrays, as far as the step takes them."""
    from gradlint.record.step_arguments import perturbations

    for arrays in perturbations(again.arrays, options.probes, options.seed):
        try:
            recording, record = again.run(arrays, False)
        except Exception:
            continue
        if record.crash is None and recording.failure is None:
            yield Flow(recording, options.bounds)


def _refuse_unexplained(record: StepRecord, recording: Recording, findings: Sequence[Finding]) -> None:
    """A crash that no finding explains is an error of the step's own."""
    crash = record.crash
    if crash is not None and not any(f.severity.value == "error" for f in findings) and recording.failure is None:
        place = f" ({line_as_typed(crash.file, crash.line)})" if crash.file else ""
        raise ModelRunError(f"the step's own code failed{place}: {crash.kind}: {crash.message}")
    if crash is None and not record.calls and not record.updates:
        raise ModelRunError(
            f"{record.name} ran, but no tape was asked for a gradient in it; to check a loss, pass it to "
            "gradlint.check(loss_function, sample, models=[...])"
        )


def _notes(record: StepRecord) -> Iterator[str]:
    if record.crash is not None:
        crash = record.crash
        place = f" at {line_as_typed(crash.file, crash.line)}" if crash.file else ""
        yield f"the step ended with {crash.kind}{place}: {crash.message}"
    if record.halvings:
        times = f"{record.halvings} time{'' if record.halvings == 1 else 's'}"
        yield f"under the loss scale gradients overflow: the optimizer halves it {times}, and skips as many updates"


def _about_resting(record: StepRecord, recording: Recording) -> Iterator[str]:
    """What does nothing on the way of a gradient, since the step does not say that it trains: a remark, no defect.

    Gradients arrive all the same. Who means it says `training=False`, or freezes BatchNormalization.
    """
    learning = [
        each
        for each in record.resting
        if any(
            recording.tensors[index].gradient.state.rank and _is_taped(record, recording, index)
            for index in each.outputs
        )
    ]
    if not learning:
        return
    kinds = dict.fromkeys(each.kind for each in learning)
    named = {each.layer: f"'{each.layer}'" for each in learning}
    what, work = ("layers", "work") if len(named) > 1 else ("layer", "works")
    frame = learning[0].frames[0] if learning[0].frames else None
    place = f" at {line_as_typed(frame.file, frame.line)}" if frame is not None else ""
    statistics = ", and moving statistics are not updated" if "BatchNormalization" in kinds else ""
    yield (
        f"'{learning[0].called}' is trained, and called{place} without training=True: {what} "
        f"{listed(list(named.values()), _MOST_RESTING)} ({', '.join(kinds)}) {work} as in inference{statistics}; "
        "say training=True, or training=False where it is meant"
    )


_MOST_RESTING = 3
"""Layers that a note names before it counts the others."""


def _is_taped(record: StepRecord, recording: Recording, index: int) -> bool:
    """Whether a tape of the step's own saw how a tensor was computed."""
    producer = recording.tensors[index].producer
    return producer is not None and any(tape.records(producer) for tape in record.tapes)


def _model_line(record: StepRecord, recording: Recording) -> str:
    names = ", ".join(record.models)
    parameters = summary.model_line(None, recording)
    return f"{names}; {parameters}" if names else parameters


def _sample_line(record: StepRecord, again: _Again | None) -> str:
    used = dict.fromkeys(record.data.values())
    # As the step takes them; its code reads them in an order of its own.
    keys = [key for key in again.arrays if key in used] if again is not None else list(used)
    tapes, calls, updates = len(record.tapes), len(record.calls), len(record.updates)
    seen = f"{tapes} tape{'' if tapes == 1 else 's'}, {calls} gradient call{'' if calls == 1 else 's'}, "
    seen += f"{updates} update{'' if updates == 1 else 's'}"
    return f"{', '.join(keys)}; {seen}" if keys else seen
