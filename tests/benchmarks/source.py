"""Time of `gradlint` on a folder of source files, and of ruff on the same: `python -m tests.benchmarks.source`.

The files are made of gradlint's own modules and of the snippets of the tests, some 300 lines each, and written twice:
with tapes in a third of every file, and in one file of ten. CPU time is that of all processes together; on a machine
that does other things it drifts less than the time on the clock. No part of the tests.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LINES = 300
WITHOUT_TENSORFLOW = """
import sys
from gradlint.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
assert "tensorflow" not in sys.modules
"""


def pieces() -> tuple[list[str], list[str]]:
    """Snippets with tapes, and statements of modules without."""
    snippets = [
        "import numpy as np, tensorflow as tf, keras\n" + part.partition("\n")[2]
        for path in sorted((ROOT / "tests" / "source" / "snippets").glob("*.txt"))
        for part in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    ]
    statements = []
    for path in sorted((ROOT / "gradlint").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        statements += [part for node in ast.parse(text).body if (part := ast.get_source_segment(text, node))]
    taped = [each for each in snippets if "GradientTape" in each]
    # gradlint's own modules name tapes and optimizers in their texts; other code does not.
    return taped, [
        each for each in statements if not re.search(r"GradientTape|apply_gradients|minimize|__future__|call", each)
    ]


def write(folder: Path, files: int, every: int) -> int:
    """Write the files, one in `every` with tapes; gives the number of their lines."""
    chance = random.Random(0)
    taped, plain = pieces()
    lines = 0
    for number in range(files):
        parts, length = [], 0
        if number % every == 0:
            while length < LINES // 3:
                parts.append(chance.choice(taped))
                length += parts[-1].count("\n") + 1
        while length < LINES:
            parts.append(chance.choice(plain))
            length += parts[-1].count("\n") + 1
        (folder / f"m{number:04}.py").write_text("\n".join(parts) + "\n", encoding="utf-8")
        lines += length
    return lines


def timed(command: list[str]) -> str:
    """Run a command to its end; what it took, in words."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    broken = f"; it broke off: {done.stderr.strip().splitlines()[-1]}" if "Error" in done.stderr else ""
    return f"{wall:6.2f} s, {cpu:6.2f} s of CPU{broken}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    options = parser.parse_args()
    ruff = shutil.which("ruff", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    print(f"{len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    for every in (1, 10):
        with tempfile.TemporaryDirectory() as name:
            lines = write(Path(name), options.files, every)
            print(f"{options.files:,} files, {lines:,} lines, tapes in {'all' if every == 1 else f'one of {every}'}:")
            print("  gradlint", timed([sys.executable, "-c", WITHOUT_TENSORFLOW, name]))
            if ruff:
                print("  ruff    ", timed([ruff, "check", "--isolated", "--no-cache", name]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
