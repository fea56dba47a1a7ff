"""What `--isolate` costs: whole processes with and without it, taking turns.

python tests/hostile/overhead.py 10 fixtures/sequence_vector.keras fixtures/sequence_vector.npz
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from statistics import median


def run(arguments: list[str]) -> tuple[float, float]:
    """Seconds of one run: from start to end, and of computing."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "gradlint", *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), process.returncode
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def main() -> None:
    number, arguments = int(sys.argv[1]), sys.argv[2:]
    kinds = ("--no-isolate", "--isolate")
    taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for _ in range(number):
        for kind in kinds:
            taken[kind].append(run([*arguments, kind, "--no-cache"]))  # whose answers would come without a run
    for title, place in (("start to end", 0), ("computing", 1)):
        without, within = (median(times[place] for times in taken[kind]) for kind in kinds)
        least = [min(times[place] for times in taken[kind]) for kind in kinds]
        print(
            f"{title}: median {without:.2f} s, isolated {within:.2f} s ({within / without - 1:+.1%}); "
            f"least {least[0]:.2f} s, isolated {least[1]:.2f} s ({least[1] / least[0] - 1:+.1%})"
        )


if __name__ == "__main__":
    main()
