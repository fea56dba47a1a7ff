"""Reports whose writing is cut off: the old file is left, whole, or the new one, whole."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import MODEL, keras_file, npy, npz, sample

from gradlint.report import FORMATS

posix = pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX")
SIZE = 20_000_000
WRITER = """
import sys
from pathlib import Path
from gradlint import cli
print("ready", flush=True)
while True:
    for letter in "ab":
        cli.output.write_whole(Path("report"), letter * {size})
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gradlint", MODEL, "s.npz", "--depth", "preflight", *arguments]


def findings(folder: Path, number: int) -> None:
    """A pair of files with that many findings."""
    npz(folder, {f"key{n}.npy": npy((3, 4), data=bytes(48)) for n in range(number)})


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["int", "term", "kill"])
@pytest.mark.parametrize("wait", [0.005, 0.02, 0.05, 0.08])
def test_a_writer_that_is_ended(tmp_path: Path, number: int, wait: float) -> None:
    report = tmp_path / "report"
    report.write_text("old")
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER.format(size=SIZE)], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    time.sleep(wait)
    process.send_signal(number)
    process.communicate(timeout=300)
    assert process.returncode != 0
    text = report.read_text()
    assert text == "old" or (len(text) == SIZE and len(set(text)) == 1)
    if number == signal.SIGINT:
        assert os.listdir(tmp_path) == ["report"]


@posix
@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("old", ["old", None])
def test_a_disk_that_is_full(tmp_path: Path, form: str, old: str | None) -> None:
    """The limit on a file's size stands in for the disk: writing fails in the middle, with another number."""
    findings(tmp_path, 200)
    report = tmp_path / "report"
    if old is not None:
        report.write_text(old)
    code = (
        "import resource, signal, sys; from gradlint import cli; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); sys.exit(cli.main(sys.argv[1:]))"
    )
    arguments = [*command("--format", form, "--no-cache", "--output", "report")[3:]]
    ran = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr == f"gradlint: cannot write report: {os.strerror(errno.EFBIG)}\n"
    assert (report.read_text() if report.exists() else None) == old
    assert not list(tmp_path.glob(".report*"))


@posix
@pytest.mark.skipif(shutil.which("head") is None, reason="needs head")
@pytest.mark.parametrize("form", list(FORMATS))
def test_a_reader_that_has_seen_enough(tmp_path: Path, form: str) -> None:
    findings(tmp_path, 2_000)
    process = subprocess.Popen(
        command("--format", form, "--no-cache"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    subprocess.run(["head", "-n", "1"], stdin=process.stdout, stdout=subprocess.DEVNULL, check=True)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=300) == 1


def test_a_report_that_takes_too_long_to_write(tmp_path: Path) -> None:
    """Its making is inside the time limit, and what is there already stays."""
    keras_file(tmp_path)
    sample(tmp_path)
    (tmp_path / "out.json").write_text("old")
    code = (
        "import sys, threading, time; from gradlint import cli; from gradlint.report import FORMATS\n"
        "def render(*_):  # the time is up, however long it took to come here\n"
        "    (timer,) = (each for each in threading.enumerate() if isinstance(each, threading.Timer))\n"
        "    threading.Thread(target=timer.function).start()\n"
        "    time.sleep(600)\n"
        "FORMATS['json'] = render\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    arguments = [*command("--no-cache", "--no-isolate", "--timeout", "500", "--output", "out.json")[3:]]
    ran = subprocess.run([sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 2
    assert "was ended while writing the report; raise --timeout" in ran.stderr
    assert (tmp_path / "out.json").read_text() == "old"


def test_the_disk_would_hold_the_report(tmp_path: Path) -> None:
    """What fails above, fails for want of room."""
    findings(tmp_path, 200)
    keras_file(tmp_path)
    ran = subprocess.run(command("--output", "report", "--no-cache"), cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1
    assert (tmp_path / "report").stat().st_size > 4096
