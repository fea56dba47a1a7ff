"""Modules that lie beside a model, under the names of everything that a check imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from files import MARKER, MODEL, keras_file, sample

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOAD = f"open(__file__.rpartition('/')[0] + '/{MARKER}', 'a').write(__name__ + ' ')\n"
LIST = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
CHECK = f"""
import sys
from gradlint.cli import main
status = main(["{MODEL}", "s.npz", "--no-cache", "--no-isolate", "--format", "html", "--output", "report.html"])
assert status == 0, status
{LIST}
"""
SCRIPT = "import re, sys\nfrom gradlint.cli import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
TARGETS = f'[targets.a]\nmodel = "{MODEL}"\nsample = "s.npz"\n[targets.b]\nmodel = "{MODEL}"\nsample = "s.npz"\n'
ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every module at the top that is imported by the time a check has ended."""
    folder = tmp_path_factory.mktemp("clean")
    keras_file(folder)
    sample(folder)
    ran = subprocess.run([sys.executable, "-c", CHECK], cwd=folder, env=environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[-1].split()


@pytest.fixture(scope="module")
def by_python(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What `python -m` itself imports before any module that it is asked for has a word."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "says.py").write_text(LIST)
    ran = subprocess.run([sys.executable, "-m", "says"], cwd=folder, env=environment(), capture_output=True, text=True)
    return set(ran.stdout.split())


@pytest.fixture
def shadowed(tmp_path: Path, imported: list[str], by_python: set[str]) -> Path:
    """A folder with a model, and a live payload under each name that a check imports."""
    folder = tmp_path / "of a stranger"
    folder.mkdir()
    keras_file(folder)
    sample(folder)
    for name in imported:
        if name not in sys.builtin_module_names and name not in ("gradlint", "__main__", "zipimport"):
            (folder / f"{name}.py").write_text(PAYLOAD)
    assert {"h5py.py", "networkx.py", "tensorflow.py", "json.py", "argparse.py", "jinja2.py"} <= set(os.listdir(folder))
    return folder


def script(folder: Path) -> list[str]:
    """The installed command, as pip writes it."""
    bin = folder.parent / "bin"
    bin.mkdir(exist_ok=True)
    (bin / "gradlint").write_text(SCRIPT)
    return [sys.executable, str(bin / "gradlint")]


def as_module(folder: Path) -> list[str]:
    return [sys.executable, "-m", "gradlint"]


def write_innocent(folder: Path) -> None:
    (folder / "innocent.py").write_text("import helping\n")
    (folder / "helping.py").write_text("print('helped')\n")


@pytest.mark.parametrize(
    ("command", "options", "toml"),
    [
        pytest.param(script, [MODEL, "s.npz", "--no-isolate"], "", id="command"),
        pytest.param(script, [MODEL, "s.npz", "--isolate"], 'mode = "training"\n', id="command-isolated-configured"),
        pytest.param(script, ["--no-isolate"], TARGETS, id="command-targets", marks=pytest.mark.exhaustive),
        pytest.param(as_module, [MODEL, "s.npz", "--no-isolate"], 'mode = "training"\n', id="module-configured"),
        pytest.param(as_module, [MODEL, "s.npz", "--isolate"], "", id="module-isolated", marks=pytest.mark.exhaustive),
    ],
)
def test_nothing_beside_a_model_is_imported(
    shadowed: Path, by_python: set[str], command: Callable[[Path], list[str]], options: list[str], toml: str
) -> None:
    if toml:
        (shadowed / "gradlint.toml").write_text(toml)
    if command is as_module:
        for name in by_python:  # Python's own start; nothing of gradlint runs before it
            (shadowed / f"{name}.py").unlink(missing_ok=True)
    ran = subprocess.run(
        [*command(shadowed), *options, "--no-cache"], cwd=shadowed, env=environment(), capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not (shadowed / MARKER).exists(), (shadowed / MARKER).read_text()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(".", id="dot"),
        pytest.param("", id="nothing", marks=pytest.mark.exhaustive),
        pytest.param(None, id="the folder", marks=pytest.mark.exhaustive),
    ],
)
def test_the_path_of_the_environment_is_no_way_in(shadowed: Path, given: str | None) -> None:
    """`PYTHONPATH=.`, or `PYTHONPATH=$PYTHONPATH:/a/folder` where there was none, which many have."""
    command = f"import re\n{LIST}"  # Python's own start, and the first line of the command, come before gradlint
    ran = subprocess.run([sys.executable, "-c", command], env=environment(), capture_output=True, text=True)
    for name in ran.stdout.split():
        (shadowed / f"{name}.py").unlink(missing_ok=True)
    path = os.pathsep.join([str(shadowed) if given is None else given, str(ROOT)])
    ran = subprocess.run(
        [*script(shadowed), MODEL, "s.npz", "--no-cache", "--isolate"],
        cwd=shadowed, env=environment(PYTHONPATH=path), capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not (shadowed / MARKER).exists(), (shadowed / MARKER).read_text()


@pytest.mark.parametrize("isolate", ["--isolate", pytest.param("--no-isolate", marks=pytest.mark.exhaustive)])
def test_a_module_that_is_named_is_found_and_shadows_nothing(shadowed: Path, isolate: str) -> None:
    write_innocent(shadowed)
    ran = subprocess.run(
        [*script(shadowed), MODEL, "s.npz", isolate, "--no-cache", "--debug", "--format=html", "--import=innocent"],
        cwd=shadowed, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "helped" in ran.stderr
    assert not (shadowed / MARKER).exists(), (shadowed / MARKER).read_text()


@pytest.mark.parametrize("isolate", [pytest.param("--isolate", marks=pytest.mark.exhaustive), "--no-isolate"])
def test_a_configuration_from_elsewhere_names_nothing_that_lies_here(shadowed: Path, isolate: str) -> None:
    """`--config` from the target branch names `innocent`; the request brings one, and everything else, of its own."""
    trusted = shadowed.parent / "trusted"
    trusted.mkdir()
    write_innocent(trusted)
    (trusted / "gradlint.toml").write_text('imports = ["innocent"]\n')
    for name in ("innocent", "helping"):
        (shadowed / f"{name}.py").write_text(PAYLOAD)
    ran = subprocess.run(
        [*script(shadowed), MODEL, "s.npz", "--no-cache", isolate, "--config", "../trusted/gradlint.toml", "--debug"],
        cwd=shadowed, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "helped" in ran.stderr
    assert not (shadowed / MARKER).exists(), (shadowed / MARKER).read_text()


def test_the_payload_is_live(shadowed: Path) -> None:
    subprocess.run([sys.executable, "-c", "import h5py"], cwd=shadowed, env=environment(), check=True)
    assert (shadowed / MARKER).read_text() == "h5py "
