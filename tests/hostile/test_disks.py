"""Disks that cannot be written, and disks that are full: real ones, mounted where only the run sees them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import keras_file, npy, npz

ROOT = Path(__file__).resolve().parents[2]
MOUNTS = {
    "read-only": "mount -t tmpfs none disk && cp old.json disk/report.html && mount -o remount,ro disk",
    "full": "mount -t tmpfs -o size=64k none disk && cp old.json disk/report.html && "
    "(dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null; true)",
}
REASONS = {"read-only": "Read-only file system", "full": "No space left on device"}


def in_namespace(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return in_namespace("mount -t tmpfs none /mnt", Path("/")).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="users may not mount here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model with an error, and more findings than a full disk would hold."""
    keras_file(tmp_path)
    npz(tmp_path, {f"key{number}.npy": npy((3, 4), data=bytes(48)) for number in range(200)})
    (tmp_path / "old.json").write_text("old")
    (tmp_path / "disk").mkdir()
    return tmp_path


def run(folder: Path, kind: str, *arguments: str, after: str = "true", **more: str) -> tuple[int, str, str]:
    command = f"{sys.executable} -m gradlint m.keras s.npz --depth preflight {' '.join(arguments)}"
    ran = in_namespace(f"{MOUNTS[kind]}; {command}; status=$?; {after}; exit $status", folder, **more)
    assert "Traceback" not in ran.stderr
    assert "internal error" not in ran.stderr
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("isolate", ["--isolate", "--no-isolate"])
@pytest.mark.parametrize("kind", MOUNTS)
def test_a_report_on_it(kind: str, isolate: str, folder: Path) -> None:
    after = "ls -A disk | sed s/^filler$//; cat disk/report.html"
    said = f"gradlint: cannot write disk/report.html: {REASONS[kind]}\n"
    arguments = ("--no-cache", isolate, "--output", "disk/report.html", "--format", "html")
    status, out, err = run(folder, kind, *arguments, after=after)
    assert (status, err) == (2, said)
    assert out.split() == ["report.html", "old"]


@pytest.mark.parametrize("kind", MOUNTS)
def test_a_cache_on_it(kind: str, folder: Path) -> None:
    """Nothing is kept, and nothing is said: the answer is the same."""
    status, out, err = run(folder, kind, "--no-isolate", XDG_CACHE_HOME=str(folder / "disk"))
    assert (status, err) == (1, "")
    assert "GL401" in out


@pytest.mark.parametrize("isolate", ["--isolate", "--no-isolate"])
@pytest.mark.parametrize("kind", MOUNTS)
def test_temporary_files_on_it(kind: str, isolate: str, folder: Path) -> None:
    """They go elsewhere; `test_environment.py` has the case that there is no other place."""
    status, out, err = run(folder, kind, "--no-cache", isolate, TMPDIR=str(folder / "disk"))
    assert (status, err) == (1, "")
    assert "GL401" in out
