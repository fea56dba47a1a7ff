"""Target networks: variables that are copies of others that learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradlint.result import GradientState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlint.flow import Flow
    from gradlint.record.recording import VariableRecord


def are_copies(flow: Flow, variables: Sequence[VariableRecord]) -> bool:
    """Whether each of several variables has the shape and the values of another one that learns.

    Target and momentum networks start as copies of the online network and are meant to stay behind the
    stop_gradient. Two towers of one architecture are initialised independently and differ.
    """
    if not any(len(variable.shape) >= 2 for variable in variables):
        return False
    alive = [
        v
        for v in flow.learners
        if v.gradient.state in (GradientState.FINITE, GradientState.ZERO, GradientState.PRESENT)
    ]
    return all(any(_is_copy(variable, other) for other in alive) for variable in variables)


def _is_copy(variable: VariableRecord, other: VariableRecord) -> bool:
    mine, theirs = variable.values, other.values
    if variable.shape != other.shape:
        return False
    if other.gradient.state is GradientState.PRESENT:
        return True  # Without values nobody can tell.
    if mine is None or theirs is None:
        return False
    spread = max(theirs.maximum - theirs.minimum, 1e-12)
    return all(
        abs(a - b) <= 1e-3 * spread
        for a, b in (
            (mine.minimum, theirs.minimum),
            (mine.maximum, theirs.maximum),
            (mine.mean, theirs.mean),
        )
    )
