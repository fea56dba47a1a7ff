"""How the time of a check grows with its model: `python -m tests.benchmarks.growth FOLDER KIND ROUNDS` prints it.

All sizes are checked in one process, in turn: what is started once is not measured, and a machine whose speed drifts
changes all sizes alike.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.processes import ROOT, made

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 1.3
"""How many times the time per unit may grow from the smallest size to any larger one."""


@dataclass(frozen=True)
class Kind:
    """What grows: the names of the models are the kind's with the number of units.

    Attributes:
        base: units of the model whose time is taken off.
    """

    title: str
    unit: str
    sizes: tuple[int, ...]
    base: int = 1


KINDS = {
    "chain": Kind("a chain of dense layers", "layer", (100, 1000, 3000)),
    "inputs": Kind("inputs, with a tower each", "input", (10, 100, 1000)),
    # Over a single step an LSTM has a finding, and what experiments take is no time of steps.
    "steps": Kind("an LSTM over a sequence", "step", (50, 500, 5000), base=2),
}


@dataclass(frozen=True)
class Growth:
    """Seconds of CPU for each unit by number of units, beyond the smallest model."""

    kind: Kind
    seconds: dict[int, float]

    @property
    def factor(self) -> float:
        """How many times the smallest size's time per unit the most expensive larger one takes."""
        first, *later = (self.seconds[size] for size in self.kind.sizes)
        return max(later) / first

    def __str__(self) -> str:
        return ", ".join(f"{size:,}: {1000 * self.seconds[size]:.2f}" for size in self.kind.sizes)


def measured(name: str, folder: Path, rounds: int) -> Growth:
    """The growth of one kind, from a process of its own."""
    kind = KINDS[name]
    for size in (kind.base, *kind.sizes):
        made(f"{name}{size}", folder)
    command = [sys.executable, "-m", "tests.benchmarks.growth", str(folder), name, str(rounds)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    found = [{int(size): seconds for size, seconds in each.items()} for each in json.loads(said)]
    return Growth(
        kind,
        {size: median((each[size] - each[kind.base]) / (size - kind.base) for each in found) for size in kind.sizes},
    )


def _checked(folder: Path, name: str, rounds: int) -> list[dict[int, float]]:
    import gradlint

    def seconds(size: int) -> float:
        files = folder / f"{name}{size}.keras", folder / f"{name}{size}.npz"
        before = time.process_time()
        gradlint.check(*files)
        return time.process_time() - before

    sizes = (KINDS[name].base, *KINDS[name].sizes)
    for size in sizes[:2]:
        seconds(size)  # what is made once
    return [{size: seconds(size) for size in sizes} for _ in range(rounds)]


_WIDTH, _HEIGHT, _LEFT, _TOP = 210, 150, 60, 40


def picture(growths: Sequence[Growth]) -> str:
    """Time per unit over the number of units, a panel for each kind, as SVG; the dashed line is what is allowed."""
    width, height = len(growths) * (_WIDTH + _LEFT + 30), _TOP + _HEIGHT + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        "<title>Time of a check for each unit of its model</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for number, growth in enumerate(growths):
        parts += _panel(growth, number * (_WIDTH + _LEFT + 30) + _LEFT)
    return "\n".join([*parts, "</svg>"])


def _panel(growth: Growth, left: int) -> list[str]:
    sizes, unit = growth.kind.sizes, growth.kind.unit
    allowed = MOST * growth.seconds[sizes[0]]
    top = 1.2 * max(allowed, *growth.seconds.values())
    low, span = math.log(sizes[0]), math.log(sizes[-1] / sizes[0])

    def x(size: int) -> str:
        return f"{left + 15 + (_WIDTH - 30) * (math.log(size) - low) / span:.1f}"

    def y(seconds: float) -> str:
        return f"{_TOP + _HEIGHT * (1 - seconds / top):.1f}"

    bottom = _TOP + _HEIGHT
    points = " ".join(f"{x(size)},{y(growth.seconds[size])}" for size in sizes)
    parts = [
        f'<text x="{left}" y="{_TOP - 20}" font-size="13">{escape(growth.kind.title)}</text>',
        f'<text x="{left}" y="{_TOP - 5}" fill="#555">ms of CPU for each {escape(unit)}</text>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + _WIDTH}" y2="{bottom}" stroke="#999"/>',
        f'<line x1="{left}" y1="{y(allowed)}" x2="{left + _WIDTH}" y2="{y(allowed)}" stroke="#b00" '
        'stroke-dasharray="5 4"/>',
        f'<polyline points="{points}" fill="none" stroke="#1a6b8f" stroke-width="2"/>',
    ]
    for size in sizes:
        seconds = growth.seconds[size]
        parts += [
            f'<circle cx="{x(size)}" cy="{y(seconds)}" r="4" fill="#1a6b8f"/>',
            f'<text x="{x(size)}" y="{float(y(seconds)) + 18:.1f}" text-anchor="middle">{1000 * seconds:.2f}</text>',
            f'<text x="{x(size)}" y="{bottom + 18}" text-anchor="middle" fill="#555">{size:,}</text>',
        ]
    return parts


if __name__ == "__main__":
    sys.setrecursionlimit(50_000)  # Keras loads long chains by recursion
    print(json.dumps(_checked(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
