"""What a target turns out to be: a model or a function that can be run, with its sample, whatever it was given as."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gradlint.errors import ModelFileError, UsageError
from gradlint.load.binding import bind, nesting
from gradlint.load.given import arrays_of, limits_of, loaded, mapped, on_paper
from gradlint.load.kinds import is_saved_model
from gradlint.load.model import load_target
from gradlint.load.model.live import is_legacy, is_model, is_saved, spec_from_model
from gradlint.load.sample import array_specs, synthesise
from gradlint.load.spec import InputSpec, ModelSpec
from gradlint.upstream.raised import first_words

if TYPE_CHECKING:
    from gradlint.load.binding import Binding
    from gradlint.load.model.live import Model
    from gradlint.load.paper import ModelFile
    from gradlint.load.spec import ArraySpec, Structure
    from gradlint.options import Options

_NO_MODEL = ModelSpec("", "")


@dataclass(frozen=True, slots=True)
class ModelTarget:
    """A model that can be run.

    Attributes:
        name: what the user calls it.
        sample: arrays by key, or on symbols the path of an `.npz`; None where nobody gave one.
        spec: the model on paper.
        is_live: the user's own object, and not loaded for this check.
    """

    name: str
    sample: object
    spec: ModelSpec
    model: Model
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class FunctionTarget:
    """A function of the sample that returns a loss.

    Attributes:
        name: what the user calls it.
        sample: arrays by key.
        learners: what should learn besides what the options name.
    """

    name: str
    sample: object
    function: Callable[..., object]
    learners: tuple[object, ...] = ()

    @property
    def spec(self) -> None:
        """A function says nothing of itself on paper."""

    @property
    def is_live(self) -> bool:
        """It is the user's own."""
        return True


Target: TypeAlias = ModelTarget | FunctionTarget
"""What can be run."""


def target_of(model: object, sample: object, options: Options, file: ModelFile | None = None) -> Target:
    """What a model, a file, a factory or a function turns out to be.

    Args:
        model: as for `gradlint.check()`.
        sample: as for `gradlint.check()`.
        options: how to check.
        file: what is known of a file.

    Raises:
        GradlintError: it cannot be loaded, or cannot be run.
    """
    if file is not None:
        return _of_file(file, options)
    name = ""
    if isinstance(model, (str, os.PathLike)):
        options.report("loading the model")
        name = os.fspath(model)
        if is_saved_model(Path(name)):
            model = _loaded_folder(name)
        else:
            is_allocated = not options.is_symbolic
            model, own = load_target(
                name, trust=options.trust_model, imports=options.imports, allocate=is_allocated, seed=options.seed
            )
            sample = own if sample is None else sample
    else:
        _refuse_odd_places()
    if is_legacy(model):
        from gradlint.upstream.legacy import LegacyStep

        step = LegacyStep(model)
        spec = ModelSpec("", "", inputs=tuple(InputSpec(k, k, (None,), "float32", declared=False) for k in step.keys))
        given = loaded(arrays_of(sample, spec, options), options)
        return FunctionTarget(name or step.__name__, given, step, learners=(model,))
    if is_saved(model):
        from gradlint.upstream.saved import SavedStep

        saved = SavedStep(model, options.seed)
        if sample is None:
            raise UsageError(f"a SavedModel needs a sample, with arrays for {', '.join(saved.keys)}")
        if options.depth != "values":
            raise UsageError("a SavedModel cannot be checked without running it; use depth 'values'")
        spec = ModelSpec("", "", inputs=tuple(InputSpec(k, k, (None,), "float32", declared=False) for k in saved.keys))
        given = loaded(arrays_of(sample, spec, options), options)
        return FunctionTarget(name or saved.__name__, given, saved, learners=saved.learners)
    if is_model(model):
        spec = spec_from_model(model)
        given = loaded(arrays_of(sample, spec, options), options)
        return ModelTarget(name or spec.name, given, spec, model, is_live=not name)
    if callable(model):
        given = loaded(arrays_of(sample, _NO_MODEL, options), options)
        name = getattr(model, "__name__", type(model).__name__)
        return FunctionTarget(name, given, model)
    raise UsageError(
        f"model must be a keras.Model, a path or a callable that returns a loss, not {type(model).__name__}"
    )


def _loaded_folder(name: str) -> object:
    from gradlint.upstream.starting import quiet, quiet_tensorflow

    quiet_tensorflow()
    from gradlint.upstream.saved import load

    try:
        with quiet():
            return load(name)
    except Exception as error:  # whatever TensorFlow makes of a broken folder
        raise ModelFileError(f"{name}: TensorFlow cannot load the SavedModel: {first_words(error)}") from error


def _of_file(file: ModelFile, options: Options) -> ModelTarget:
    given = loaded(file.sample, options)
    options.report("loading TensorFlow and the model")
    model, _ = load_target(
        file.path,
        trust=options.trust_model,
        imports=options.imports,
        limits=limits_of(options),
        read=(file.spec, file.contents),
        allocate=not options.is_symbolic,
        custom=dict(options.custom_objects),
        seed=options.seed,
    )
    spec = file.spec
    if not spec.inputs or not all(entry.declared for entry in spec.inputs):
        spec = spec_from_model(model)  # The file does not say; the model itself may.
    return ModelTarget(file.path, given, spec, model)


def _refuse_odd_places() -> None:
    from gradlint.upstream.datasets import replicas_in_scope
    from gradlint.upstream.starting import quiet_tensorflow, refuse_graphs

    quiet_tensorflow()
    refuse_graphs()
    if (replicas := replicas_in_scope()) > 1:
        raise UsageError(
            f"check() was called inside strategy.scope(), where every variable has {replicas} values; call it after "
            "the with block: the model may stay as it is"
        )


@dataclass(frozen=True, slots=True)
class Bound:
    """The arrays of a sample, made up if nobody gave one, and what they are for.

    Attributes:
        arrays: by the sample's own keys; on symbols their descriptions.
        specs: the same on paper.
        inputs: arrays by the keys of the model's inputs; an input that it does not declare has no name of its own.
        structure: how the model nests its inputs; None where it does not say.
    """

    arrays: Mapping[str, object]
    specs: tuple[ArraySpec, ...]
    binding: Binding
    inputs: Mapping[str, object]
    structure: Structure | None = None

    @property
    def rows(self) -> int:
        """The largest length of a batch axis."""
        return max((entry.shape[0] or 1 for entry in self.specs if entry.shape), default=1)

    @property
    def steps(self) -> int:
        """The largest length of a second axis."""
        return max((entry.shape[1] or 1 for entry in self.specs if len(entry.shape) > 1), default=1)


def bound(target: Target, options: Options) -> Bound:
    """The sample of a target.

    Raises:
        UsageError: a function is not told what it needs, or the arguments do not fit.
        SampleError: the sample is no sample.
    """
    if isinstance(target, FunctionTarget):
        return _bound_to_function(target, options)
    arrays: Mapping[str, object]
    if options.is_symbolic:  # Of the sample only shapes and dtypes count.
        specs = on_paper(target.spec, target.sample, options)
        arrays = {array.key: array for array in specs}
    else:
        made_up = target.sample is None
        arrays = synthesise(target.spec, options.seed, limits=limits_of(options)) if made_up else mapped(target.sample)
        specs = array_specs(arrays)
    binding = bind(target.spec, specs, dict(options.mapping), options.targets)
    declared = {entry.key for entry in target.spec.inputs or () if entry.declared}
    inputs = {key if key in declared else source: arrays[source] for key, source in binding.inputs}
    return Bound(arrays, specs, binding, inputs, nesting(target.spec, tuple(inputs)))


def _takes_no_sample(function: Callable[..., object]) -> bool:
    """Whether a function can be called with nothing, as what makes a model is; not where Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return all(each.default is not each.empty for each in parameters)


def _bound_to_function(target: FunctionTarget, options: Options) -> Bound:
    if not isinstance(target.sample, Mapping):
        raise UsageError("a callable needs a sample: a dict of arrays")
    if not (target.learners or options.learners):
        layer = getattr(target.function, "name", "") if hasattr(target.function, "compute_output_shape") else ""
        if layer:
            raise UsageError(f"{layer!r} is a layer; give a model that holds it, such as keras.Sequential([layer])")
        if _takes_no_sample(target.function):
            raise UsageError(
                f"{target.name} is a function that takes no sample; if it makes the model, call it: "
                f"check({target.name}(), ...); a loss takes the sample"
            )
        raise UsageError("a callable needs models= or variables=, to say what should learn")
    if options.depth != "values" and not target.learners:
        raise UsageError("a callable cannot be checked without running it; use depth 'values'")
    arrays = target.sample
    specs = array_specs(arrays)
    # A function has no outputs to name: several plain targets go by their keys.
    plain = [key for output, key in options.targets if not output]
    targets = [(output or (key if len(plain) > 1 else ""), key) for output, key in options.targets]
    binding = bind(_NO_MODEL, specs, targets=targets)
    return Bound(arrays, specs, binding, {key: arrays[key] for key, _ in binding.inputs})
