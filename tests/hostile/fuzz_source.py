"""Mutated source files: `python -m tests.hostile.fuzz_source FOLDER [--files 10000] [--seed 0]`.

Each file of the folder, Python or notebook, is broken in a few places (bytes, lines, brackets, indentation, names) and
checked. A mutant may be no Python, which is one line; what must not happen is an exception, or a rule that breaks off.
No part of the tests, which do the same with Hypothesis on their own snippets.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

from gradlint.checking.source import SUFFIXES, check_text

PIECES = (
    b"\0",
    b"\xff",
    b"(",
    b")",
    b"[",
    b"]",
    b"'''",
    b"\\\n",
    b"\t",
    b"    ",
    b"lambda: ",
    b"*",
    b"self.",
    b"yield ",
)
LINES = (
    b"with tf.GradientTape() as tape:",
    b"grads = tape.gradient(loss, model.trainable_variables)",
    b"opt.apply_gradients(zip(grads, model.trainable_variables))",
    b"loss = model.predict(x).numpy()",
    b"model, loss = loss, model",
    b"for tape in tape: loss += tape",
    b"tape.watch(*[tape])",
    b"del model",
    b"%magic",
)


def mutant(content: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """The content, broken in one to eight places."""
    lines = content.split(b"\n")
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(lines))
        line = lines[at]
        indent = line[: len(line) - len(line.lstrip())]
        match chance.randrange(9):
            case 0:
                del lines[at : at + chance.randint(1, 5)]
            case 1:
                lines.insert(chance.randrange(len(lines) + 1), line)
            case 2:
                lines[at] = indent + chance.choice(LINES)
            case 3:
                cut = chance.randrange(len(line) + 1)
                lines[at] = line[:cut] + chance.choice(PIECES) + line[cut:]
            case 4:
                other = chance.choice(others).split(b"\n")
                start = chance.randrange(len(other))
                lines[at:at] = other[start : start + chance.randint(1, 30)]
            case 5:
                lines[at] = b"    " + line if chance.random() < 0.5 else line.removeprefix(b"    ")
            case 6:
                words = line.split(b" ")
                chance.shuffle(words)
                lines[at] = b" ".join(words)
            case 7:
                swap = chance.randrange(len(lines))
                lines[at], lines[swap] = lines[swap], line
            case _:
                lines[at] = line.replace(chance.choice((b"=", b".", b",", b"model", b"tape")), b"tape", 1)
        lines = lines or [b""]
    return b"\n".join(lines)


def main() -> int:
    """Mutate and check; gives 1 when something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    files = sorted(path for path in options.folder.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file())
    contents = [path.read_bytes() for path in files]
    chance = random.Random(options.seed)
    seen: Counter[str] = Counter()
    slowest, start = (0.0, ""), time.monotonic()
    for number in range(options.files):
        index = chance.randrange(len(files))
        content = mutant(contents[index], contents, chance)
        began = time.monotonic()
        try:
            report = check_text(content, files[index].name)
        except Exception as error:
            print(f"{number}: {files[index]}: {type(error).__name__}: {error}")
            seen["exceptions"] += 1
            continue
        slowest = max(slowest, (time.monotonic() - began, str(files[index])))
        seen["no Python" if report.broken else "checked"] += 1
        seen["findings"] += len(report.findings)
        for crash in report.crashed:
            print(f"{number}: {files[index]}: {crash.code}: {crash.reason}")
            seen["exceptions"] += 1
        if any("\n" in line for line in report.broken):
            print(f"{number}: {files[index]}: more than one line: {report.broken}")
            seen["exceptions"] += 1
    print(f"{options.files:,} mutants of {len(files):,} files in {time.monotonic() - start:.0f} s: {dict(seen)}")
    print(f"slowest: {slowest[0]:.2f} s, {slowest[1]}")
    return 1 if seen["exceptions"] else 0


if __name__ == "__main__":
    sys.exit(main())
