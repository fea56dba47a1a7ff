"""The open benchmark of truth: `python -m tests.benchmarks.truth` writes docs/benchmark.md.

Every case is run by gradlint, by plain TensorFlow and by what people use without gradlint. What has been run is kept in
`build/truth.jsonl`, so that an interrupted run goes on where it was: a row holds as long as neither the case nor
gradlint changes. `--check` is the short form: it runs a part of the cases by gradlint alone, and fails when a verdict
is another than the one on record.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import gradlint
from gradlint.project.sandbox import die_with_parent
from tests.benchmarks.truth import manifest, page
from tests.benchmarks.truth.cases import ROOT, all_cases
from tests.benchmarks.truth.numbers import verdict
from tests.benchmarks.truth.running import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.truth.cases import Case
    from tests.benchmarks.truth.scoring import Row

HERE = Path(__file__).parent
MANIFEST, VERDICTS = HERE / "manifest.jsonl", HERE / "verdicts.json"
ROWS = ROOT / "build" / "truth.jsonl"
PAGE = ROOT / "docs" / "benchmark.md"
PICTURE = ROOT / "docs" / "benchmark.svg"
SCORING = ("cases", "peers", "repairs", "running", "scoring", "sourcefixes", "symptoms")
PART = 8
"""The short form runs one case in so many."""


def gradlint_hash() -> str:
    """Of the source of gradlint, and of what scores it."""
    scoring = [*(HERE / f"{name}.py" for name in SCORING), ROOT / "tests" / "cases" / "judging.py"]
    files = sorted([*(ROOT / "gradlint").rglob("*.py"), *scoring])
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def recorded(file: Path) -> dict[tuple[str, str], Row]:
    """The rows on record that still hold, by the name and the hash of their case."""
    if not file.exists():
        return {}
    by = gradlint_hash()
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return {(row["case"], row["hash"]): row for row in rows if row.get("by") == by}


def completed(cases: Sequence[Case], file: Path, processes: int) -> list[Row]:
    """The rows of all cases, in their order; those on record are not run again."""
    by, known = gradlint_hash(), recorded(file)
    left = [case for case in cases if (case.name, case.hash) not in known]
    file.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with file.open("a", encoding="utf-8") as stream:
        for number, row in enumerate(_ran(left, processes), 1):
            row["by"] = by
            known[row["case"], row["hash"]] = row
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            still = (time.monotonic() - begun) / number * (len(left) - number)
            print(f"{number}/{len(left)}, {still / 60:.1f} min left: {row['case']}: {verdict(row)}", file=sys.stderr)
    return [known[case.name, case.hash] for case in cases]


def _ran(cases: Sequence[Case], processes: int, is_short: bool = False) -> Iterator[Row]:
    """Yields rows as they come; a case that takes its process down is one that finds nothing."""
    waiting = list(cases)
    alone: list[Case] = []
    while waiting or alone:
        batch, count = (waiting, processes) if waiting else ([alone.pop()], 1)
        waiting = []
        begins = {"initializer": die_with_parent, "initargs": (os.getpid(),)}  # else they wait for ever
        with ProcessPoolExecutor(count, mp_context=get_context("spawn"), **begins) as pool:
            futures = {pool.submit(run, case, is_short): case for case in batch}
            for future in as_completed(futures):
                case = futures[future]
                try:
                    yield future.result()
                except BrokenProcessPool:
                    if len(batch) > 1:
                        alone.append(case)
                    else:
                        yield {"case": case.name, "kind": case.kind, "hash": case.hash, "skipped": "its process ended"}


def machine() -> str:
    from importlib import metadata

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("tensorflow", "keras"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    python = platform.python_version()
    what = f"gradlint {gradlint.__version__} (source {gradlint_hash()})"
    return f"{what}, run on {date.today()} with Python {python}, {versions} on {cores} cores ({platform.machine()})."


def check(cases: Sequence[Case], processes: int, part: int) -> int:
    """Runs a part of the cases, and compares with what is on record."""
    record = json.loads(VERDICTS.read_text(encoding="utf-8"))
    chosen = [case for case in cases if case.name in record][::part]
    rows = list(_ran(chosen, processes, is_short=True))
    changed = [row for row in rows if "skipped" not in row and verdict(row) != record[row["case"]]]
    for row in changed:
        print(f"{row['case']}: {record[row['case']]} on record, {verdict(row)} now {row.get('note', '')}")
    print(f"{len(rows)} cases, {len(changed)} changed verdicts")
    return 1 if changed else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.truth", description=__doc__)
    parser.add_argument("words", nargs="*", help="only cases whose name has one of these; then nothing is written")
    parser.add_argument("--check", action="store_true", help="the short form, for continuous integration")
    parser.add_argument("--every", type=int, default=PART, help="with --check: one case in so many (%(default)s)")
    parser.add_argument("--recorded", action="store_true", help="run nothing; write the page of what is on record")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=Path, default=ROWS, help="where rows are kept (%(default)s)")
    options = parser.parse_args()
    cases = all_cases()
    if options.check:
        return check([case for case in cases if not case.name.startswith("aside/")], options.jobs, options.every)
    if options.words:
        cases = [case for case in cases if any(word in case.name for word in options.words)]
        print(json.dumps(completed(cases, options.rows, options.jobs), indent=1))
        return 0
    if options.recorded:
        known = recorded(options.rows)
        left = [case.name for case in cases if (case.name, case.hash) not in known]
        rows = [known[case.name, case.hash] for case in cases if (case.name, case.hash) in known]
    else:
        left, rows = [], completed(cases, options.rows, options.jobs)
    manifest.append(MANIFEST, rows, date.today().isoformat())
    record = {row["case"]: verdict(row) for row in rows if "skipped" not in row}
    VERDICTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    PICTURE.write_text(page.picture(rows) + "\n", encoding="utf-8")
    said = " ".join([machine(), *([f"Not run yet: {', '.join(left)}."] if left else [])])
    text = page.page(rows, manifest.first_runs(MANIFEST, rows), said, PICTURE.name)
    PAGE.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
