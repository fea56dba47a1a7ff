"""gradlint tells why a gradient does not arrive in a TensorFlow/Keras model, and which line stops it.

Names are imported on first use, so that `import gradlint` (which pytest does at every start-up,
through the plugin) costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradlint.checking import assert_gradients_flow, check
    from gradlint.checking.assertion import GradientsDoNotFlow
    from gradlint.errors import (
        GradlintError,
        ModelFileError,
        ModelRunError,
        SampleError,
        StoppedError,
        UnsafeModelError,
        UsageError,
    )
    from gradlint.finding import Cause, Finding, Severity
    from gradlint.result import GradientState, Result

__version__ = "0.1.0"

__all__ = [
    "Cause",
    "Finding",
    "GradientState",
    "GradientsDoNotFlow",
    "GradlintError",
    "ModelFileError",
    "ModelRunError",
    "Result",
    "SampleError",
    "Severity",
    "StoppedError",
    "UnsafeModelError",
    "UsageError",
    "__version__",
    "assert_gradients_flow",
    "check",
]

_HOME = {
    "Cause": "finding",
    "Finding": "finding",
    "GradientState": "result",
    "GradientsDoNotFlow": "checking.assertion",
    "GradlintError": "errors",
    "ModelFileError": "errors",
    "ModelRunError": "errors",
    "Result": "result",
    "SampleError": "errors",
    "Severity": "finding",
    "StoppedError": "errors",
    "UnsafeModelError": "errors",
    "UsageError": "errors",
    "assert_gradients_flow": "checking",
    "check": "checking",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return __all__
