"""Time and memory of whole processes, gradlint against the bare script: `python -m tests.benchmarks [NAME ...]`.

The two run in turn, and each ratio is the median over the pairs, so that a machine whose speed drifts changes
little. CPU time is user and system time together; memory is the largest resident size. No part of the tests.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Bar:
    """gradlint with `options` on a model, and how many times the bare script's time and memory it may take."""

    model: str
    options: tuple[str, ...]
    time: float
    memory: float | None
    is_cached: bool = False


BARS = {
    "resnet": Bar("resnet", (), 1.5, 1.75),
    "transformer": Bar("transformer", (), 1.5, 1.75),
    "towers": Bar("towers", (), 1.5, 1.5),
    "lstm": Bar("lstm", (), 2.0, 2.0),
    "structure": Bar("resnet", ("--depth", "structure"), 0.9, 0.8),
    "cached": Bar("resnet", (), 0.1, None, is_cached=True),
    "preflight": Bar("unused", (), 0.1, None),
}
CHAINS = (100, 300, 1000)
GIANT_SECONDS, GIANT_MEGABYTES = 10, 1500
LINEAR = 1.5
"""How many times the time per layer may grow over the chains."""


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds, seconds of CPU, megabytes."""

    wall: float
    cpu: float
    memory: float


def cost(command: list[str], folder: Path) -> Cost:
    """Run a command to its end."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}  # there, a check is isolated
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(ROOT)}
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


def gradlint(files: tuple[str, str], options: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "gradlint", *files, *options]


def measured(bar: Bar, folder: Path, pairs: int) -> tuple[list[Cost], list[Cost]]:
    """Costs of gradlint and of the bare script, run in turn."""
    files = made(bar.model, folder)
    cache = ("--cache-dir", str(folder / "cache")) if bar.is_cached else ("--no-cache",)
    mine = gradlint(files, (*bar.options, *cache))
    bare = [sys.executable, str(HERE / "bare.py"), *files]
    for command in (mine, bare):  # once, for the file system's sake, and to fill the cache
        cost(command, folder)
    found = [(cost(mine, folder), cost(bare, folder)) for _ in range(pairs)]
    return [pair[0] for pair in found], [pair[1] for pair in found]


def ratio(mine: list[Cost], bare: list[Cost], what: str) -> float:
    return median(getattr(m, what) / getattr(b, what) for m, b in zip(mine, bare, strict=True))


def say(name: str, words: str, holds: bool) -> None:
    print(f"{name:22} {words}   {'holds' if holds else 'MISSED'}", flush=True)


def compare(name: str, bar: Bar, folder: Path, pairs: int) -> bool:
    mine, bare = measured(bar, folder, pairs)
    wall, cpu, memory = (ratio(mine, bare, what) for what in ("wall", "cpu", "memory"))
    seconds, megabytes = median(m.wall for m in mine), max(m.memory for m in mine)
    holds = wall <= bar.time and (bar.memory is None or memory <= bar.memory)
    allowed = f"at most {bar.time}x" + (f" time, {bar.memory}x memory" if bar.memory else " time")
    words = f"{wall:5.2f}x time {cpu:5.2f}x CPU {memory:5.2f}x memory ({seconds:.1f} s, {megabytes:.0f} MB; {allowed})"
    say(name, words, holds)
    return holds


def chains(folder: Path, pairs: int) -> bool:
    """Time per layer, beyond that of a chain of one layer."""
    every = (1, *CHAINS)
    commands = {depth: gradlint(made(f"chain{depth}", folder), ("--no-cache",)) for depth in every}
    rounds = [{depth: cost(command, folder).cpu for depth, command in commands.items()} for _ in range(pairs)]
    each = {depth: median((run[depth] - run[1]) / depth for run in rounds) for depth in CHAINS}
    growth = each[CHAINS[-1]] / each[CHAINS[0]]
    words = ", ".join(f"{depth}: {1000 * seconds:.1f} ms CPU a layer" for depth, seconds in each.items())
    say("chains", f"{words}; {growth:.2f}x from end to end (at most {LINEAR}x)", growth <= LINEAR)
    return growth <= LINEAR


def giant(folder: Path, pairs: int) -> bool:
    """A model of 20 billion parameters: seconds and megabytes, as nothing else could be run beside it."""
    command = gradlint((made("giant", folder)[0],), ("--no-cache", "--depth", "structure"))
    costs = [cost(command, folder) for _ in range(pairs)]
    wall, cpu = median(c.wall for c in costs), median(c.cpu for c in costs)
    megabytes = max(c.memory for c in costs)
    holds = wall <= GIANT_SECONDS and megabytes <= GIANT_MEGABYTES
    words = f"{wall:.1f} s, {cpu:.1f} s CPU, {megabytes:.0f} MB"
    say("giant", f"{words} (at most {GIANT_SECONDS} s, {GIANT_MEGABYTES} MB)", holds)
    return holds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BARS, *OTHERS, []], help="all when left out")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the models here (default: a temporary folder)")
    options = parser.parse_args()
    names = options.names or [*BARS, *OTHERS]
    with tempfile.TemporaryDirectory(prefix="gradlint-benchmarks-") as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        held = [
            OTHERS[name](folder, options.pairs) if name in OTHERS else compare(name, BARS[name], folder, options.pairs)
            for name in names
        ]
    return 0 if all(held) else 1


OTHERS = {"chains": chains, "giant": giant}

if __name__ == "__main__":
    sys.exit(main())
