"""The road: from a model and a sample to a result. Each stage is a room of its own, further down.

The rooms are entered when something is checked: what needs a name of this package, and every answer that is known
already, does without them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import gradlint.report  # noqa: F401 - gives results their text and JSON
from gradlint.checking.suppression import allowances, suppress, unused_error
from gradlint.errors import GradlintError, UsageError
from gradlint.load.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gradlint.result import Result


def check(
    model: object,
    sample: object = None,
    *labels: object,
    x: object = None,
    y: object = None,
    sample_weight: object = None,
    class_weight: Mapping[int, float] | None = None,
    loss: object = None,
    models: object = (),
    variables: object = (),
    custom_objects: Mapping[str, object] | Iterable[object] | None = None,
    depth: str = "values",
    mode: str = "training",
    seed: int = 0,
    probes: int = 3,
    batch: int | None = None,
    targets: str | Sequence[str | tuple[str | None, str]] | Mapping[str, str] = (),
    mapping: Mapping[str, str] | None = None,
    causal: str | Sequence[str] = (),
    imports: str | Sequence[str] = (),
    trust_model: bool = False,
    select: str | Iterable[str] = (),
    ignore: str | Iterable[str] = (),
    fail_on: str = "error",
    thresholds: Mapping[str, float] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] | None = None,
    **of_fit: object,
) -> Result:
    """Find out whether the gradient of the loss reaches everything that should learn.

    Args:
        model: a `keras.Model`, the path or address (`s3://bucket/model.keras`, with fsspec) of a `.keras` or `.h5`
            file, `package.module:factory`, or a callable that takes the sample (a dict of tensors) and returns a loss.
        sample: whatever `fit` takes, of which one batch is read: `(x, y)`, `(x, y, sample_weight)`, an array, a
            dataset, a generator, a data frame; or arrays by input key, with labels called `y`, or `y:<output>` for
            one output of several, and `sample_weight`; or path or address of an `.npz`, `.npy`, `.csv` or `.parquet`,
            of the folder of a saved dataset, or of a function that gives one of these (`package.module:function`).
            None: one is made up from the input specification.
        labels: `check(model, x, y)` and `check(model, x, y, sample_weight)` are read as `check(model, (x, y))`.
        x: the inputs, as for `fit`: `check(model, x=x, y=y)` is read as `check(model, (x, y))`.
        y: the labels, with `x`, or for a `sample` of inputs alone.
        sample_weight: the weights of the labels.
        class_weight: weights of the labels by class, with `(x, y)`, as for `fit`.
        of_fit: `batch_size`, which says the same as `batch`; other words of `fit` are refused with why.
        loss: the name of a Keras loss, a callable `(y_true, y_pred)`, `package.module:function`, or several by output;
            None for the compiled one.
        models: models or layers that should learn, besides (or, for a callable, instead of) `model`.
        variables: variables that should learn.
        custom_objects: classes and functions that a model file needs, by name, as for `keras.models.load_model`, or
            in a list, by their own names.
        depth: `preflight` (no TensorFlow), `structure` (the model is run on symbols: no weights, any size) or `values`.
        mode: `training` or `inference`.
        seed: of random operations, a made-up sample, and the surrogate loss.
        probes: how many perturbed runs confirm that a zero gradient is no accident of the sample.
        batch: rows of the sample to take; None takes all, and 32 of a dataset of single examples.
        targets: which arrays are labels: their keys, (output, key) pairs, or keys by output. A single one may stand
            for a list of it, here and wherever a list is asked for.
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
    from gradlint.checking.arguments import (
        MODELS,
        VARIABLES,
        as_for_fit,
        batch_of,
        codes,
        learners,
        modules,
        named_labels,
        named_objects,
        refuse_labels_twice,
        refuse_missing,
        refuse_words_of_fit,
        table,
        texts,
        weighed_by_class,
    )
    from gradlint.checking.interface import (
        in_the_words_of_fit,
        in_the_words_of_the_caller,
        result_in_the_words_of_the_caller,
    )
    from gradlint.checking.road import checked
    from gradlint.load.remote import at_hand
    from gradlint.options import Options

    batch = batch_of(of_fit, batch)
    refuse_words_of_fit(of_fit, check)
    options = Options(
        select=codes("select", select),
        ignore=codes("ignore", ignore),
        fail_on=fail_on,
        depth=depth,
        mode=mode,
        seed=seed,
        probes=probes,
        batch=batch,
        loss=loss,
        targets=named_labels(targets),
        mapping=table("mapping", mapping),
        causal=texts("causal", causal),
        imports=modules(imports),
        thresholds=table("thresholds", thresholds),
        trust_model=trust_model,
        models=learners("models", models, *MODELS),
        variables=learners("variables", variables, *VARIABLES),
        custom_objects=named_objects(custom_objects),
        limits=limits,
        progress=progress,
    )
    if not isinstance(limits, Limits):
        raise UsageError(f"limits must be gradlint.Limits(...), not {limits!r}")
    refuse_missing(options.imports, model)
    is_of_fit = isinstance(sample, tuple) or bool(labels) or y is not None
    try:
        with at_hand(*(name for name in (model, sample) if isinstance(name, str)), limits=limits) as files:
            here, given = (files.get(each, each) if isinstance(each, str) else each for each in (model, sample))
            refuse_labels_twice(model, sample if x is None else x, labels, y)
            arrays = weighed_by_class(as_for_fit(given, labels, x, y, sample_weight), class_weight)
            result = checked(here, arrays, options)
        if here is not model and isinstance(model, str):
            result = replace(result, target=model)
    except GradlintError as error:
        error.args = tuple(map(in_the_words_of_the_caller, error.args))
        if is_of_fit:
            error.args = tuple(map(in_the_words_of_fit, error.args))
        raise
    return result_in_the_words_of_the_caller(result, is_of_fit=is_of_fit)


def assert_gradients_flow(
    model: object,
    sample: object = None,
    *labels: object,
    allow: Mapping[str, str | Sequence[str]] | None = None,
    **options: Any,
) -> None:
    """Assert that `check(model, sample, **options)` finds nothing at or above `fail_on`.

    Args:
        model: as for `check()`.
        sample: as for `check()`.
        labels: as for `check()`.
        allow: path patterns of findings that are meant, by rule: `{"GL104": "target_*"}`. A pattern fits the
            layer where the gradient stops, or all the variables that it costs.
        options: as for `check()`.

    Raises:
        AssertionError: its message is the report, and its `result` what was found.
        UsageError: something in `allow` fits no finding.
        GradlintError: the check could not run.
    """
    from gradlint.checking.arguments import known_words, refuse_unknown_words

    __tracebackhide__ = True
    refuse_unknown_words(options, known_words(check, assert_gradients_flow), "assert_gradients_flow")
    _assert_nothing(lambda: check(model, sample, *labels, **options), allow)


def assert_step_flows(
    step: Callable[..., object],
    *args: object,
    allow: Mapping[str, str | Sequence[str]] | None = None,
    **options: Any,
) -> None:
    """Assert that `check_step(step, *args, **options)` finds nothing at or above `fail_on`.

    Args:
        step: as for `check_step()`.
        args: as for `check_step()`.
        allow: as for `assert_gradients_flow()`.
        options: as for `check_step()`, with the keyword arguments of the step.

    Raises:
        AssertionError: its message is the report, and its `result` what was found.
        UsageError: something in `allow` fits no finding.
        GradlintError: the check could not run.
    """
    from gradlint.checking.step import check_step

    __tracebackhide__ = True
    _assert_nothing(lambda: check_step(step, *args, **options), allow)


def _assert_nothing(checking: Callable[[], Result], allow: Mapping[str, str | Sequence[str]] | None) -> None:
    __tracebackhide__ = True
    allowed = allowances(allow or {})
    result, unused = suppress(checking(), allowed)
    if not result.ok:
        from gradlint.checking.assertion import GradientsDoNotFlow

        raise GradientsDoNotFlow(result, str(unused_error(unused)) if unused else "")
    if unused:
        raise unused_error(unused)
