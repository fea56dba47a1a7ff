"""Signals at forty moments of a run, drawn by chance: the run ends as the signal says, and nothing of it is left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alive import eventually

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import keras_file, sample

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="looks for processes in /proc"),
]
ROOT = Path(__file__).resolve().parents[2]
# The installed command; the line that it prints marks the end of Python's own start, in which Python answers signals.
SCRIPT = """
import sys
import gradlint
print("begins", flush=True)
from gradlint.cli import main
if __name__ == "__main__":
    sys.exit(main())
"""
TARGETS = "".join(f'[targets.{name}]\nmodel = "m.keras"\nsample = "s.npz"\n' for name in "abc")
RUNS = {
    "on paper": (10, ["m.keras", "s.npz", "--depth", "preflight", "--no-isolate"]),
    "on paper, isolated": (14, ["m.keras", "s.npz", "--depth", "preflight", "--isolate"]),
    "isolated": (8, ["m.keras", "s.npz", "--isolate"]),
    "several": (8, ["--no-cache", "--jobs", "2"]),
}
"""How many moments of which runs."""
FIRST, LAST = 0.02, 4.0
"""Seconds after the beginning; short ones are as likely as long ones, since much happens early and computers differ."""
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def processes_of(mark: str) -> list[int]:
    """Processes with this text in their command line, but for those that have ended."""
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if mark.encode() in Path("/proc", name, "cmdline").read_bytes():
                found.append(int(name))
        except OSError:
            continue
    return found


def test_there_are_forty() -> None:
    assert sum(number for number, _ in RUNS.values()) == 40


@pytest.mark.parametrize("kind", RUNS)
def test_a_signal_at_any_moment(kind: str, tmp_path: Path) -> None:
    number, arguments = RUNS[kind]
    chance = random.Random(kind)
    keras_file(tmp_path)
    sample(tmp_path)
    (tmp_path / "gradlint").write_text(SCRIPT)
    (tmp_path / "gradlint.toml").write_text(TARGETS)
    report, temporary = tmp_path / "report.json", tmp_path / "temporary"
    temporary.mkdir()
    mark = str(tmp_path / "mark")  # children have the path of imports in their command line
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), mark]), "TMPDIR": str(temporary)}
    ended = set()
    for _ in range(number):
        stop, wait = chance.choice(STOPS), FIRST * (LAST / FIRST) ** chance.random()
        report.write_text("old")
        before = sorted(os.listdir(tmp_path))
        process = subprocess.Popen(
            [sys.executable, "gradlint", *arguments, "--output", "report.json"],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.send_signal(stop)
        out, err = process.communicate(timeout=300)
        said = f"{stop.name} after {wait:.2f} s: {process.returncode}\n{out}{err}"
        assert process.returncode in {0, -stop, *([130] if stop == signal.SIGINT else [])}, said
        assert (out, "Traceback" in err) == ("", False), said
        text = report.read_text()
        assert text == "old" or json.loads(text), said
        assert (sorted(os.listdir(tmp_path)), os.listdir(temporary)) == (before, []), said
        # What the system ends with its parent may take a moment.
        assert eventually(lambda: not processes_of(mark)), said
        ended.add(process.returncode)
    assert ended - {0}


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells children of Linux alone")
def test_a_child_whose_parent_has_ended_before_it_could_look() -> None:
    code = "import os, sys; from gradlint.project.sandbox import die_with_parent as die; die({}); sys.exit(7)"
    for parent, status in (("os.getppid()", 7), ("os.getpid()", 1)):
        assert subprocess.run([sys.executable, "-c", code.format(parent)], cwd=ROOT).returncode == status
