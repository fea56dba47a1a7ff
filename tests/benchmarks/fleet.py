"""The fleet: all of `keras.applications` without weights, and small backbones of KerasHub, checked as one project.

    python -m tests.benchmarks.fleet [--jobs 2] [--only WORDS] [gradlint's own options]

Prints the summary of the run, its seconds, its seconds of CPU, the most memory that all its processes had together at
one time (proportional set size: what they share counts once), and the load of the machine.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.benchmarks.fleet_models import APPLICATIONS, BACKBONES

HERE = Path(__file__).parent
SECONDS, MEGABYTES = 600, 4096
_EACH = 0.5  # to read it costs some milliseconds for each process


def children_of(process: int) -> list[int]:
    """A process and all that it has started."""
    found = [process]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def megabytes(process: int) -> float:
    """Memory of a process and its children now."""
    total = 0
    for each in children_of(process):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:  # it has ended
            continue
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fleet", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="only models whose name has one of these")
    options, more = parser.parse_known_args()
    names = [n for n in (*APPLICATIONS, *BACKBONES) if not options.only or any(word in n for word in options.only)]
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    with tempfile.TemporaryDirectory(prefix="gradlint-fleet-") as folder:
        models = HERE / "fleet_models.py"
        targets = "".join(f'[targets.{name}]\nmodel = "{models}:{name}"\n' for name in names)
        Path(folder, "gradlint.toml").write_text(targets, encoding="utf-8")
        command = [sys.executable, "-m", "gradlint", "--no-cache", "--fail-on", "never", "--jobs", str(options.jobs)]
        command += ["--output", "report.txt", *more]
        before, load = time.perf_counter(), os.getloadavg()[0]
        process = subprocess.Popen(command, cwd=folder, env=environment)
        most = 0.0

        def watch() -> None:
            nonlocal most
            while process.poll() is None:
                most = max(most, megabytes(process.pid))
                time.sleep(_EACH)

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        watcher.join()
        wall, times = time.perf_counter() - before, os.times()
        cpu = times.children_user + times.children_system
    holds = wall <= SECONDS and most <= MEGABYTES and status == 0
    print(f"{len(names)} models, exit status {status}: {wall:.0f} s (at most {SECONDS}), {cpu:.0f} s of CPU, ", end="")
    print(f"{most:.0f} MB (at most {MEGABYTES}); load {load:.1f} before and {os.getloadavg()[0]:.1f} after, ", end="")
    print(f"{os.cpu_count()} cores   {'holds' if holds else 'MISSED'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
