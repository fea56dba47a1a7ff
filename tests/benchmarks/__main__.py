"""Time and memory of whole processes, gradlint against the bare script: `python -m tests.benchmarks [NAME ...]`.

The two run in turn, and each ratio is the median over the pairs, so that a machine whose speed drifts changes
little. CPU time is user and system time together; memory is the largest resident size. A bar on time holds where both
the time on the clock and the CPU time hold it; on a machine that is busy with other things the clock tells of those
things, so that the line says how busy it was. `--write` writes docs/speed.md and its plots. No part of the tests.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import gradlint as package
from tests.benchmarks import broken, growth, moments
from tests.benchmarks.processes import ROOT, bare, cost, gradlint, in_turn, made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE, PICTURE = ROOT / "docs" / "speed.md", ROOT / "docs" / "speed.svg"


@dataclass(frozen=True)
class Bar:
    """gradlint with `options` on a model, and how many times the bare script's time and memory it may take."""

    title: str
    model: str
    options: tuple[str, ...]
    time: float
    memory: float | None
    is_cached: bool = False


BARS = {
    "resnet": Bar("ResNet50, two pictures of 224 pixels", "resnet", (), 1.2, 1.2),
    "transformer": Bar("BERT-base", "transformer", (), 1.2, 1.2),
    "towers": Bar("128 towers", "towers", (), 1.2, 1.2),
    "lstm": Bar("an LSTM over 500 steps", "lstm", (), 1.2, 1.2),
    "small": Bar("a small model", "small", (), 1.05, None),
    "structure": Bar("ResNet50 with `--depth structure`", "resnet", ("--depth", "structure"), 0.9, 0.8),
    "cached": Bar("ResNet50, answered from the cache", "resnet", (), 0.05, None, is_cached=True),
    "preflight": Bar("ResNet50 with an input that it forgets, told on paper", "unused", (), 0.05, None),
}
GIANTS = {"giant": ("20 billion parameters", 10, 1500), "giant100": ("100 billion parameters", 60, 2000)}
"""Title, seconds and megabytes of models on symbols, beside which nothing else can be run."""
BROKEN = 3.0
"""How many times its plain run a check of a broken model with all experiments may take."""


@dataclass(frozen=True)
class Line:
    """One figure with its bar."""

    what: str
    figure: str
    bar: str
    holds: bool

    def __str__(self) -> str:
        return f"{self.what:54} {self.figure}; at most {self.bar}   {'holds' if self.holds else 'MISSED'}"


def compared(bar: Bar, folder: Path, pairs: int) -> list[Line]:
    """Time and memory of gradlint over those of the bare script."""
    files = made(bar.model, folder)
    cache = ("--cache-dir", str(folder / "cache")) if bar.is_cached else ("--no-cache",)
    run = in_turn(gradlint(files, (*bar.options, *cache)), bare(files), folder, pairs)
    wall, cpu, memory = (run.ratio(what) for what in ("wall", "cpu", "memory"))
    seconds, megabytes = median(each.wall for each in run.mine), max(each.memory for each in run.mine)
    figure = f"{wall:.2f}x time, {cpu:.2f}x CPU, {memory:.2f}x memory ({seconds:.1f} s, {megabytes:.0f} MB)"
    allowed = f"{bar.time}x time" + (f", {bar.memory}x memory" if bar.memory else "")
    holds = max(wall, cpu) <= bar.time and (bar.memory is None or memory <= bar.memory)
    return [Line(bar.title, figure, allowed, holds)]


def on_symbols(name: str, folder: Path, pairs: int) -> list[Line]:
    """Seconds and megabytes of a model that is too large to have weights."""
    title, seconds, megabytes = GIANTS[name]
    command = gradlint((made(name, folder)[0],), ("--no-cache", "--depth", "structure"))
    costs = [cost(command, folder) for _ in range(pairs)]
    wall, cpu, most = median(c.wall for c in costs), median(c.cpu for c in costs), max(c.memory for c in costs)
    figure = f"{wall:.1f} s, {cpu:.1f} s of CPU, {most:.0f} MB"
    holds = max(wall, cpu) <= seconds and most <= megabytes
    return [Line(title, figure, f"{seconds} s, {megabytes:,} MB", holds)]


def of_broken(folder: Path, pairs: int) -> list[Line]:
    """Broken models over the bare script on them, and over gradlint on their repaired twins."""
    found = {}
    for name in broken.NAMES:
        found[name] = broken.measured(name, folder, pairs)
        plain, twin = found[name]
        print(f"  {name:34} {_each(plain.ratio)} of its plain run, {_each(twin.ratio)} of its twin", flush=True)
    lines = []
    for place, title in enumerate(("their plain run", "gradlint on their twins")):
        ratios = {name: max(pair[place].ratio("wall"), pair[place].ratio("cpu")) for name, pair in found.items()}
        worst = max(ratios, key=lambda name: ratios[name])
        figure = f"median {median(ratios.values()):.2f}x, worst {ratios[worst]:.2f}x ({worst})"
        what = f"{len(found)} broken models with all experiments, over {title}"
        lines.append(Line(what, figure, f"{BROKEN:g}x", ratios[worst] <= BROKEN))
    return lines


def _each(ratio: Callable[[str], float]) -> str:
    return f"{ratio('wall'):.2f}x time, {ratio('cpu'):.2f}x CPU"


def grown(growths: dict[str, growth.Growth], name: str, folder: Path, pairs: int) -> list[Line]:
    """How time per unit grows."""
    found = growths[name] = growth.measured(name, folder, pairs)
    what = f"{found.kind.title}: ms of CPU for each {found.kind.unit}"
    return [Line(what, f"{found}: {found.factor:.2f}x", f"{growth.MOST}x", found.factor < growth.MOST)]


def fitted(folder: Path, pairs: int) -> list[Line]:
    """What the callback adds to an epoch, as its own benchmark says."""
    command = [sys.executable, "-m", "tests.benchmarks.fitting", str(pairs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said = done.stdout.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
    figure, _, allowed = said[0].partition(" (at most ")
    return [Line("`GradientCheck` in `fit`", figure, allowed.partition(")")[0] or "1.02x", done.returncode == 0)]


def of_moments(name: str, pairs: int) -> list[Line]:
    """Milliseconds of CPU inside somebody else's process."""
    title, _, most = moments.KINDS[name]
    took = moments.measured(name, pairs)
    return [Line(title, f"{1000 * took:.1f} ms of CPU", f"{1000 * most:g} ms", took <= most)]


def machine(pairs: int) -> str:
    from importlib import metadata

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("tensorflow", "keras"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    what = f"gradlint {package.__version__} on {date.today()}, Python {platform.python_version()}, {versions}"
    return f"{what}, {cores} cores ({platform.machine()}), load {load} at the start, {pairs} pairs"


def page(lines: Sequence[Line], where: str) -> str:
    """The page of the documents."""
    rows = [f"| {line.what} | {line.figure} | {line.bar} | {'yes' if line.holds else '**no**'} |" for line in lines]
    return "\n".join(
        [
            "# Speed and memory",
            "",
            "Written by `python -m tests.benchmarks --write`; no number is made by hand. gradlint runs in turn with",
            "the script that does without it: import, load, one eager step. Ratios are medians over the pairs. A bar",
            "holds where the time on the clock, the CPU time and the memory all hold it.",
            "",
            f"{where}.",
            "",
            "| what | figure | at most | holds |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"![How the time for each unit grows]({PICTURE.name})",
        ]
    )


def main() -> int:
    growths: dict[str, growth.Growth] = {}
    runs: dict[str, Callable[[Path, int], list[Line]]] = {
        **{name: lambda folder, pairs, bar=bar: compared(bar, folder, pairs) for name, bar in BARS.items()},
        "broken": of_broken,
        **{name: lambda folder, pairs, name=name: grown(growths, name, folder, pairs) for name in growth.KINDS},
        **{name: lambda folder, pairs, name=name: on_symbols(name, folder, pairs) for name in GIANTS},
        **{name: lambda _, pairs, name=name: of_moments(name, pairs) for name in moments.KINDS},
        "fit": fitted,
    }
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*runs, []], help="all when left out")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keep the models here (default: a temporary folder)")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md and its plots; of all only")
    options = parser.parse_args()
    if options.write and options.names:
        parser.error("--write is for all of them")
    where, lines = machine(options.pairs), []
    print(where, flush=True)
    with tempfile.TemporaryDirectory(prefix="gradlint-benchmarks-") as temporary:
        folder = (options.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for name in options.names or runs:
            for line in runs[name](folder, options.pairs):
                print(line, flush=True)
                lines.append(line)
    if options.write:
        PAGE.write_text(page(lines, where) + "\n", encoding="utf-8")
        PICTURE.write_text(growth.picture(list(growths.values())) + "\n", encoding="utf-8")
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
