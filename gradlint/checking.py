"""The order of the stages: from a model and a sample to a result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradlint.errors import GradlintError, SampleError, UsageError
from gradlint.facts import Facts, facts_of
from gradlint.finding import Finding, Severity
from gradlint.flow import Flow
from gradlint.load.preflight import read_array_specs, read_spec, refuse_unsafe
from gradlint.load.sample import array_specs, load_sample, synthesise
from gradlint.load.spec import ArraySpec, Binding, ModelSpec, bind, structure_keys
from gradlint.passes.blocks import lost
from gradlint.passes.drops import DropKind, drops
from gradlint.passes.partial import unused_slices
from gradlint.result import GradientState, InputStatus, Result, SkippedRule, VariableStatus
from gradlint.rules import ALL_RULES, codes_matching

if TYPE_CHECKING:
    from gradlint.record.recording import Recording
    from gradlint.record.runner import Runner

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
    imports: Sequence[str] = (),
    trust_model: bool = False,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    fail_on: str = "error",
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
        depth: `preflight` (no TensorFlow) or `values`.
        mode: `training` or `inference`.
        seed: of random operations, a made-up sample, and the surrogate loss.
        probes: how many perturbed runs confirm that a zero gradient is no accident of the sample.
        targets: (output, sample key) pairs that say which arrays are labels.
        mapping: sample key for a model input, by input.
        imports: modules or `.py` files that register custom layers and losses.
        trust_model: run Python code stored in the model file.
        select: codes, prefixes or names of the rules to run; all when empty.
        ignore: those not to run.
        fail_on: `error`, `warning` or `never`: from which severity on `Result.ok` is False.
        progress: called with the name of each stage.

    Raises:
        GradlintError: the check could not run; the message says what to change.
    """
    _refuse("depth", depth, DEPTHS)
    _refuse("mode", mode, MODES)
    _refuse("fail_on", fail_on, FAIL_ON)
    if probes < 0:
        raise UsageError(f"probes must be 0 or more, not {probes}")
    if depth == "structure":
        raise UsageError("depth 'structure' is not available yet; choose 'values' or 'preflight'")
    report = progress or (lambda stage: None)
    session = _Session(
        codes=_chosen(select, ignore),
        fail_on=fail_on,
        depth=depth,
        targets=tuple((output or "", key) for output, key in targets),
        mapping=dict(mapping or {}),
        seed=seed,
        report=report,
    )
    if isinstance(model, (str, os.PathLike)):
        return session.check_path(
            model, sample, tuple(imports), trust_model, loss, tuple(models), tuple(variables), mode, probes
        )
    return session.check_live(model, sample, loss, tuple(models), tuple(variables), mode, probes)


def assert_gradients_flow(model: object, sample: object = None, **options: Any) -> None:
    """Assert that `check(model, sample, **options)` finds nothing at or above `fail_on`.

    Raises:
        AssertionError: its message is the report.
        GradlintError: the check could not run.
    """
    __tracebackhide__ = True
    result = check(model, sample, **options)
    if not result.ok:
        from gradlint.report.table import render

        raise AssertionError(f"gradients do not flow\n\n{render(result)}")


def _refuse(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise UsageError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _chosen(select: Iterable[str], ignore: Iterable[str]) -> frozenset[str]:
    selected = codes_matching(select) or tuple(rule.code for rule in ALL_RULES)
    return frozenset(selected) - frozenset(codes_matching(ignore))


class _Session:
    """One check on its way through the stages."""

    def __init__(
        self,
        codes: frozenset[str],
        fail_on: str,
        depth: str,
        targets: tuple[tuple[str, str], ...],
        mapping: dict[str, str],
        seed: int,
        report: Progress,
    ) -> None:
        self._codes = codes
        self._fail_on = fail_on
        self._depth = depth
        self._targets = targets
        self._mapping = mapping
        self._seed = seed
        self._report = report
        self._skipped: list[SkippedRule] = []
        self._notes: list[str] = []

    # -- ways in ---------------------------------------------------------------------------------------

    def check_path(
        self,
        path: str | os.PathLike[str],
        sample: object,
        imports: tuple[str, ...],
        trust: bool,
        loss: object,
        models: tuple[object, ...],
        variables: tuple[object, ...],
        mode: str,
        probes: int,
    ) -> Result:
        from gradlint.load.model import is_factory, load_target, spec_from_model

        target = os.fspath(path)
        arrays: dict[str, object] | None = None
        if is_factory(target):
            self._report("loading the model")
            model, own_sample = load_target(target, trust=trust, imports=imports)
            given = own_sample if sample is None else sample
            return self._check_model(
                target, model, spec_from_model(model), _loaded(given), loss, models, variables, mode, probes
            )
        spec, contents = read_spec(path)
        # Classes that the user's own code has registered are known only to a process that has imported it.
        refuse_unsafe(path, contents, trust=trust, has_imports=bool(imports) or "keras" in sys.modules)
        specs, described = self._paper(spec, sample)
        binding = self._bind(spec, specs)
        early = self._preflight(target, spec, specs, binding, described)
        if early is not None:
            return early
        if sample is not None:
            arrays = _loaded(sample)
        self._report("loading TensorFlow and the model")
        model, _ = load_target(target, trust=trust, imports=imports)
        return self._check_model(target, model, spec, arrays, loss, models, variables, mode, probes)

    def check_live(
        self,
        model: object,
        sample: object,
        loss: object,
        models: tuple[object, ...],
        variables: tuple[object, ...],
        mode: str,
        probes: int,
    ) -> Result:
        from gradlint.load.model import is_model, quiet_tensorflow, spec_from_model

        quiet_tensorflow()
        if is_model(model):
            spec = spec_from_model(model)
            return self._check_model(spec.name, model, spec, _loaded(sample), loss, models, variables, mode, probes)
        if not callable(model):
            raise UsageError(
                f"model must be a keras.Model, a path or a callable that returns a loss, not {type(model).__name__}"
            )
        if sample is None:
            raise UsageError("a callable needs a sample: a dict of arrays")
        if not models and not variables:
            raise UsageError("a callable needs models= or variables=, to say what should learn")
        if self._depth == "preflight":
            raise UsageError("a callable cannot be checked without running it; use depth 'values'")
        return self._check_callable(model, _loaded(sample) or {}, models, variables, mode, probes)

    # -- preflight -------------------------------------------------------------------------------------

    def _paper(self, spec: ModelSpec, sample: object) -> tuple[tuple[ArraySpec, ...], str]:
        """The sample's arrays on paper, and one line about them."""
        if sample is None:
            return array_specs(dict(synthesise(spec, self._seed))), self._synthetic()
        if isinstance(sample, (str, os.PathLike)):
            return read_array_specs(sample), os.fspath(sample)
        return array_specs(load_sample(_mapping(sample))), _described(sample)

    def _synthetic(self) -> str:
        return f"made up from the input specification (seed {self._seed}); findings about values depend on it"

    def _bind(self, spec: ModelSpec, arrays: Sequence[ArraySpec]) -> Binding:
        return bind(spec, arrays, self._mapping, self._targets)

    def _preflight(
        self, target: str, spec: ModelSpec, arrays: tuple[ArraySpec, ...], binding: Binding, described: str
    ) -> Result | None:
        """The result when the paper alone decides, or when no more was asked for."""
        facts = Facts(spec=spec, arrays=arrays, binding=binding)
        findings = self._findings(facts)
        fatal = any(finding.severity is Severity.ERROR for finding in findings)
        if not fatal and self._depth != "preflight":
            return None
        if fatal and self._depth != "preflight":
            self._notes.append("the model was not run: what is wrong with the sample comes first")
        return self._result(target, spec, described, "not computed", "preflight", findings, facts, None)

    # -- running ---------------------------------------------------------------------------------------

    def _check_model(
        self,
        target: str,
        model: Any,
        spec: ModelSpec,
        arrays: dict[str, object] | None,
        loss: object,
        models: tuple[object, ...],
        variables: tuple[object, ...],
        mode: str,
        probes: int,
    ) -> Result:
        from gradlint.record.runner import Runner
        from gradlint.record.subject import Subject

        described = _described(arrays) if arrays is not None else self._synthetic()
        if arrays is None:
            arrays = dict(synthesise(spec, self._seed))
        specs = array_specs(arrays)
        binding = self._bind(spec, specs)
        early = self._preflight(target, spec, specs, binding, described)
        if early is not None:
            return early
        inputs = {key: arrays[source] for key, source in binding.inputs}
        structure = _structure(spec, tuple(inputs))
        subject = Subject(
            model=model,
            function=None,
            structure=structure,
            inputs=inputs,
            labels={output: arrays[key] for output, key in binding.labels},
            label_keys=dict(binding.labels),
            sample_weight=arrays[binding.sample_weight] if binding.sample_weight else None,
            learners=(*models, *variables),
            loss=loss,
            training=mode == "training",
            seed=self._seed,
        )
        return self._run(target, Runner(subject), spec, specs, binding, described, probes)

    def _check_callable(
        self,
        function: Callable[..., object],
        arrays: dict[str, object],
        models: tuple[object, ...],
        variables: tuple[object, ...],
        mode: str,
        probes: int,
    ) -> Result:
        from gradlint.record.runner import Runner
        from gradlint.record.subject import Subject

        labels = {key[2:] if key.startswith("y:") else "": key for key in arrays if key == "y" or key.startswith("y:")}
        subject = Subject(
            model=None,
            function=function,
            structure=None,
            inputs={key: value for key, value in arrays.items() if key not in labels.values()},
            labels={name: arrays[key] for name, key in labels.items()},
            label_keys=labels,
            sample_weight=None,
            learners=(*models, *variables),
            training=mode == "training",
            seed=self._seed,
        )
        name = getattr(function, "__name__", type(function).__name__)
        return self._run(name, Runner(subject), None, array_specs(arrays), None, _described(arrays), probes)

    def _run(
        self,
        target: str,
        runner: Runner,
        spec: ModelSpec | None,
        arrays: tuple[ArraySpec, ...],
        binding: Binding | None,
        described: str,
        probes: int,
    ) -> Result:
        self._report("recording one training step")
        flow = Flow(runner.record())
        facts = self._examine(runner, flow, spec, arrays, binding, probes)
        findings = self._findings(facts)
        recording = flow.recording
        return self._result(target, spec, described, recording.loss.description, "values", findings, facts, recording)

    def _examine(
        self,
        runner: Runner,
        flow: Flow,
        spec: ModelSpec | None,
        arrays: tuple[ArraySpec, ...],
        binding: Binding | None,
        probes: int,
    ) -> Facts:
        """Look closer where the first run is suspicious, and only there."""
        from dataclasses import replace

        from gradlint.record.subject import Probe

        if flow.recording.failure is not None:
            return facts_of(flow, spec=spec, arrays=arrays, binding=binding)
        zero = lost(flow)
        others: list[Flow] = []
        lying: frozenset[str] = frozenset()
        equal = any(variable.units_equal for variable in flow.learners)
        if zero or equal or unused_slices(flow, ()):
            self._report("probing perturbed samples")
            for number in range(probes):
                probe = self._probe(runner, Probe(number))
                if probe is not None:
                    others.append(probe)
            revived = {victim for victim in zero if any(victim not in lost(probe) for probe in others)}
            lying = runner.contradicted(
                [name for kind, name in sorted(revived) if kind == "input"],
                [name for kind, name in sorted(revived) if kind == "variable"][:_MOST_CONTRADICTED],
            )
        returns = None
        in_branches: frozenset[str] = frozenset()
        first = drops(flow)
        if any(drop.kind is DropKind.DROPPED for drop in first):
            self._report("locating dropped values")
            returns = Flow(runner.record(trace_returns=True))
        if any(drop.kind in (DropKind.UNREAD, DropKind.UNREAD_LAYER) and not drop.is_by_design for drop in first):
            in_branches = runner.traced_reads()
        if self._may_leak(flow, spec):
            self._report("looking for leaks between samples")
            flow = Flow(replace(flow.recording, leak=runner.leak()))
        return facts_of(
            flow,
            spec=spec,
            arrays=arrays,
            binding=binding,
            probes=others,
            returns=returns,
            in_branches=in_branches,
            lying=lying,
        )

    def _probe(self, runner: Runner, probe: Any) -> Flow | None:
        from dataclasses import replace

        for perturbed in (True, False):
            try:
                recording = runner.record(probe=replace(probe, perturb_inputs=perturbed))
            except GradlintError:
                continue
            if recording.failure is None:
                return Flow(recording)
        return None

    def _may_leak(self, flow: Flow, spec: ModelSpec | None) -> bool:
        """Whether code other than Keras's own layers ran, on samples that are meant to be independent.

        An input with a fixed first axis (the nodes of one graph) has no samples along it.
        """
        if "GL501" not in self._codes or spec is None or not spec.inputs:
            return False
        if any(not entry.shape or entry.shape[0] is not None for entry in spec.inputs):
            return False
        if any(record.gradient.state is GradientState.NONFINITE for record in flow.recording.inputs):
            return False  # Every NaN would look like a leak.
        own_code = any(op.file is not None and op.layer for op in flow.recording.ops)
        own_ops = any(call.is_operation for call in flow.recording.calls)
        return own_code or own_ops

    # -- results ---------------------------------------------------------------------------------------

    def _findings(self, facts: Facts) -> tuple[Finding, ...]:
        found: list[Finding] = []
        self._skipped = []
        for rule in ALL_RULES:
            if rule.code not in self._codes:
                continue
            try:
                found.extend(rule.check(facts))
            except Exception as error:  # One rule's mistake must not cost the others' findings.
                self._skipped.append(SkippedRule(rule.code, f"{type(error).__name__}: {error}"))
        return tuple(sorted(found, key=lambda f: (f.position, f.code, f.inputs, f.variables)))

    def _result(
        self,
        target: str,
        spec: ModelSpec | None,
        sample: str,
        loss: str,
        depth: str,
        findings: tuple[Finding, ...],
        facts: Facts,
        recording: Recording | None,
    ) -> Result:
        flow = facts.flow
        return Result(
            target=target,
            model=_model_line(spec, recording),
            sample=sample,
            loss=loss,
            depth=depth,
            findings=findings,
            inputs=_input_statuses(facts),
            variables=_variable_statuses(flow),
            rules=tuple(rule.code for rule in ALL_RULES if rule.code in self._codes),
            skipped=tuple(self._skipped),
            notes=tuple(self._notes),
            fail_on=self._fail_on,
            graph=flow.graph if flow is not None else None,
        )


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


def _mapping(sample: object) -> Mapping[str, object]:
    if not isinstance(sample, Mapping):
        raise SampleError(f"a sample must be a dict of arrays or the path of an .npz file, not {type(sample).__name__}")
    return sample


def _loaded(sample: object) -> dict[str, object] | None:
    if sample is None:
        return None
    if isinstance(sample, (str, os.PathLike)):
        return load_sample(sample)
    return load_sample(_mapping(sample))


def _described(sample: object) -> str:
    if isinstance(sample, (str, os.PathLike)):
        return os.fspath(sample)
    number = len(_mapping(sample))
    return f"{number} array{'' if number == 1 else 's'}"


def _model_line(spec: ModelSpec | None, recording: Recording | None) -> str:
    parts = []
    if spec is not None:
        number = len(spec.layers)
        parts.append(f"{spec.name} ({spec.class_name}), {number} layer{'' if number == 1 else 's'}")
    if recording is not None:
        counts = [0, 0]
        for variable in recording.variables:
            size = 1
            for length in variable.shape:
                size *= length
            counts[variable.trainable] += size
        parts.append(f"{sum(counts):,} parameters ({counts[1]:,} trainable)")
    return ", ".join(parts)


def _input_statuses(facts: Facts) -> tuple[InputStatus, ...]:
    arrays = {array.key: array for array in facts.arrays}
    sources = dict(facts.binding.inputs) if facts.binding is not None else {}
    if facts.flow is None:
        found = []
        for key in [*sources, *(facts.binding.missing if facts.binding is not None else ())]:
            array = arrays.get(sources.get(key, ""))
            shape = tuple(array.shape) if array is not None else None
            found.append(InputStatus(key, shape, array.dtype if array is not None else None, GradientState.UNKNOWN))
        return tuple(found)
    branches = facts.flow.branches
    learners = {variable.path for variable in facts.flow.learners}
    return tuple(
        InputStatus(
            record.key,
            record.shape,
            record.dtype,
            record.gradient.state,
            record.gradient.norm,
            sum(record.key in keys for path, keys in branches.items() if path in learners),
        )
        for record in facts.flow.recording.inputs
    )


def _variable_statuses(flow: Flow | None) -> tuple[VariableStatus, ...]:
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
