"""What takes a moment in another's process: `python -m tests.benchmarks.moments NAME` prints its CPU seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import entry_points
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable


def cell() -> float:
    """The form of a result of 1,000 layers in a notebook, its libraries imported before."""
    sys.path.insert(0, str(ROOT / "tests" / "report"))
    sys.path.insert(0, str(ROOT / "tests"))
    from layer_graphs import chain, result_of, towers

    import gradlint.report  # noqa: F401 - gives results their forms

    result_of(towers())._repr_html_()
    result = result_of(chain(1000, skips=7))
    begin = time.process_time()
    result._repr_html_()
    return time.process_time() - begin


def plugin() -> float:
    """The plugin, as pytest loads it at its start in every project; pytest itself imported before."""
    import pytest  # noqa: F401

    (entry,) = (entry for entry in entry_points(group="pytest11") if entry.name == "gradlint")
    begin = time.process_time()
    entry.load()
    return time.process_time() - begin


KINDS: dict[str, tuple[str, Callable[[], float], float]] = {
    "cell": ("a result of 1,000 layers in a notebook", cell, 1.0),
    "plugin": ("start of the pytest plugin", plugin, 0.005),
}
"""Title, what is timed, and how many seconds of CPU it may take."""


def measured(name: str, times: int) -> float:
    """The median of some processes, after one that writes what Python compiles."""
    command = [sys.executable, "-m", "tests.benchmarks.moments", name]
    runs = [
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(times + 1)
    ]
    return median(float(said) for said in runs[1:])


if __name__ == "__main__":
    print(KINDS[sys.argv[1]][1]())
