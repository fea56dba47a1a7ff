"""Runs every hostile file through the command line, each in a process of its own, and prints what came of it.

    python tests/hostile/run_all.py [--isolate] [--jobs N] [NAME ...]

Not collected by pytest: TensorFlow starts once for each file whose answer needs it. Exits with 1 when a file got
another answer than it must, left its marker, or took too much time or memory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import CASES, MARKER, Case

ROOT = Path(__file__).resolve().parents[2]
MEMORY, SECONDS = 1.5e9, 15.0


@dataclass(frozen=True)
class Ran:
    """What one command left behind.

    Attributes:
        memory: bytes, at most, of the process or a child of it.
        seconds: from start to end.
        processor: seconds of computing, children included.
        crowd: how many processes there were for each core; on a machine that is busy, things take longer.
    """

    case: Case
    status: int
    out: str
    err: str
    marker: bool
    memory: int
    seconds: float
    processor: float
    crowd: float

    def faults(self) -> list[str]:
        """What is not as it must be."""
        said = self.err if self.case.status == 2 else self.out
        kind = "GL" if self.case.status == 1 else "gradlint: "
        found = {
            f"exit status {self.status}": self.status != self.case.status,
            "other words": not re.search(self.case.words, said),
            "traceback": "Traceback" in self.err + self.out or "internal error" in self.err,
            "no message": self.case.status != 0 and kind not in said,
            "marker": self.marker,
            "control codes": any(not c.isprintable() and c != "\n" for c in self.err + self.out),
            "memory": self.memory > MEMORY,
            "time": self.seconds > SECONDS * self.crowd,
        }
        return [name for name, is_fault in found.items() if is_fault]


# A process starts with the peak memory of the one that started it, and pytest's own may be large: a small process
# stands between the two.
LAUNCHER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, usage = os.wait4(process.pid, 0)
with open(".usage", "w") as stream:
    json.dump({"maxrss": usage.ru_maxrss, "processor": usage.ru_utime + usage.ru_stime}, stream)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(case: Case, *options: str) -> Ran:
    """One case as a user would run it: in its folder, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = Path(name)
        arguments = case.make(folder)
        environment = {key: value for key, value in os.environ.items() if key != "CI"}
        environment["PYTHONPATH"] = str(ROOT)
        start = time.perf_counter()
        with (folder / ".out").open("wb") as out, (folder / ".err").open("wb") as err:
            command = [sys.executable, "-m", "gradlint", *arguments, *options]
            launched = subprocess.run(
                [sys.executable, "-S", "-c", LAUNCHER, *command],
                cwd=folder, env=environment, stdout=out, stderr=err, check=False,
            )  # fmt: skip
        usage = json.loads((folder / ".usage").read_text("utf-8"))
        return Ran(
            case,
            launched.returncode,
            (folder / ".out").read_text("utf-8", "replace"),
            (folder / ".err").read_text("utf-8", "replace"),
            (folder / MARKER).exists(),
            usage["maxrss"] * (1 if sys.platform == "darwin" else 1024),
            time.perf_counter() - start,
            usage["processor"],
            max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)),
        )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--isolate", action="store_true")
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    cases = [case for case in CASES if not given.names or case.name in given.names]
    options = ["--isolate"] if given.isolate else []
    failed, most, longest, busiest = 0, 0, 0.0, 0.0
    print(f"{'file':48} exit     MB      s    cpu  said")
    with ThreadPoolExecutor(given.jobs) as pool:
        for ran in pool.map(lambda case: run(case, *options), cases):
            faults = ran.faults()
            failed += bool(faults)
            most, longest, busiest = max(most, ran.memory), max(longest, ran.seconds), max(busiest, ran.processor)
            words = (ran.err if ran.case.status == 2 else ran.out).strip().splitlines()
            said = (
                ran.case.words if ran.case.status == 1 else words[0].removeprefix("gradlint: ")[:100] if words else ""
            )
            blame = f"  <-- {', '.join(faults)}" if faults else ""
            numbers = f"{ran.status:4} {ran.memory / 1e6:6.0f} {ran.seconds:6.1f} {ran.processor:6.1f}"
            print(f"{ran.case.name[:48]:48} {numbers}  {said}{blame}", flush=True)
    print(f"\n{len(cases)} files, {failed} with faults")
    print(f"at most {most / 1e6:.0f} MB, {longest:.1f} s, {busiest:.1f} s of computing")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
