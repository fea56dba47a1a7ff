"""gradlint tells why a gradient does not arrive in a TensorFlow/Keras model, and which line stops it.

Names are imported on first use, so that `import gradlint` (which pytest does at every start-up,
through the plugin) costs next to nothing.
"""

import sys

from gradlint.version import __version__


def _begin_as_a_program() -> None:
    """Keep the program `gradlint` from importing what lies in the folder that it is started in, and quiet at Ctrl-C.

    `python -m` looks there before it looks where Python itself is, and so it does with `PYTHONPATH=.`. The folder comes
    back once a module of the user's is named (`load.search`).
    """
    import os  # Python's own start has imported it; nothing else may be imported here

    # While `python -m` looks for its module, this is all that the first argument says.
    by_name = sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)].startswith(("gradlint", "-mgradlint"))
    if not by_name and os.path.splitext(os.path.basename((sys.argv or [""])[0]))[0] != "gradlint":
        return  # somebody's own program, and path
    # NumPy's threads for matrices wait for work by turning in circles, for a tenth of a second unless told.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    # Built in; until the command line is at work, Ctrl-C ends the program without a traceback.
    import _signal  # type: ignore[import-not-found]

    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    here = os.path.realpath(os.getcwd())
    given = "" if sys.flags.ignore_environment else os.environ.get("PYTHONPATH", "")
    first = (given.count(os.pathsep) + 1 if given else 0) + 1
    kept = [entry for entry in sys.path[:first] if os.path.realpath(entry) != here]
    sys.path[:first] = kept


try:  # noqa: SIM105 (contextlib would be a first import)
    _begin_as_a_program()
except (OSError, AttributeError, ValueError):  # a current folder that is gone; an interpreter that is embedded
    pass

TYPE_CHECKING = False  # as linters take it; `typing` would be a first import
if TYPE_CHECKING:
    from gradlint.callback import GradientCheck
    from gradlint.checking import assert_gradients_flow, assert_step_flows, check
    from gradlint.checking.assertion import GradientsDoNotFlow
    from gradlint.checking.comparing import compare
    from gradlint.checking.source import check_source
    from gradlint.checking.step import check_step, watch
    from gradlint.comparison import Comparison, Difference
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

__all__ = [
    "Cause",
    "Comparison",
    "Difference",
    "Finding",
    "GradientCheck",
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
    "assert_step_flows",
    "check",
    "check_source",
    "check_step",
    "compare",
    "watch",
]

_HOME = {
    "Cause": "finding",
    "Comparison": "comparison",
    "Difference": "comparison",
    "Finding": "finding",
    "GradientCheck": "callback",
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
    "assert_step_flows": "checking",
    "check": "checking",
    "check_source": "checking.source",
    "check_step": "checking.step",
    "compare": "checking.comparing",
    "watch": "checking.step",
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
