"""Looks, signs and words of the states of a gradient, for pictures and pages."""

from __future__ import annotations

from gradlint.result import GradientState

CLASS = {
    GradientState.FINITE: "finite",
    GradientState.PRESENT: "finite",
    GradientState.ZERO: "zero",
    GradientState.ABSENT: "absent",
    GradientState.NONFINITE: "nonfinite",
    GradientState.NOT_APPLICABLE: "na",
    GradientState.UNKNOWN: "unknown",
}
"""CSS classes of the states."""
GLYPH = {
    GradientState.FINITE: "●",
    GradientState.PRESENT: "●",
    GradientState.ZERO: "○",
    GradientState.ABSENT: "✕",
    GradientState.NONFINITE: "!",
    GradientState.NOT_APPLICABLE: "-",
    GradientState.UNKNOWN: "?",
}
"""A sign for each state, as not everyone can tell the colours apart."""
WORD = {
    GradientState.FINITE: "arrives",
    GradientState.PRESENT: "arrives",
    GradientState.ZERO: "exactly zero",
    GradientState.ABSENT: "no gradient",
    GradientState.NONFINITE: "NaN or infinite",
    GradientState.NOT_APPLICABLE: "none by nature",
    GradientState.UNKNOWN: "not known",
}
"""What a state means to who reads the page."""
COUNTED = {
    GradientState.FINITE: "get a gradient",
    GradientState.PRESENT: "get a gradient",
    GradientState.ZERO: "get one of exactly zero",
    GradientState.ABSENT: "get no gradient",
    GradientState.NONFINITE: "get NaN or infinity",
    GradientState.NOT_APPLICABLE: "get none by nature",
    GradientState.UNKNOWN: "not known",
}
"""The same after a number of variables."""
