"""What a training step does with optimizers, and what they say of themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from gradlint.upstream import eager, patching
from gradlint.upstream.names import member

Run = Callable[[], Any]

BaseOptimizer = patching.definer(keras.Optimizer, "apply_gradients")
LossScaleOptimizer = keras.optimizers.LossScaleOptimizer


@dataclass(frozen=True, slots=True)
class Application:
    """One call of `apply` or `apply_gradients`.

    Attributes:
        pairs: (gradient or None, variable) pairs; None where the caller gives something else.
        given: how many gradients and how many variables there are.
    """

    optimizer: Any
    pairs: tuple[tuple[Any, Any], ...] | None
    given: tuple[int, int] = (0, 0)


@contextlib.contextmanager
def on_optimizers(
    applied: Callable[[Application, Run], Any], scaled: Callable[[Any, Any], None], before: Callable[[Any], None]
) -> Iterator[None]:
    """Report what optimizers get.

    Args:
        applied: called with each application, and gives the result of its `run()`.
        scaled: called with each optimizer that scales a loss, and what it gives.
        before: called with each optimizer before it is used.
    """
    originals = {cls: cls.apply for cls in (BaseOptimizer, LossScaleOptimizer)}
    apply_gradients = BaseOptimizer.apply_gradients
    scales = {cls: cls.scale_loss for cls in (BaseOptimizer, LossScaleOptimizer)}
    inside: list[Any] = []

    def reported(application: Application, run: Run) -> Any:
        def nested() -> Any:
            inside.append(application)
            try:
                return run()
            finally:
                inside.pop()

        return applied(application, nested)

    def applying(cls: Any) -> Callable[..., Any]:
        def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
            before(self)
            if inside:
                return originals[cls](self, grads, trainable_variables)
            slopes = list(grads)
            variables = member(self, "variables of an optimizer", None) if trainable_variables is None else None
            variables = list(trainable_variables if trainable_variables is not None else variables or ())
            application = Application(self, tuple(zip(slopes, variables, strict=False)), (len(slopes), len(variables)))
            again = variables if trainable_variables is not None else None
            return reported(application, lambda: originals[cls](self, slopes, again))

        return apply

    def apply_pairs(self: Any, *args: Any, **kwargs: Any) -> Any:
        before(self)
        if inside:
            return apply_gradients(self, *args, **kwargs)
        given = args[0] if args else kwargs.get("grads_and_vars")
        items, args, kwargs = _listed(given, args, kwargs)
        pairs = None if len(args) + len(kwargs) != 1 or items is None else _paired(items)
        number = 0 if pairs is None else len(pairs)
        application = Application(self, pairs, (number, number))
        return reported(application, lambda: apply_gradients(self, *args, **kwargs))

    def scaling(cls: Any) -> Callable[..., Any]:
        def scale_loss(self: Any, loss: Any) -> Any:
            result = scales[cls](self, loss)
            scaled(self, result)
            return result

        return scale_loss

    with contextlib.ExitStack() as stack:
        for cls in originals:
            stack.enter_context(patching.patched(cls, "apply", applying(cls)))
            stack.enter_context(patching.patched(cls, "scale_loss", scaling(cls)))
        stack.enter_context(patching.patched(BaseOptimizer, "apply_gradients", apply_pairs))
        yield


@contextlib.contextmanager
def on_creation(created: Callable[[Any], None]) -> Iterator[None]:
    """Call `created(optimizer)` with each optimizer that is made."""
    base = patching.definer(BaseOptimizer, "__init__")
    original = base.__init__

    def make(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        created(self)

    with patching.patched(base, "__init__", make):
        yield


def has_moments(optimizer: Any) -> bool:
    """Whether an optimizer keeps more from one update to the next than their number and the learning rate."""
    inner = innermost(optimizer)
    return len(inner.variables) > len(
        [part for part in (inner.iterations, rate_as_given(inner)) if eager.is_variable(part)]
    )


def _listed(given: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any] | None, Any, Any]:
    """What an iterable of pairs holds, None for what is none, and arguments in which it can be read again."""
    try:
        items = list(given)
    except TypeError:
        return None, args, kwargs
    if args:
        return items, (items, *args[1:]), kwargs
    return items, args, {**kwargs, "grads_and_vars": items}


def _paired(items: list[Any]) -> tuple[tuple[Any, Any], ...] | None:
    if all(isinstance(item, (tuple, list)) and len(item) == 2 and eager.is_variable(item[1]) for item in items):
        return tuple((item[0], item[1]) for item in items)
    return None


def is_optimizer(value: object) -> bool:
    """Whether a value is a Keras optimizer."""
    return isinstance(value, BaseOptimizer)


def scales_loss(optimizer: Any) -> bool:
    """Whether an optimizer expects a scaled loss."""
    return isinstance(optimizer, LossScaleOptimizer)


def scale_handles(optimizer: Any) -> list[Any]:
    """The handle of the variable that holds the scale, which user code may read by itself."""
    scale = getattr(optimizer, "dynamic_scale", None)
    return [] if scale is None else [eager.handle_of(scale)]


def scale_of(optimizer: Any) -> float:
    """What an optimizer multiplies a loss with, and divides the gradients by."""
    scale = getattr(optimizer, "dynamic_scale", None)
    if scale is not None:
        return float(scale.value)
    return float(getattr(optimizer, "initial_scale", None) or getattr(optimizer, "loss_scale_factor", None) or 1.0)


def halve_scale(optimizer: Any, times: int) -> None:
    """Lower what an optimizer multiplies a loss with, as it does itself after each gradient that is not finite."""
    optimizer.initial_scale *= 0.5**times
    scale = getattr(optimizer, "dynamic_scale", None)
    if scale is not None:
        scale.assign(scale * 0.5**times)


def setting_of(optimizer: Any, name: str) -> Any:
    """What an optimizer was given as `name`."""
    if name == "learning_rate":
        return learning_rates(optimizer)[0]
    return getattr(innermost(optimizer), name, None)


def times_used(optimizer: Any) -> int:
    """How often an optimizer was used."""
    try:
        return int(keras.ops.convert_to_numpy(optimizer.iterations))
    except Exception:
        return 0


def accumulates(optimizer: Any) -> bool:
    """Whether an optimizer waits for several steps before it changes variables."""
    return bool(getattr(innermost(optimizer), "gradient_accumulation_steps", None))


def innermost(optimizer: Any) -> Any:
    """The optimizer inside of those that wrap it."""
    while getattr(optimizer, "inner_optimizer", None) is not None:
        optimizer = optimizer.inner_optimizer
    return optimizer


def rate_as_given(optimizer: Any) -> Any:
    """A schedule, a callable, or the variable that holds the learning rate of an optimizer."""
    return member(optimizer, "rate as given", None)


def learning_rates(optimizer: Any) -> tuple[float | None, bool]:
    """The learning rate now, and whether it follows a schedule."""
    rate = rate_as_given(innermost(optimizer))
    scheduled = not isinstance(rate, keras.Variable) and callable(rate)
    try:
        return float(keras.ops.convert_to_numpy(innermost(optimizer).learning_rate)), scheduled
    except Exception:
        return None, scheduled


def optimizers_of(model: Any) -> list[Any]:
    """The optimizers that a model holds, as `compile` got it or in attributes of its own."""
    found: dict[int, Any] = {}
    for value in vars(model).values():
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else (value,)
        found |= {id(part): part for part in parts if is_optimizer(part)}
    return list(found.values())
