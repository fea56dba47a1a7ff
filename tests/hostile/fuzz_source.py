"""Mutated source files: `python -m tests.hostile.fuzz_source FOLDER [--files 10000] [--seed 0]`.

Each file of the folder, Python or notebook, is changed in a few places and checked. Half of the mutants are broken
(bytes, lines, brackets, indentation); the others mostly stay Python: a statement goes, two swap, a name becomes
another, a block stands twice. A mutant may be no Python, which is one line; what must not happen is an exception, a
rule that breaks off, or a file that Python reads and that is given up. No part of the tests, which do the same with
Hypothesis on their own snippets.
"""

from __future__ import annotations

import argparse
import ast
import io
import random
import re
import sys
import time
import tokenize
import warnings
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


_NAME = re.compile(rb"\b[A-Za-z_]\w*\b")


def mild_mutant(content: bytes, chance: random.Random) -> bytes:
    """The content, changed in one to four places so that most of what comes out is still Python."""
    lines = content.split(b"\n")
    names = sorted({name for name in _NAME.findall(content) if len(name) < 30})
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(lines))
        block = lines[at : _end_of_block(lines, at)]
        match chance.randrange(5):
            case 0:
                del lines[at]
            case 1:
                after = at + len(block)
                other = lines[after : _end_of_block(lines, after)] if after < len(lines) else []
                if other and _indent(other[0]) == _indent(block[0]):
                    lines[at : after + len(other)] = [*other, *block]
            case 2 if names:
                old, new = chance.choice(names), chance.choice(names)
                where = range(len(lines)) if chance.random() < 0.5 else [at]
                for index in where:
                    lines[index] = re.sub(rb"\b" + old + rb"\b", new, lines[index])
            case 3:
                lines[at:at] = block
            case _:
                target = chance.randrange(len(lines))
                while target and _indent(lines[target]) != _indent(block[0]):
                    target -= 1
                lines[target:target] = block
        lines = lines or [b""]
    return b"\n".join(lines)


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip())


def _end_of_block(lines: list[bytes], at: int) -> int:
    """The line after a statement and all that is indented under it."""
    end = at + 1
    while end < len(lines) and lines[end].strip() and _indent(lines[end]) > _indent(lines[at]):
        end += 1
    return end


def is_python(content: bytes) -> bool:
    """Whether Python reads it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(content.decode(tokenize.detect_encoding(io.BytesIO(content).readline)[0]))
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError):
        return False
    return True


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
        mild = chance.random() < 0.5
        content = mild_mutant(contents[index], chance) if mild else mutant(contents[index], contents, chance)
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
        if report.broken and files[index].suffix == ".py" and is_python(content):
            print(f"{number}: {files[index]}: given up although Python reads it: {report.broken}")
            seen["exceptions"] += 1
        if any("\n" in line for line in report.broken):
            print(f"{number}: {files[index]}: more than one line: {report.broken}")
            seen["exceptions"] += 1
    print(f"{options.files:,} mutants of {len(files):,} files in {time.monotonic() - start:.0f} s: {dict(seen)}")
    print(f"slowest: {slowest[0]:.2f} s, {slowest[1]}")
    return 1 if seen["exceptions"] else 0


if __name__ == "__main__":
    sys.exit(main())
