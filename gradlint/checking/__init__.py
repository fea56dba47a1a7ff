"""The order of the stages: from a model and a sample to a result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import gradlint.report  # noqa: F401 - gives results their text and JSON
from gradlint.checking import summary
from gradlint.checking.origins import Origins
from gradlint.checking.suppression import allowances, suppress, unused_error
from gradlint.errors import GradlintError, SampleError, UsageError
from gradlint.finding import Finding, Severity
from gradlint.flow import Flow
from gradlint.load.limits import DEFAULT_LIMITS
from gradlint.load.preflight import read_array_specs, read_spec, refuse_unsafe
from gradlint.load.sample import array_specs, load_sample, synthesise
from gradlint.load.spec import ArraySpec, Binding, ModelSpec, bind, structure_keys
from gradlint.passes.blocks import blocks_by_form
from gradlint.passes.drops import DropKind, drops, unread_on_paper
from gradlint.passes.facts import Facts, facts_of
from gradlint.passes.layers import streamed
from gradlint.passes.mixing import may_mix_samples
from gradlint.passes.partial import unused_slices
from gradlint.passes.stops import lost
from gradlint.result import GradientState, Result, SkippedRule
from gradlint.rule import Need
from gradlint.rules import ALL_RULES, VALUE_RULES, codes_matching, described, is_needed
from gradlint.thresholds import thresholds_from
from gradlint.upstream.names import unavailable

if TYPE_CHECKING:
    from gradlint.load.limits import Limits
    from gradlint.passes.drops import Drop
    from gradlint.record.recording import Leak
    from gradlint.record.runner import Runner
    from gradlint.record.subject import Subject
    from gradlint.thresholds import Thresholds

DEPTHS = ("preflight", "structure", "values")
MODES = ("training", "inference")
FAIL_ON = ("error", "warning", "never")

# Finite differences are taken for at most this many variables: one cause has many victims, and one tells.
_MOST_CONTRADICTED = 4

Progress = Callable[[str], None]


def check(
    model: object,
    sample: object = None,
    *,
    loss: object = None,
    models: Sequence[object] = (),
    variables: Sequence[object] = (),
    depth: str = "values",
    mode: str = "training",
    seed: int = 0,
    probes: int = 3,
    targets: Sequence[tuple[str | None, str]] = (),
    mapping: Mapping[str, str] | None = None,
    causal: Sequence[str] = (),
    imports: Sequence[str] = (),
    trust_model: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    fail_on: str = "error",
    thresholds: Mapping[str, float] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Result:
    """Find out whether the gradient of the loss reaches everything that should learn.

    Args:
        model: a `keras.Model`, the path of a `.keras` or `.h5` file, `package.module:factory`, or a callable
            that takes the sample (a dict of tensors) and returns a loss.
        sample: arrays or tensors by input key, or the path of an `.npz` file. Labels are `y`, or `y:<output>`
            for one output of several, and `sample_weight`. None: one is made up from the input specification.
        loss: the name of a Keras loss, or a callable `(y_true, y_pred)`; None for the compiled one.
        models: models or layers that should learn, besides (or, for a callable, instead of) `model`.
        variables: variables that should learn.
        depth: `preflight` (no TensorFlow), `structure` (the model is run on symbols: no weights, any size) or `values`.
        mode: `training` or `inference`.
        seed: of random operations, a made-up sample, and the surrogate loss.
        probes: how many perturbed runs confirm that a zero gradient is no accident of the sample.
        targets: (output, sample key) pairs that say which arrays are labels.
        mapping: sample key for a model input, by input.
        causal: inputs whose later steps no output may depend on, as `key` or `key:axis` (axis 1 unless told).
        imports: modules or `.py` files that register custom layers and losses.
        trust_model: run Python code stored in the model file.
        select: codes, prefixes or names of the rules to run; all when empty.
        ignore: those not to run.
        fail_on: `error`, `warning` or `never`: from which severity on `Result.ok` is False.
        thresholds: from where on rules speak, by name: `{"saturated-share": 0.9}`; see `gradlint.thresholds`.
        limits: what a model file and a sample may ask for, in memory and in numbers.
        progress: called with the name of each stage.

    Raises:
        GradlintError: the check could not run; the message says what to change.
    """
    _refuse("depth", depth, DEPTHS)
    _refuse("mode", mode, MODES)
    _refuse("fail_on", fail_on, FAIL_ON)
    if probes < 0:
        raise UsageError(f"probes must be 0 or more, not {probes}")
    options = _Options(
        codes=_chosen(select, ignore),
        fail_on=fail_on,
        loss=loss,
        learners=(*models, *variables),
        depth=depth,
        training=mode == "training",
        seed=seed,
        probes=probes,
        targets=tuple((output or "", key) for output, key in targets),
        mapping=dict(mapping or {}),
        causal=tuple(_causal(text) for text in causal),
        imports=tuple(imports),
        trust=trust_model,
        thresholds=thresholds_from(thresholds or {}),
        limits=limits,
        report=progress or (lambda stage: None),
    )
    if isinstance(model, (str, os.PathLike)):
        return _check_path(os.fspath(model), sample, options)
    return _check_live(model, sample, options)


def assert_gradients_flow(
    model: object,
    sample: object = None,
    *,
    allow: Mapping[str, str | Sequence[str]] | None = None,
    **options: Any,
) -> None:
    """Assert that `check(model, sample, **options)` finds nothing at or above `fail_on`.

    Args:
        model: as for `check()`.
        sample: as for `check()`.
        allow: path patterns of findings that are meant, by rule: `{"GL104": "target_*"}`. A pattern fits the
            layer where the gradient stops, or all the variables that it costs.
        options: as for `check()`.

    Raises:
        AssertionError: its message is the report, and its `result` what was found.
        UsageError: something in `allow` fits no finding.
        GradlintError: the check could not run.
    """
    __tracebackhide__ = True
    allowed = allowances(allow or {})
    result, unused = suppress(check(model, sample, **options), allowed)
    if not result.ok:
        from gradlint.checking.assertion import GradientsDoNotFlow

        raise GradientsDoNotFlow(result, str(unused_error(unused)) if unused else "")
    if unused:
        raise unused_error(unused)


def _refuse(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _causal(text: str) -> tuple[str, int]:
    """`key` or `key:axis`."""
    key, _, axis = text.rpartition(":")
    return (key, int(axis)) if key and axis.isdigit() else (text, 1)


def _chosen(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str]:
    selected = codes_matching(select) or tuple(rule.code for rule in ALL_RULES)
    return frozenset(selected) - frozenset(codes_matching(ignore))


@dataclass(frozen=True, slots=True)
class _Options:
    """How to check, whatever is checked."""

    codes: frozenset[str]
    fail_on: str
    loss: object
    learners: tuple[object, ...]
    depth: str
    training: bool
    seed: int
    probes: int
    targets: tuple[tuple[str, str], ...]
    mapping: dict[str, str]
    causal: tuple[tuple[str, int], ...]
    imports: tuple[str, ...]
    trust: bool
    thresholds: Thresholds
    limits: Limits
    report: Progress

    @property
    def on_symbols(self) -> bool:
        return self.depth == "structure"


# -- ways in ---------------------------------------------------------------------------------------------


def _check_path(target: str, sample: object, options: _Options) -> Result:
    from gradlint.load.model import is_factory, load_target, spec_from_model

    if is_factory(target):
        options.report("loading the model")
        model, own_sample = load_target(
            target, trust=options.trust, imports=options.imports, allocate=not options.on_symbols
        )
        given = own_sample if sample is None else sample
        if options.on_symbols:
            return _check_on_symbols(target, model, spec_from_model(model), given, options)
        return _check_model(target, model, spec_from_model(model), _loaded(given, options), options)
    options.report("reading the files")
    spec, contents = read_spec(target, options.limits, weights=not options.on_symbols)
    # Classes that the user's own code has registered are known only to a process that has imported it.
    imported = bool(options.imports) or "keras" in sys.modules
    refuse_unsafe(target, contents, trust=options.trust, has_imports=imported, version=spec.keras_version)
    if sample is not None or spec.inputs:
        early = _preflight(
            target, spec, _on_paper(spec, sample, options), sample is None, options, unread_on_paper(spec)
        )
        if early is not None:
            return early
    arrays = None if options.on_symbols else _loaded(sample, options)
    options.report("loading TensorFlow and the model")
    model, _ = load_target(
        target,
        trust=options.trust,
        imports=options.imports,
        limits=options.limits,
        read=(spec, contents),
        allocate=not options.on_symbols,
    )
    if not spec.inputs or not all(entry.declared for entry in spec.inputs):
        spec = spec_from_model(model)  # The file does not say; the model itself may.
    if options.on_symbols:
        return _check_on_symbols(target, model, spec, sample, options)
    return _check_model(target, model, spec, arrays, options)


def _check_live(model: object, sample: object, options: _Options) -> Result:
    from gradlint.load.model import is_model, quiet_tensorflow, spec_from_model

    quiet_tensorflow()
    if is_model(model):
        spec = spec_from_model(model)
        if options.on_symbols:
            return _check_on_symbols(spec.name, model, spec, sample, options, is_live=True)
        return _check_model(spec.name, model, spec, _loaded(sample, options), options)
    if not callable(model):
        raise UsageError(
            f"model must be a keras.Model, a path or a callable that returns a loss, not {type(model).__name__}"
        )
    arrays = _loaded(sample, options)
    if arrays is None:
        raise UsageError("a callable needs a sample: a dict of arrays")
    if not options.learners:
        raise UsageError("a callable needs models= or variables=, to say what should learn")
    if options.depth != "values":
        raise UsageError("a callable cannot be checked without running it; use depth 'values'")
    return _check_callable(model, arrays, options)


# -- preflight -------------------------------------------------------------------------------------------


def _on_paper(spec: ModelSpec, sample: object, options: _Options) -> tuple[ArraySpec, ...]:
    """The sample's arrays on paper: of a file, only the headers are read."""
    if sample is None:
        return array_specs(dict(synthesise(spec, options.seed, limits=options.limits)))
    if isinstance(sample, (str, os.PathLike)):
        return read_array_specs(sample, options.limits)
    return array_specs(load_sample(_mapping(sample)))


def _preflight(
    target: str,
    spec: ModelSpec,
    arrays: tuple[ArraySpec, ...],
    made_up: bool,
    options: _Options,
    unread: tuple[Drop, ...] = (),
) -> Result | None:
    """The result when the paper alone decides, or when no more was asked for.

    Args:
        target: names what is checked.
        spec: the model on paper.
        arrays: the sample on paper.
        made_up: nobody gave a sample.
        options: how to check.
        unread: inputs that the model's file connects to nothing.
    """
    binding = bind(spec, arrays, options.mapping, options.targets)
    facts = Facts(spec=spec, arrays=arrays, binding=binding, drops=unread)
    findings, crashed = _findings(facts, options)
    fatal = any(finding.severity is Severity.ERROR for finding in findings)
    if not fatal and options.depth != "preflight":
        return None
    waiting = "the model was not run: the deeper checks wait until this is put right"
    notes = (waiting,) if fatal and options.depth != "preflight" else ()
    return _result(target, facts, findings, crashed, made_up, options, depth="preflight", notes=notes)


# -- running ---------------------------------------------------------------------------------------------


def _check_model(
    target: str, model: object, spec: ModelSpec, arrays: dict[str, object] | None, options: _Options
) -> Result:
    from gradlint.load.model import refuse_large_outputs
    from gradlint.record.runner import Runner

    made_up = arrays is None
    if arrays is None:
        arrays = dict(synthesise(spec, options.seed, limits=options.limits))
    specs = array_specs(arrays)
    early = _preflight(target, spec, specs, made_up, options)
    if early is not None:
        return early
    binding = bind(spec, specs, options.mapping, options.targets)
    rows = max((entry.shape[0] or 1 for entry in specs if entry.shape), default=1)
    refuse_large_outputs(target, model, rows, options.limits)
    subject = _subject(model, spec, binding, arrays, options)
    return _run(target, Runner(subject), Facts(spec=spec, arrays=specs, binding=binding), made_up, options)


def _subject(
    model: object, spec: ModelSpec, binding: Binding, arrays: Mapping[str, object], options: _Options
) -> Subject:
    from gradlint.record.subject import Subject

    # An input that the model does not declare has no name of its own.
    declared = {entry.key for entry in spec.inputs or () if entry.declared}
    inputs = {key if key in declared else source: arrays[source] for key, source in binding.inputs}
    return Subject(
        model=model,
        function=None,
        structure=_structure(spec, tuple(inputs)),
        inputs=inputs,
        labels={output: arrays[key] for output, key in binding.labels},
        label_keys=dict(binding.labels),
        sample_weight=arrays[binding.sample_weight] if binding.sample_weight else None,
        learners=options.learners,
        loss=options.loss,
        training=options.training,
        seed=options.seed,
        thresholds=options.thresholds,
        reduces_all=is_needed(Need.REDUCED, options.codes),
    )


def _check_on_symbols(
    target: str, model: object, spec: ModelSpec, sample: object, options: _Options, is_live: bool = False
) -> Result:
    """Run the model without a single value: of the sample only shapes and dtypes count."""
    from gradlint.record.symbolic import record_symbols

    if isinstance(sample, Mapping) and any(
        type(v).__name__ in ("RaggedTensor", "SparseTensor") for v in sample.values()
    ):
        raise UsageError("depth 'structure' takes dense samples; use depth 'values' for ragged and sparse ones")
    specs = _on_paper(spec, sample, options)
    early = _preflight(target, spec, specs, sample is None, options)
    if early is not None:
        return early
    binding = bind(spec, specs, options.mapping, options.targets)
    subject = _subject(model, spec, binding, {array.key: array for array in specs}, options)
    options.report("recording one training step on symbols")
    flow = Flow(record_symbols(subject, is_live=is_live), options.thresholds)
    returns: Flow | None = None
    if flow.recording.failure is None and any(drop.kind is DropKind.DROPPED for drop in drops(flow)):
        options.report("locating dropped values")
        returns = Flow(record_symbols(subject, is_live=is_live, trace_returns=True), options.thresholds)
    facts = facts_of(flow, Facts(spec=spec, arrays=specs, binding=binding), returns=returns)
    facts = replace(facts, blocks=blocks_by_form(flow))
    able = replace(options, codes=options.codes - VALUE_RULES)
    findings, crashed = _findings(facts, able)
    waiting = tuple(
        SkippedRule(code, "it needs values: --depth values") for code in sorted(options.codes & VALUE_RULES)
    )
    return _result(target, facts, findings, crashed, sample is None, able, depth="structure", skipped=waiting)


def _check_callable(function: Callable[..., object], arrays: dict[str, object], options: _Options) -> Result:
    from gradlint.record.runner import Runner
    from gradlint.record.subject import Subject

    specs = array_specs(arrays)
    # A function has no outputs to name: several plain targets go by their keys.
    plain = [key for output, key in options.targets if not output]
    targets = [(output or (key if len(plain) > 1 else ""), key) for output, key in options.targets]
    binding = bind(ModelSpec("", ""), specs, targets=targets)
    subject = Subject(
        model=None,
        function=function,
        structure=None,
        inputs={key: arrays[key] for key, _ in binding.inputs},
        labels={output: arrays[key] for output, key in binding.labels},
        label_keys=dict(binding.labels),
        sample_weight=arrays[binding.sample_weight] if binding.sample_weight else None,
        learners=options.learners,
        training=options.training,
        seed=options.seed,
        thresholds=options.thresholds,
        reduces_all=is_needed(Need.REDUCED, options.codes),
    )
    name = getattr(function, "__name__", type(function).__name__)
    return _run(name, Runner(subject), Facts(arrays=specs, binding=binding), False, options)


def _structure(spec: ModelSpec, keys: tuple[str, ...]) -> object:
    """How the model nests its inputs; None when it does not say.

    A subclassed model that was built with a list of tensors does not name them: they come in the sample's order.
    """
    if spec.structure is None:
        return None
    leaves = list(structure_keys(spec.structure))
    if set(keys) <= set(leaves):
        return spec.structure
    flat = isinstance(spec.structure, list) and all(isinstance(part, str) for part in spec.structure)
    return list(keys) if flat and len(leaves) == len(keys) else None


def _run(target: str, runner: Runner, paper: Facts, made_up: bool, options: _Options) -> Result:
    options.report("recording one training step")
    facts = _examined(runner, Flow(runner.record(), options.thresholds), paper, options)
    findings, crashed = _findings(facts, options)
    return _result(target, facts, findings, crashed, made_up, options)


def _examined(runner: Runner, flow: Flow, paper: Facts, options: _Options) -> Facts:
    """Look closer where the first run is suspicious, and only there."""
    if flow.recording.failure is not None:
        return facts_of(flow, paper)
    zero = lost(flow)
    probes: list[Flow] = []
    lying: frozenset[str] = frozenset()
    if zero or any(variable.units_equal for variable in flow.learners) or unused_slices(flow, ()):
        options.report("probing perturbed samples")
        runs = (_probe(runner, number, options.thresholds) for number in range(options.probes))
        probes = [run for run in runs if run is not None]
        still = [lost(probe) for probe in probes]
        revived = {victim for victim in zero if any(victim not in found for found in still)}
        lying = runner.contradicted(
            [name for kind, name in sorted(revived) if kind == "input"],
            [name for kind, name in sorted(revived) if kind == "variable"][:_MOST_CONTRADICTED],
        )
    unused = [piece for piece in unused_slices(flow, probes) if not runner.matters(piece.key, piece.axis, piece.slices)]
    returns: Flow | None = None
    in_branches: frozenset[str] = frozenset()
    first = drops(flow)
    if any(drop.kind is DropKind.DROPPED for drop in first):
        options.report("locating dropped values")
        returns = Flow(runner.record(trace_returns=True), options.thresholds)
    if any(drop.kind in (DropKind.UNREAD, DropKind.UNREAD_LAYER) and not drop.is_by_design for drop in first):
        in_branches = runner.traced_reads()
    sound = not any(record.gradient.state is GradientState.NONFINITE for record in flow.recording.inputs)
    if "GL501" in options.codes and sound and may_mix_samples(flow, paper.spec):  # Every NaN would look like a leak.
        options.report("looking for leaks between samples")
        flow = replace(flow, recording=replace(flow.recording, leak=runner.leak()))
    if options.causal:
        options.report("looking for leaks from the future")
        flow = replace(flow, recording=replace(flow.recording, future_leaks=_future_leaks(runner, flow, options)))
    return facts_of(flow, paper, probes=probes, returns=returns, in_branches=in_branches, lying=lying, unused=unused)


def _probe(runner: Runner, number: int, thresholds: Thresholds) -> Flow | None:
    """A run on a perturbed sample; on the sample itself where the model does not take the perturbed one."""
    from gradlint.record.subject import Probe

    for perturb_inputs in (True, False):
        try:
            recording = runner.record(probe=Probe(number, perturb_inputs))
        except GradlintError:
            continue
        if recording.failure is None:
            return Flow(recording, thresholds)
    return None


def _future_leaks(runner: Runner, flow: Flow, options: _Options) -> tuple[Leak, ...]:
    shapes = {record.key: record.shape for record in flow.recording.inputs}
    found = []
    for key, axis in options.causal:
        if key not in shapes:
            raise UsageError(f"--causal names {key!r}; the inputs are {', '.join(map(repr, shapes))}")
        if not 0 < axis < len(shapes[key]):
            raise UsageError(
                f"--causal {key}:{axis}: {key!r} has the shape {shapes[key]}; name an axis after the first"
            )
        leak = runner.future_leak(key, axis)
        if leak is not None:
            found.append(leak)
    return tuple(found)


# -- results ---------------------------------------------------------------------------------------------


def _findings(facts: Facts, options: _Options) -> tuple[tuple[Finding, ...], tuple[SkippedRule, ...]]:
    """What the chosen rules find, in the order of the flow, and the rules that crashed."""
    found: list[Finding] = []
    crashed: list[SkippedRule] = []
    lost = {rule.code for rule in _unavailable(facts, options)}
    for rule in ALL_RULES:
        if rule.code not in options.codes or rule.code in lost:
            continue
        try:
            found.extend(rule.check(facts))
        except Exception as error:  # One rule's mistake must not cost the others' findings.
            crashed.append(SkippedRule(rule.code, f"{type(error).__name__}: {error}"))
    origins = Origins(facts)
    placed = [origins.place(finding) for finding in found]
    return tuple(sorted(placed, key=lambda f: (f.position, f.code, f.inputs, f.variables))), tuple(crashed)


def _unavailable(facts: Facts, options: _Options) -> tuple[SkippedRule, ...]:
    """The chosen rules that need what the installed TensorFlow and Keras do not have; all can read paper."""
    chosen = [rule for rule in ALL_RULES if rule.code in options.codes and rule.rents and facts.flow is not None]
    return tuple(SkippedRule(rule.code, why) for rule in chosen if (why := unavailable(rule.rents)))


def _result(
    target: str,
    facts: Facts,
    findings: tuple[Finding, ...],
    crashed: tuple[SkippedRule, ...],
    made_up: bool,
    options: _Options,
    depth: str = "values",
    skipped: tuple[SkippedRule, ...] = (),
    notes: tuple[str, ...] = (),
) -> Result:
    flow, recording = facts.flow, facts.recording
    sample = summary.sample_line(facts.arrays, facts.binding)
    if made_up:
        sample += f"; made up from the input specification (seed {options.seed})"
    codes = tuple(rule.code for rule in ALL_RULES if rule.code in options.codes)
    return Result(
        target=target,
        model=summary.model_line(facts.spec, recording),
        sample=sample,
        loss=recording.loss.description if recording is not None else "not computed",
        depth=depth,
        findings=findings,
        inputs=summary.input_statuses(facts),
        variables=summary.variable_statuses(flow),
        rules=codes,
        skipped=(*skipped, *_unavailable(facts, options)),
        notes=notes,
        fail_on=options.fail_on,
        graph=streamed(flow.graph) if flow is not None else None,
        crashed=crashed,
        catalogue=described(codes),
    )


def _mapping(sample: object) -> Mapping[str, object]:
    if not isinstance(sample, Mapping):
        raise SampleError(f"a sample must be a dict of arrays or the path of an .npz file, not {type(sample).__name__}")
    return sample


def _loaded(sample: object, options: _Options) -> dict[str, object] | None:
    if sample is None or isinstance(sample, (str, os.PathLike)):
        return None if sample is None else load_sample(sample, options.limits)
    return load_sample(_mapping(sample))
