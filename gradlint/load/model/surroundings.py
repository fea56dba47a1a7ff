"""What Keras's loader finds around it, and what is as before when it is done."""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
from typing import TYPE_CHECKING

from gradlint.errors import UsageError
from gradlint.load.temporary import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gradlint.load.spec import ModelSpec


@contextlib.contextmanager
def same_globals() -> Iterator[None]:
    """Gives back Keras's counters for automatic names and Python's random state.

    Rebuilding layers advances both: unseeded initializers draw their seeds from Python's `random`, so that
    without this a check would change the weights of the next model the user builds.
    """
    from gradlint.upstream.restoring import name_counters

    state, before = random.getstate(), dict(name_counters())
    try:
        yield
    finally:
        random.setstate(state)
        counters = name_counters()
        counters.clear()  # in place: Keras keeps the object
        counters.update(before)


@contextlib.contextmanager
def offering(objects: Mapping[str, object]) -> Iterator[None]:
    """Lets Keras find objects by name; a scope would hide those of a scope that the caller is in."""
    import keras

    known = keras.saving.get_custom_objects()
    before = dict(known)
    known.update(objects)
    try:
        yield
    finally:
        for name in objects:
            known.pop(name, None)
        known.update({name: before[name] for name in objects if name in before})


@contextlib.contextmanager
def folder_for_assets() -> Iterator[None]:
    """Has Keras unpack assets where they are removed: it leaves its own folder behind when a member is odd."""
    before = tempfile.tempdir
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(UsageError):  # only a model with assets needs one, and Keras says so then
            tempfile.tempdir = stack.enter_context(temporary_folder())
        try:
            yield
        finally:
            tempfile.tempdir = before


@contextlib.contextmanager
def room_to_nest(spec: ModelSpec) -> Iterator[None]:
    """Lets Keras, which follows the layers of a functional model by recursion, load chains of any length."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, min(before + 4 * len(spec.layers), _DEEPEST)))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


_DEEPEST = 20_000
"""Nested Python calls that the 8 MB of stack of a usual process have room for, also in Python 3.10."""
