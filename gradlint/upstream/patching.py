"""Other behaviour for a library's function, for the duration of a `with` block and in one thread."""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import TYPE_CHECKING, Any, ParamSpec

from gradlint.upstream.names import missing, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gradlint.upstream.names import Feature

_P = ParamSpec("_P")


@contextlib.contextmanager
def patched(owner: object, name: str, value: object) -> Iterator[None]:
    """Set an attribute for the duration of a `with` block; other threads keep calling the original function."""
    # Read through __dict__ where there is one: getattr would bind a function or unwrap a staticmethod.
    original = vars(owner).get(name, None) if hasattr(owner, "__dict__") else None
    if original is None:
        original = getattr(owner, name)
    setattr(owner, name, in_this_thread(value, original) if callable(value) else value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def replaced(name: str, value: object) -> contextlib.AbstractContextManager[None]:
    """As `patched`, for a name of the table.

    Raises:
        UnknownVersionError: the installed libraries do not have it.
    """
    place = place_of(name)
    return patched(place.owner, place.attribute, value)


def optional(
    feature: Feature,
) -> Callable[
    [Callable[_P, contextlib.AbstractContextManager[None]]], Callable[_P, contextlib.AbstractContextManager[None]]
]:
    """Let a context manager do nothing where the installed libraries lack a name that the feature needs."""

    def decorate(
        manager: Callable[_P, contextlib.AbstractContextManager[None]],
    ) -> Callable[_P, contextlib.AbstractContextManager[None]]:
        @functools.wraps(manager)
        def entered(*args: _P.args, **kwargs: _P.kwargs) -> contextlib.AbstractContextManager[None]:
            return contextlib.nullcontext() if missing(feature) else manager(*args, **kwargs)

        return entered

    return decorate


@contextlib.contextmanager
def added(owner: object, name: str, value: object) -> Iterator[None]:
    """Give an object an attribute that it does not have, for the duration of a `with` block."""
    assert not hasattr(owner, name), name
    setattr(owner, name, value)
    try:
        yield
    finally:
        delattr(owner, name)


def in_this_thread(function: Callable[..., Any], original: Any) -> Callable[..., Any]:
    """A function that only the current thread gets to call: a model may be training in another one."""
    thread = threading.get_ident()

    def dispatch(*args: Any, **kwargs: Any) -> Any:
        return (function if threading.get_ident() == thread else original)(*args, **kwargs)

    return dispatch


def definer(cls: type, name: str) -> Any:
    """The class that defines an attribute of a public one; None when nobody does. Where it lies differs by release."""
    return next((each for each in cls.__mro__ if name in vars(each)), None)
