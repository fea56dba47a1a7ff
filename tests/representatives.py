"""Which of many examples of one promise are among the tests that run by default; the others are exhaustive."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from _pytest.mark import ParameterSet

T = TypeVar("T")


def representatives(examples: Iterable[T], kind: Callable[[T], Hashable], most: int = 1) -> list[ParameterSet]:
    """Parameters of a test: all examples, of which those that run by default are the first of each kind.

    Args:
        examples: what a test is to be run with, one after the other.
        kind: what examples that are alike have in common.
        most: how many of each kind run by default.
    """
    seen: Counter[Hashable] = Counter()
    parameters = []
    for example in examples:
        seen[kind(example)] += 1
        marks = pytest.mark.exhaustive if seen[kind(example)] > most else ()
        parameters.append(pytest.param(example, marks=marks))
    return parameters
