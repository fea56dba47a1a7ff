"""Saving what a run changes, and giving it back."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from gradlint.upstream.eager import tensor_id, tf_variable
from gradlint.upstream.names import is_found, member, value_of
from gradlint.upstream.patching import definer, patched
from gradlint.upstream.writes import on_write

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from contextlib import AbstractContextManager

    from gradlint.upstream.writes import Stored


def global_attribute(name: str, default: Any = None) -> Any:
    """What Keras keeps for the whole process under a name."""
    return value_of("get_global_attribute")(name, default)


def set_global_attribute(name: str, value: Any) -> None:
    """Change what Keras keeps for the whole process under a name."""
    value_of("set_global_attribute")(name, value)


@contextlib.contextmanager
def restored(variables: Sequence[Any], is_assigned: Callable[[Any], bool]) -> Iterator[None]:
    """Leave variables and every random state as they were found.

    Args:
        variables: the Keras and TensorFlow variables whose values must not change.
        is_assigned: whether the run assigned to a variable; asked at the end.
    """
    # Reading shares the buffer (copy on write), so this costs memory only for what really changes.
    before = [(tf_variable(variable), tf_variable(variable).read_value()) for variable in variables]
    eager = value_of("eager context")()
    python_state, numpy_state = random.getstate(), np.random.get_state()
    # The eager context makes its generator on first use of a seed.
    tf_seed, tf_generator = member(eager, "seed of TensorFlow"), getattr(eager, "_rng", None)
    tf_state = tf_generator.getstate() if tf_generator is not None else None
    generator = global_attribute("global_seed_generator")
    counters = {name: dict(global_attribute(name) or {}) for name in ("object_name_uids",)}
    generator_state = tf.identity(tf_variable(generator.state)) if generator is not None else None
    try:
        yield
    finally:
        for variable, value in before:
            if is_assigned(variable):
                variable.assign(value)
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        eager._seed = tf_seed
        if tf_generator is not None:
            eager._rng = tf_generator
            tf_generator.setstate(tf_state)
        elif hasattr(eager, "_rng"):
            del eager._rng
        set_global_attribute("global_seed_generator", generator)
        if generator is not None:
            tf_variable(generator.state).assign(generator_state)
        uids = global_attribute("object_name_uids")
        if uids is not None:
            uids.clear()
            uids.update(counters["object_name_uids"])


@contextlib.contextmanager
def assigned_restored(
    listed: Collection[int] = (), reading: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
) -> Iterator[None]:
    """Leave as they were found the variables that nobody lists: each is kept before it is first written to.

    Args:
        listed: ids of the handles of variables that somebody else restores.
        reading: entered to read a value, so that a recorder takes it for nobody's.
    """
    found: dict[int, tuple[Stored, Any]] = {}

    def keep(variable: Stored, is_certain: bool) -> None:
        del is_certain
        key = tensor_id(variable.handle)
        if key not in listed and key not in found:
            with reading():
                value = variable.read_value()
            if value is not None:
                found[key] = variable, value

    try:
        with on_write(keep):
            yield
    finally:
        for variable, value in reversed(found.values()):  # two handles may be of one variable
            variable.assign(value)


def is_state_of_generator(variable: Any) -> bool:
    """Whether a variable is the state of a generator of random numbers."""
    return variable.name.startswith("seed_generator_state") and tuple(variable.shape) == (2,)


def fresh_seeds(seed: int, variables: Sequence[Any] = ()) -> list[Any]:
    """Make every random operation of the coming run repeatable.

    A layer that draws (Dropout, GaussianNoise) has a generator of its own, whose state is a variable. Keras starts
    it from Python's `random` unless the user gives a seed, so that it is another one in every process, and no global
    seed reaches it afterwards.

    Args:
        seed: of everything.
        variables: the Keras variables among which the states of generators are.

    Returns:
        The `tf.Variable`s that got a new value.
    """
    states = [tf_variable(variable) for variable in variables if is_state_of_generator(variable)]
    for number, state in enumerate(states):
        state.assign(tf.cast([(seed * 1_000_003 + number) % 2**31, 0], state.dtype))
    keras.utils.set_random_seed(seed)
    # Keras 3.12 and earlier keep the generator of operations without a seed of their own.
    set_global_attribute("global_seed_generator", None)
    return states


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let code of the user's draw the same in every process, and leave every random state as it was."""
    with restored((), lambda variable: False):
        fresh_seeds(seed)
        yield


# As Keras has it: while a run is recorded, the optimizers of the model do nothing.
_apply = keras.Optimizer.apply


def update(optimizer: Any, slopes: Sequence[Any], variables: Sequence[Any], unrestored: set[int] | None = None) -> None:
    """Let an optimizer update variables, also while those of the model are disarmed.

    Args:
        optimizer: is used here for the first time.
        slopes: of the variables.
        variables: to update.
        unrestored: gets the ids of the handles of what the optimizer keeps, before it is written to.
    """
    if unrestored is not None:
        optimizer.build(list(variables))  # `apply` would do so
        unrestored.update(tensor_id(tf_variable(variable).handle) for variable in optimizer.variables)
    _apply(optimizer, slopes, variables)


@contextlib.contextmanager
def optimizers_disarmed() -> Iterator[None]:
    """Let every Keras optimizer accept gradients and change nothing."""

    def ignore(self: Any, *args: Any, **kwargs: Any) -> None:
        return None

    with contextlib.ExitStack() as stack:
        for name in ("apply", "apply_gradients"):
            stack.enter_context(patched(definer(keras.Optimizer, name), name, ignore))
        yield


def name_counters() -> dict[str, int]:
    """Keras's own counters for automatic names; a Keras without them costs no more than shifted names."""
    return (global_attribute("object_name_uids") or {}) if is_found("get_global_attribute") else {}


@contextlib.contextmanager
def allocation_pending() -> Iterator[None]:
    """Forget the variables that a stateless scope has left without values: who leaves the next would allocate them."""
    pending = list(global_attribute("uninitialized_variables", []))
    try:
        yield
    finally:
        set_global_attribute("uninitialized_variables", pending)
