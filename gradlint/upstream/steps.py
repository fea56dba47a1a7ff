"""What a training step does with tapes and models, as TensorFlow and Keras are told of it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras
import tensorflow as tf

from gradlint.upstream import eager, patching
from gradlint.upstream.libraries import is_tensorflow_file
from gradlint.upstream.names import member, value_of

Run = Callable[[], Any]

# What lies between a tape and the code that uses it.
_BETWEEN = (sys.modules[tf.GradientTape.__module__].__file__, __file__, patching.__file__, contextlib.__file__)


@dataclass(frozen=True, slots=True)
class Question:
    """One call of `gradient`, `jacobian` or `batch_jacobian`.

    Attributes:
        kind: the name of the method.
        is_recording: the tape is still open.
        is_used_up: it is not persistent, and has answered before.
        fills_zeros: the caller wants zeros in place of None.
        nothing: holds something after a `batch_jacobian` that knows of no connection, and gives zeros.
    """

    kind: str
    target: Any
    sources: Any
    is_recording: bool
    is_used_up: bool
    fills_zeros: bool
    nothing: list[object] = field(default_factory=list)


class TapeObserver(Protocol):
    """Is told of everything that user code does with tapes."""

    def tape_opened(self, tape: Any) -> None:
        """A tape begins to record, for the first time or again."""

    def tape_closed(self, tape: Any) -> None:
        """A tape stops to record."""

    def tape_watched(self, tape: Any, watched: Sequence[Any]) -> None:
        """A tape is told to watch tensors and variables."""

    def tape_not_watched(self, tape: Any, refused: Any) -> None:
        """A tape is told to watch something that is neither a tensor nor a variable."""

    def tape_reset(self, tape: Any) -> None:
        """A tape forgets what it has recorded."""

    def tape_asked(self, tape: Any, question: Question, run: Run) -> Any:
        """A tape is asked; `run()` gives the answer."""


@contextlib.contextmanager
def on_tapes(observer: TapeObserver) -> Iterator[None]:
    """Tell an observer of all tapes but those that TensorFlow opens for itself."""
    own = tf.GradientTape
    push, pop, watch, reset = value_of("open a tape"), value_of("close a tape"), own.watch, own.reset
    methods = {name: getattr(own, name) for name in ("gradient", "jacobian", "batch_jacobian")}
    answering: list[Question] = []

    def push_tape(self: Any) -> None:
        push(self)
        if not answering and not _is_of_tensorflow():  # A jacobian records its own reshaping.
            observer.tape_opened(self)

    def pop_tape(self: Any) -> None:
        pop(self)
        if not answering:
            observer.tape_closed(self)

    def watch_tensors(self: Any, tensor: Any) -> None:
        try:
            watch(self, tensor)
        except ValueError:
            odd = (part for part in tf.nest.flatten(tensor) if not (tf.is_tensor(part) or eager.is_variable(part)))
            observer.tape_not_watched(self, next(odd, None))
            raise
        if not _is_of_tensorflow():
            observer.tape_watched(self, tf.nest.flatten(tensor))

    def reset_tape(self: Any) -> None:
        reset(self)
        observer.tape_reset(self)

    def asking(name: str) -> Callable[..., Any]:
        def ask(self: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            if answering or _is_of_tensorflow():
                answer = methods[name](self, target, sources, *args, **kwargs)
                if answering and answer is None:
                    answering[-1].nothing.append(target)
                return answer
            place = 1 if name == "gradient" else 0
            zeros = kwargs.get("unconnected_gradients", args[place] if len(args) > place else "none")
            question = Question(
                name,
                target,
                sources,
                bool(member(self, "whether recording")),
                member(self, "inner tape") is None,
                tf.UnconnectedGradients(zeros) is tf.UnconnectedGradients.ZERO,
            )

            def run() -> Any:
                answering.append(question)
                try:
                    return methods[name](self, target, sources, *args, **kwargs)
                finally:
                    answering.pop()

            return observer.tape_asked(self, question, run)

        return ask

    with contextlib.ExitStack() as stack:
        stack.enter_context(patching.replaced("open a tape", push_tape))
        stack.enter_context(patching.replaced("close a tape", pop_tape))
        stack.enter_context(patching.patched(own, "watch", watch_tensors))
        stack.enter_context(patching.patched(own, "reset", reset_tape))
        for name in methods:
            stack.enter_context(patching.patched(own, name, asking(name)))
        yield


def _is_of_tensorflow() -> bool:
    """Whether the code that uses a tape is TensorFlow's own: py_function and recompute_grad open one for each call."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in _BETWEEN:
        frame = frame.f_back
    return frame is not None and is_tensorflow_file(frame.f_code.co_filename)


def is_persistent(tape: Any) -> bool:
    """Whether a tape may be asked more than once."""
    return bool(member(tape, "whether persistent"))


def watches_accessed(tape: Any) -> bool:
    """Whether a tape watches the trainable variables that are read while it is open."""
    return bool(member(tape, "whether all is watched"))


# -- optimizers and metrics ------------------------------------------------------------------------------


class Parts:
    """What belongs to optimizers and metrics beside the values of their variables.

    An optimizer makes its slots when it is used for the first time; `restore` takes them away again.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Any, dict[str, Any], list[tuple[Any, Any]]]] = {}

    def keep(self, owner: Any) -> None:
        """Remember how an object is; the first time counts."""
        if id(owner) in self._kept:
            return
        attributes = dict(vars(owner))
        containers = [(value, value.copy()) for value in attributes.values() if type(value) in (list, dict, set)]
        # TensorFlow's own lists keep their parts twice: as a list, and in a list of theirs.
        wrapped = [value for value in attributes.values() if isinstance(value, list) and type(value) is not list]
        containers += [(value, list.copy(value)) for value in wrapped]
        inner = [value._storage for value in wrapped if hasattr(value, "_storage")]
        containers += [(storage, list(storage)) for storage in inner]
        tracker = attributes.get("_tracker")
        for stored in getattr(tracker, "stored_ids", {}).values():
            containers.append((stored, set(stored)))
        self._kept[id(owner)] = (owner, attributes, containers)

    def restore(self) -> None:
        """Put everything back."""
        for owner, attributes, containers in self._kept.values():
            for name in set(vars(owner)) - set(attributes):
                vars(owner).pop(name)
            vars(owner).update(attributes)
            for container, content in containers:
                if isinstance(container, list):
                    list.clear(container)
                    list.extend(container, content)
                else:
                    container.clear()
                    container.update(content)


# -- Keras models ----------------------------------------------------------------------------------------


EVALUATIONS = ("predict", "predict_on_batch", "evaluate", "test_on_batch")
"""Methods of a Keras model whose results are NumPy arrays."""


@contextlib.contextmanager
def on_evaluation(callback: Callable[[str, Any, Any, Run], Any]) -> Iterator[None]:
    """Hand every call of `model.predict` and the like to `callback(name, model, arguments, run)`."""
    inside: list[str] = []

    def evaluating(name: str) -> Callable[..., Any]:
        original = getattr(patching.definer(keras.Model, name), name)

        def evaluate(self: Any, *args: Any, **kwargs: Any) -> Any:
            if inside:
                return original(self, *args, **kwargs)

            def run() -> Any:
                inside.append(name)
                try:
                    return original(self, *args, **kwargs)
                finally:
                    inside.pop()

            return callback(name, self, (args, kwargs), run)

        return evaluate

    with contextlib.ExitStack() as stack:
        for name in EVALUATIONS:
            stack.enter_context(patching.patched(patching.definer(keras.Model, name), name, evaluating(name)))
        yield


@contextlib.contextmanager
def on_forward_derivative(callback: Callable[[Any], None]) -> Iterator[None]:
    """Call `callback(tensors)` with that of which a `tf.autodiff.ForwardAccumulator` gives a derivative."""
    owner = tf.autodiff.ForwardAccumulator
    original = owner.jvp

    def jvp(self: Any, primals: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, primals, *args, **kwargs)
        if any(part is not None for part in tf.nest.flatten(result)):
            callback(primals)
        return result

    with patching.patched(owner, "jvp", jvp):
        yield


@contextlib.contextmanager
def on_losses_read(callback: Callable[[Any, list[Any]], None]) -> Iterator[None]:
    """Call `callback(layer, losses)` whenever somebody reads the losses that layers add."""
    original: Any = vars(keras.Layer)["losses"]

    def losses(self: Any) -> Any:
        found = original.fget(self)
        callback(self, found)
        return found

    keras.Layer.losses = property(losses)
    try:
        yield
    finally:
        keras.Layer.losses = original


def layers_of(model: Any) -> Iterable[Any]:
    """A layer and all layers inside of it."""
    return list(member(model, "layers inside")()) if isinstance(model, keras.Layer) else []


def adds_losses(layer: Any) -> bool:
    """Whether a layer itself adds losses: by `add_loss`, or a regulariser of its own variables."""
    return bool(member(layer, "own losses")) or bool(regularised(layer))


def regularised(layer: Any) -> list[Any]:
    """The trainable variables of a layer itself that have a regulariser."""
    variables = [*member(layer, "own variables")] if layer.trainable else []
    return [variable for variable in variables if getattr(variable, "regularizer", None) is not None]
