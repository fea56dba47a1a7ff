"""The arguments of `gradlint.check()` as people write them: one thing for a list of it, a class for its instance."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from gradlint.errors import UsageError, alike
from gradlint.load import search
from gradlint.load.files import require_file
from gradlint.load.kinds import SAMPLES
from gradlint.options import Options


def several(name: str, value: object) -> tuple[Any, ...]:
    """The items of an argument; a single one stands for a list of it."""
    if value is None:
        return ()
    if isinstance(value, (str, os.PathLike)) or not isinstance(value, Iterable):
        return (value,)
    if isinstance(value, Mapping):
        raise UsageError(f"{name} must be a list, not a dict")
    return tuple(value)


def texts(name: str, value: object) -> tuple[str, ...]:
    """As `several`, of text."""
    items = several(name, value)
    if wrong := [item for item in items if not isinstance(item, (str, os.PathLike))]:
        raise UsageError(f"{name} must be a list of text, and holds {wrong[0]!r}")
    return tuple(os.fspath(item) for item in items)


def named_labels(value: object) -> tuple[tuple[str | None, str], ...]:
    """(output, key) of each label: from keys, from pairs, or from a dict of keys by output."""
    if isinstance(value, Mapping):
        return tuple((str(output), str(key)) for output, key in value.items())
    found: list[tuple[str | None, str]] = []
    for item in several("targets", value):
        if isinstance(item, str):
            output, _, key = item.rpartition("=")
            found.append((output or None, key))
        elif isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[1], str):
            found.append((item[0], item[1]))
        else:
            raise UsageError(f"targets must name labels, as ['y'] or [('output', 'key')], and holds {item!r}")
    return tuple(found)


def codes(name: str, value: object) -> tuple[str, ...]:
    """The codes of rules, also where they are written as on the command line: `GL103,GL2`."""
    return tuple(code.strip() for text in texts(name, value) for code in text.split(",") if code.strip())


def modules(value: object) -> tuple[str, ...]:
    """Modules and files by name; a module that is imported already stands for its own."""
    return texts("imports", [getattr(item, "__name__", item) for item in several("imports", value)])


def refuse_missing(imports: Sequence[str], *targets: object) -> None:
    """Raises UsageError for modules that do not exist, where no target is named: a live one needs none of them."""
    if any(isinstance(target, (str, os.PathLike)) for target in targets):
        return  # they are imported, which says more
    for name in imports:
        root = name.partition(".")[0]
        if search.is_file(name):
            require_file(name, UsageError, "a Python file")
        elif root not in sys.modules and search.found_module(root) is None:
            raise UsageError(f"imports: there is no module {root!r}")


def learners(name: str, value: object, attribute: str, what: str) -> tuple[Any, ...]:
    """The items of an argument, each of them with an attribute of its kind; a list among them stands for its items.

    Raises:
        UsageError: one of them is of another kind.
    """
    given = several(name, value)
    items = tuple(each for item in given for each in (item if isinstance(item, (list, tuple)) else (item,)))
    for item in items:
        kind = next((kind for mark, kind in _KINDS.items() if hasattr(item, mark)), name)
        if not hasattr(item, attribute) or (name == VARIABLES[1] and kind != name):
            hint = f": give it as {kind}=" if kind != name else ""
            raise UsageError(f"{name} must hold {what}, and holds {_shown(item)}{hint}")
    return items


MODELS = ("trainable_variables", "models or layers")
VARIABLES = ("assign", "variables")
OPTIMIZERS = ("apply_gradients", "optimizers")
"""What `learners` takes for each of them: the attribute, and what they are called."""
_KINDS = {MODELS[0]: "models", OPTIMIZERS[0]: "optimizers", VARIABLES[0]: "variables"}
"""A mark of a kind, and the argument that takes it; optimizers can assign, too, and a model may apply gradients."""


def _shown(item: object) -> str:
    """An item without its numbers: a variable has thousands of them."""
    if isinstance(item, (str, int, float)):
        return repr(item)
    name = getattr(item, "path", None) or getattr(item, "name", None)
    kind = "variable" if "Variable" in type(item).__name__ else type(item).__name__
    return f"the {kind} {name!r}" if isinstance(name, str) else f"a {kind}"


def named_objects(value: object) -> tuple[tuple[str, Any], ...]:
    """Classes and functions by name; without a dict, by their own."""
    if isinstance(value, type) or not isinstance(value, (Mapping, type(None))):
        value = {getattr(item, "__name__", ""): item for item in several("custom_objects", value)}
        if "" in value:
            raise UsageError(f"custom_objects must be classes or functions, not {type(value['']).__name__}")
    return table("custom_objects", value)


def table(name: str, value: object) -> tuple[tuple[str, Any], ...]:
    """The pairs of an argument that is a dict."""
    if value is None:
        return ()
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} must be a dict, not {type(value).__name__}")
    return tuple((str(key), inner) for key, inner in value.items())


def as_for_fit(sample: object, labels: tuple[object, ...], x: object, y: object, sample_weight: object) -> object:
    """One sample of what is given by place and by name, in the order of `fit`.

    Raises:
        UsageError: a part is given twice, or one is given without what it belongs to.
    """
    if x is not None and sample is not None:
        raise UsageError("x and the sample before it are both given: which are the inputs? Give one of them")
    if labels and (y is not None or (sample_weight is not None and len(labels) > 1)):
        name = "y" if y is not None else "sample_weight"
        raise UsageError(f"{name} is given twice, by place and by name; give it once")
    inputs = sample if x is None else x
    named = "y" if y is not None else "sample_weight"
    if y is None and sample_weight is None:
        return (inputs, *labels) if labels else inputs
    if inputs is None:
        raise UsageError(f"{named} is given without the inputs that belong to it: check(model, x=x, y=y)")
    if isinstance(inputs, (str, os.PathLike)):
        raise UsageError(f"{named} cannot join a sample that is named, {os.fspath(inputs)}: give arrays, (x, y)")
    if not labels and y is None:
        if not isinstance(inputs, tuple) or len(inputs) != 2:
            raise UsageError("sample_weight is given without the labels that it weighs: give y, too")
        return (*inputs, sample_weight)
    parts = (inputs, *labels) if labels else (inputs, y)
    return parts if sample_weight is None else (*parts, sample_weight)


def refuse_labels_twice(model: object, inputs: object, labels: tuple[object, ...], y: object) -> None:
    """Raises UsageError for labels in the sample and behind it; a tuple of two is fit for a model with two inputs."""
    given = labels[0] if labels else y
    if given is None or not isinstance(inputs, tuple) or len(inputs) not in (2, 3):
        return
    try:
        number = len(getattr(model, "inputs", None) or ())
    except Exception:  # whatever a class of the user's says of its inputs
        return
    if number == 1:
        raise UsageError(
            "the labels are given twice, in the sample and behind it: give check(model, (x, y)) or check(model, x, y)"
        )


_ROWS = "batch_size"
"""What `fit` calls the number of rows."""
_NOT_NEEDED = {
    **dict.fromkeys(("epochs", "initial_epoch", "steps_per_epoch"), "a check runs single steps of one batch"),
    **dict.fromkeys(
        ("validation_data", "validation_split", "validation_steps", "validation_batch_size", "validation_freq"),
        "a check looks at how the training batch trains",
    ),
    "callbacks": "callbacks watch fit, as callbacks=[gradlint.GradientCheck()] there does",
    "verbose": "a check prints nothing; its result does, print(result)",
    "shuffle": "the first rows are taken, in their order",
}
"""Words of `fit` that mean nothing here, and why."""


def own_words(*functions: Callable[..., object]) -> frozenset[str]:
    """What functions take by name only."""
    parameters = [each for function in functions for each in inspect.signature(function).parameters.values()]
    return frozenset(each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY)


def known_words(*functions: Callable[..., object]) -> frozenset[str]:
    """The options of a check, and whatever else these functions take by name only."""
    return frozenset({_ROWS, *(field.name for field in fields(Options)), *own_words(*functions)})


def refuse_unknown_words(words: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raises UsageError for the first of some words that is no option there."""
    for word in words:
        if word in _NOT_NEEDED:
            raise UsageError(f"{where}: {word} is not needed: {_NOT_NEEDED[word]}")
        if word not in known:
            raise UsageError(f"{where} has no option {word!r}{alike(word, sorted(known), repr)}")


def refuse_other_arguments(
    step: Callable[..., object],
    name: str,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    caller: str,
    options: Iterable[str],
) -> None:
    """Raises UsageError for arguments that a step does not take: what an option is not called goes to the step.

    A wrapper may take others than its signature says: ask only where the call has failed.

    Args:
        step: what was called.
        name: what the step is called.
        args: positional arguments.
        kwargs: keyword arguments.
        caller: what has handed them over.
        options: those of the caller, one of which may be meant.
    """
    try:
        signature = inspect.signature(step)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return
    parameters = signature.parameters.values()
    takes = f"({', '.join(map(str, (each.replace(annotation=each.empty) for each in parameters)))})"
    takes_all = any(each.kind is each.VAR_KEYWORD for each in parameters)
    if unknown := [word for word in kwargs if word not in signature.parameters and not takes_all]:
        hint = alike(unknown[0], sorted(options), repr)
        raise UsageError(f"{caller} has no option {unknown[0]!r}, and {name}{takes} no argument of this name{hint}")
    given = f"{len(args)} argument{'' if len(args) == 1 else 's'}{' and ' if kwargs else ''}{', '.join(kwargs)}"
    needed = sum(each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD for each in parameters)
    hint = ""
    if len(args) == 1 and isinstance(args[0], (tuple, list)) and len(args[0]) == needed:
        hint = f": hand the parts of the batch over one by one, {caller}({name}, *batch)"
    elif needed == 1 < len(args):
        hint = f": hand them over in one, {caller}({name}, (x, y))"
    raise UsageError(f"{name}{takes} was given {given}{hint}")


def batch_of(words: dict[str, object], batch: int | None) -> int | None:
    """How many rows are taken, where it may be called as `fit` calls it; takes the word out of the others.

    Raises:
        UsageError: both are given, and differ.
    """
    size: Any = words.pop(_ROWS, None)
    if size is not None and batch not in (None, size):
        raise UsageError(f"batch={batch} and batch_size={size} mean the same, and differ; give one of them")
    return batch if size is None else size


def refuse_words_of_fit(words: Iterable[str], check: Callable[..., object]) -> None:
    """Raises UsageError for words that `fit` needs and `check` does not, TypeError for those that nobody knows."""
    for word in words:
        if word not in _NOT_NEEDED:
            said = f"check() got an unexpected keyword argument {word!r}"
            raise TypeError(f"{said}{alike(word, sorted(known_words(check)), repr)}")
    if words := list(words):
        said = "; ".join(f"{word} is not needed: {_NOT_NEEDED[word]}" for word in words)
        raise UsageError(f"{said}. Leave {'it' if len(words) == 1 else 'them'} out")


def weighed_by_class(sample: object, weights: object) -> object:
    """The sample `(x, y)` with a weight for each row, that of its class, as `fit` has it; 1 for a class without one.

    Raises:
        UsageError: there are no labels to weigh in it, or other weights.
    """
    if weights is None:
        return sample
    if not isinstance(weights, Mapping):
        raise UsageError(f"class_weight must be a dict, not {type(weights).__name__}")
    if isinstance(sample, tuple) and len(sample) > 2:
        raise UsageError("class_weight and sample_weight are both given, and fit takes one of them")
    import numpy as np

    from gradlint.load.batch import as_array

    labels: Any = as_array(sample[1]) if isinstance(sample, tuple) and len(sample) == 2 else None
    if not isinstance(sample, tuple) or not hasattr(labels, "__array__"):
        raise UsageError("class_weight needs one array of labels: check(model, x, y, class_weight=...)")
    classes = np.asarray(labels)
    if classes.ndim > 1:
        classes = classes[..., 0] if classes.shape[-1] == 1 else classes.argmax(-1)
    by_row = np.vectorize(lambda label: float(weights.get(int(label), 1.0)), otypes=["float32"])(np.round(classes))
    return (*sample, by_row)


def refuse_misplaced(model: object, sample: object) -> None:
    """Raises UsageError for a class or a method in the place of a model, and for a sample in the place of the model."""
    if isinstance(model, type):
        raise UsageError(f"{model.__name__} is a class; give a model: {model.__name__}(...)")
    if isinstance(model, str) and model.lstrip().startswith("{"):
        raise UsageError(
            "the model is JSON, a configuration without weights; give keras.models.model_from_json(...) of it"
        )
    owner = getattr(model, "__self__", None)
    if hasattr(owner, "trainable_variables") and hasattr(owner, "layers"):
        raise UsageError(
            f"{getattr(model, '__name__', 'this')} is a method of {type(owner).__name__}; give the model itself, or a "
            "training step to check_step"
        )
    looks_like_model = callable(sample) and hasattr(sample, "layers") and hasattr(sample, "trainable_variables")
    is_named = isinstance(model, (str, os.PathLike))
    are_swapped_files = is_named and str(model).endswith(SAMPLES) and str(sample).endswith((".keras", ".h5"))
    if are_swapped_files or (looks_like_model and not callable(model)):
        shown = f"{model} {sample}" if is_named else "the arguments"
        raise UsageError(f"{shown}: the other way round, the model comes first and then the sample")
