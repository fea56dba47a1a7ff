"""The ways in: a file, a factory, a live model and a function become cases, on paper first and then ready to run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.load.binding import bind, nesting
from gradlint.load.given import arrays_of, limits_of, loaded, mapped, on_paper
from gradlint.load.preflight import read_spec
from gradlint.load.sample import array_specs, synthesise
from gradlint.load.spec import InputSpec, ModelSpec
from gradlint.load.trust import refuse_unsafe
from gradlint.passes.drops import unread_on_paper
from gradlint.passes.facts import Facts
from gradlint.rule import Need

if TYPE_CHECKING:
    from gradlint.options import Options
    from gradlint.record.subject import Subject


@dataclass(frozen=True, slots=True)
class Case:
    """What is checked, as far as it is known.

    Attributes:
        target: what the user calls it.
        paper: the model and the sample on paper.
        is_made_up: nobody gave a sample.
        subject: what will be run; None as long as only the paper is there.
        is_live: the model is the user's own object, and was not loaded for this check.
    """

    target: str
    paper: Facts
    is_made_up: bool
    subject: Subject | None = None
    is_live: bool = False


def cases(model: object, sample: object, needs: frozenset[Need], options: Options) -> Iterator[Case]:
    """What is known of a model and its sample before anything is run, step by step; the last one is ready to run.

    Each step costs much more than the one before: whoever sees a fatal mistake on paper asks for no further one.

    Args:
        model: as for `gradlint.check()`.
        sample: as for `gradlint.check()`.
        needs: what the chosen rules need.
        options: how to check.

    Raises:
        GradlintError: files cannot be read, are not safe, or make no model.
        UsageError: the arguments do not go together.
    """
    if isinstance(model, (str, os.PathLike)):
        yield from _of_path(os.fspath(model), sample, needs, options)
    else:
        yield from _of_object(model, sample, needs, options)


def _of_path(target: str, sample: object, needs: frozenset[Need], options: Options) -> Iterator[Case]:
    from gradlint.load.model import load_target
    from gradlint.load.model.code import is_factory
    from gradlint.load.model.live import is_legacy, spec_from_model

    is_allocated, limits = not options.is_symbolic, limits_of(options)
    if is_factory(target):
        options.report("loading the model")
        model, own_sample = load_target(
            target, trust=options.trust_model, imports=options.imports, allocate=is_allocated
        )
        if is_legacy(model):
            yield from _of_object(model, own_sample if sample is None else sample, needs, options, target)
            return
        spec = spec_from_model(model)
        given = arrays_of(own_sample if sample is None else sample, spec, options)
        yield from _of_model(target, model, spec, loaded(given, options), needs, options)
        return
    options.report("reading the files")
    spec, contents = read_spec(target, limits, weights=is_allocated)
    # Classes that the user's own code has registered are known only to a process that has imported it.
    imported = bool(options.imports or options.custom_objects) or "keras" in sys.modules
    refuse_unsafe(target, contents, trust=options.trust_model, has_imports=imported, version=spec.keras_version)
    sample = arrays_of(sample, spec, options)
    if sample is not None or spec.inputs:
        specs = on_paper(spec, sample, options)
        binding = bind(spec, specs, dict(options.mapping), options.targets)
        paper = Facts(spec=spec, arrays=specs, binding=binding, drops=unread_on_paper(spec))
        yield Case(target, paper, sample is None)
    given = loaded(sample, options)
    options.report("loading TensorFlow and the model")
    model, _ = load_target(
        target,
        trust=options.trust_model,
        imports=options.imports,
        limits=limits,
        read=(spec, contents),
        allocate=is_allocated,
        custom=dict(options.custom_objects),
    )
    if not spec.inputs or not all(entry.declared for entry in spec.inputs):
        spec = spec_from_model(model)  # The file does not say; the model itself may.
    yield from _of_model(target, model, spec, given, needs, options)


def _of_object(
    model: object, sample: object, needs: frozenset[Need], options: Options, target: str = ""
) -> Iterator[Case]:
    from gradlint.load.model.live import is_legacy, is_model, spec_from_model
    from gradlint.upstream.datasets import replicas_in_scope
    from gradlint.upstream.starting import quiet_tensorflow

    quiet_tensorflow()
    if (replicas := replicas_in_scope()) > 1:
        raise UsageError(
            f"check() was called inside strategy.scope(), where every variable has {replicas} values; call it after "
            "the with block: the model may stay as it is"
        )
    if is_legacy(model):
        from gradlint.upstream.legacy import LegacyStep

        step = LegacyStep(model)
        spec = ModelSpec("", "", inputs=tuple(InputSpec(k, k, (None,), "float32", declared=False) for k in step.keys))
        given = loaded(arrays_of(sample, spec, options), options)
        own = replace(options, models=(model, *options.models), depth="values")
        yield replace(_of_function(step, given, needs, own), target=target or step.__name__)
    elif is_model(model):
        spec = spec_from_model(model)
        given = loaded(arrays_of(sample, spec, options), options)
        yield from _of_model(spec.name, model, spec, given, needs, options, is_live=True)
    elif callable(model):
        given = loaded(arrays_of(sample, ModelSpec("", ""), options), options)
        yield _of_function(model, given, needs, options)
    else:
        raise UsageError(
            f"model must be a keras.Model, a path or a callable that returns a loss, not {type(model).__name__}"
        )


def _of_model(
    target: str,
    model: object,
    spec: ModelSpec,
    sample: object,
    needs: frozenset[Need],
    options: Options,
    is_live: bool = False,
) -> Iterator[Case]:
    from gradlint.load.model.sizes import refuse_large_outputs
    from gradlint.record.subject import subject_of

    is_made_up = sample is None
    if options.is_symbolic:  # Of the sample only shapes and dtypes count.
        specs = on_paper(spec, sample, options)
        arrays: dict[str, object] = {array.key: array for array in specs}
    else:
        given = synthesise(spec, options.seed, limits=limits_of(options)) if sample is None else mapped(sample)
        arrays = dict(given)
        specs = array_specs(arrays)
    binding = bind(spec, specs, dict(options.mapping), options.targets)
    paper = Facts(spec=spec, arrays=specs, binding=binding)
    yield Case(target, paper, is_made_up)
    if not options.is_symbolic:
        rows = max((entry.shape[0] or 1 for entry in specs if entry.shape), default=1)
        steps = max((entry.shape[1] or 1 for entry in specs if len(entry.shape) > 1), default=1)
        refuse_large_outputs(target, model, rows, limits_of(options), steps)
    # An input that the model does not declare has no name of its own.
    declared = {entry.key for entry in spec.inputs or () if entry.declared}
    inputs = {key if key in declared else source: arrays[source] for key, source in binding.inputs}
    subject = subject_of(
        options,
        binding,
        inputs,
        arrays,
        model=model,
        structure=nesting(spec, tuple(inputs)),
        reduces_all=Need.REDUCED in needs,
    )
    yield Case(target, paper, is_made_up, subject, is_live)


def _of_function(function: Callable[..., object], arrays: object, needs: frozenset[Need], options: Options) -> Case:
    from gradlint.record.subject import subject_of

    if not isinstance(arrays, Mapping):
        raise UsageError("a callable needs a sample: a dict of arrays")
    if not options.learners:
        raise UsageError("a callable needs models= or variables=, to say what should learn")
    if options.depth != "values":
        raise UsageError("a callable cannot be checked without running it; use depth 'values'")
    specs = array_specs(arrays)
    # A function has no outputs to name: several plain targets go by their keys.
    plain = [key for output, key in options.targets if not output]
    targets = [(output or (key if len(plain) > 1 else ""), key) for output, key in options.targets]
    binding = bind(ModelSpec("", ""), specs, targets=targets)
    inputs = {key: arrays[key] for key, _ in binding.inputs}
    reduces_all = Need.REDUCED in needs
    subject = subject_of(options, binding, inputs, arrays, function=function, reduces_all=reduces_all)
    name = getattr(function, "__name__", type(function).__name__)
    return Case(name, Facts(arrays=specs, binding=binding), False, subject, is_live=True)
