"""What whole processes take: gradlint and the script that does without it, in turn."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Cost:
    """What one process took, with the children that it waited for: seconds, seconds of CPU, megabytes."""

    wall: float
    cpu: float
    memory: float


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Run a command to its end."""
    # In CI a check is isolated; and what pip has installed is compiled, as TensorFlow is here in any case.
    unwanted = ("CI", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    before = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - before
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    per_megabyte = 2**20 if sys.platform == "darwin" else 2**10
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / per_megabyte)


def made(name: str, folder: Path) -> tuple[str, str]:
    """A model and its sample, written once."""
    files = folder / f"{name}.keras", folder / f"{name}.npz"
    if not files[1].exists():  # it is written last
        cost([sys.executable, "-m", "tests.benchmarks.models", str(folder), name], ROOT)
    return str(files[0]), str(files[1])


def gradlint(files: Sequence[str], options: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "gradlint", *files, *options]


def bare(files: Sequence[str]) -> list[str]:
    return [sys.executable, str(HERE / "bare.py"), *files]


@dataclass(frozen=True)
class Pairs:
    """Costs of two commands that were run in turn."""

    mine: tuple[Cost, ...]
    theirs: tuple[Cost, ...]

    def ratio(self, what: str) -> float:
        """The median of the ratios: a machine whose speed drifts changes little."""
        return median(getattr(m, what) / getattr(t, what) for m, t in zip(self.mine, self.theirs, strict=True))


def in_turn(mine: Sequence[str], theirs: Sequence[str], folder: Path, pairs: int) -> Pairs:
    """Run two commands in turn, after once each for the file system's sake."""
    for command in (mine, theirs):
        cost(command, folder)
    found = [(cost(mine, folder), cost(theirs, folder)) for _ in range(pairs)]
    return Pairs(tuple(pair[0] for pair in found), tuple(pair[1] for pair in found))
