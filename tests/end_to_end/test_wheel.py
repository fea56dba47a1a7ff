"""The wheel: it can be built, holds what it should, and works where it is installed."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from running import FIXTURES, ROOT

import gradlint

OFFLINE = ("No matching distribution found for hatchling", "Could not find a version", "ConnectionError")


def run(*command: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)


def built(folder: Path) -> Path:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    done = run(*pip, "wheel", "--no-deps", *isolation, "--wheel-dir", folder, ROOT)
    if done.returncode != 0 and any(reason in done.stdout + done.stderr for reason in OFFLINE):
        pytest.skip("hatchling, which builds the wheel, is not installed and cannot be fetched")
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with the wheel, which borrows our TensorFlow."""
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", folder, check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    site = Path(paths["purelib"])
    # After the environment's own packages, and without the .pth files of ours: those of an editable gradlint. Ours may
    # borrow itself.
    ours = {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    (site / "borrowed.pth").write_text("\n".join(sorted(ours)))
    target = ("--python", folder, "install", "--no-deps", "--no-index", "--ignore-installed")
    run(sys.executable, "-m", "pip", *target, wheel, check=True)
    return programs


def test_two_builds_have_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    assert built(tmp_path).read_bytes() == wheel.read_bytes()


def test_content(wheel: Path) -> None:
    assert wheel.name == f"keras_gradlint-{gradlint.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        about = f"keras_gradlint-{gradlint.__version__}.dist-info"
        entry_points = archive.read(f"{about}/entry_points.txt").decode()
        metadata = archive.read(f"{about}/METADATA").decode()
    assert {name.split("/")[0] for name in names} == {"gradlint", about}
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "gradlint").rglob("*.py")}
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "gradlint/report/page").iterdir()}
    assert len(pages) == 9
    assert modules | pages | {"gradlint/py.typed"} <= names
    assert any(name.startswith(about) and name.endswith("LICENSE") for name in names)
    assert "gradlint = gradlint.cli:main" in entry_points
    assert "[pytest11]" in entry_points
    assert "Name: keras-gradlint" in metadata
    assert "Requires-Python: <3.15,>=3.10" in metadata


def test_installed_it_works(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def there(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return run(installed / program, *arguments, cwd=tmp_path, env=environment)

    home = there("python", "-c", "import gradlint; print(gradlint.__file__)")
    assert Path(home.stdout.strip()).is_relative_to(installed.parent)
    version = there("gradlint", "--version")
    assert version.stdout.startswith(f"gradlint {gradlint.__version__}\n")
    assert there("gradlint", "--help").stdout.startswith("usage: gradlint MODEL [SAMPLE]")
    assert there("gradlint", "--explain", "GL103").stdout.startswith("# GL103 nondifferentiable-op")
    files = (FIXTURES / "two_towers.keras", FIXTURES / "two_towers.npz", "--import", FIXTURES / "layers.py")
    checked = there("gradlint", *files)
    assert (checked.returncode, checked.stderr) == (1, "")
    assert "GL103" in checked.stdout
