"""`python -m gradlint.catalogue --new`, in a copy of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gradlint import rules

ROOT = Path(rules.__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("not in a checkout")
    shutil.copytree(ROOT / "gradlint", tmp_path / "gradlint", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("tests/rules", "tests/end_to_end"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("pyproject.toml", "tests/conftest.py", "tests/flows.py", "tests/rules/test_catalogue.py"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_a_new_rule_is_complete_registered_and_to_be_written(copy: Path) -> None:
    made = python(copy, "gradlint.catalogue", "--new", "GL299", "lopsided-scale")
    assert made.returncode == 0, made.stderr
    module = "gl299_lopsided_scale"
    files = [Path(line).relative_to(copy) for line in made.stdout.splitlines()]
    assert len({file.name for file in files}) == len(files)  # pytest takes two files of one name for one
    assert [file.as_posix() for file in files] == [
        f"gradlint/rules/{module}.py",
        f"tests/rules/test_{module}.py",
        f"tests/end_to_end/test_real_{module}.py",
        "gradlint/rules/__init__.py",
    ]
    assert "lopsided-scale" in python(copy, "gradlint", "--explain", "GL299").stdout
    known = python(copy, "pytest", "-q", "tests/rules/test_catalogue.py", "-k", "not pages_in_docs")
    assert known.returncode == 0, known.stdout
    own = python(copy, "pytest", "-q", f"tests/rules/test_{module}.py")
    assert "5 failed, 2 passed" in own.stdout, own.stdout
    lint = shutil.which("ruff")
    if lint is not None:
        text = f"gradlint/rules/{module}.py tests/rules/test_{module}.py tests/end_to_end/test_real_{module}.py".split()
        checked = subprocess.run([lint, "check", *text], cwd=copy, capture_output=True, text=True)
        assert checked.returncode == 0 or "F401" in checked.stdout, checked.stdout


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("GL101", "lopsided-scale", "GL101 disconnected-input has this code"),
        ("GL299", "dead-relu", "GL202 dead-relu has this name"),
        ("GL20", "lopsided-scale", "'GL20' is no code of a rule"),
        ("GL299", "Lopsided", "'Lopsided' is no name of a rule"),
    ],
)
def test_what_is_taken_or_makes_no_sense_is_refused(copy: Path, code: str, name: str, message: str) -> None:
    before = (copy / "gradlint/rules/__init__.py").read_text()
    made = python(copy, "gradlint.catalogue", "--new", code, name)
    assert made.returncode == 2
    assert message in made.stderr
    assert (copy / "gradlint/rules/__init__.py").read_text() == before
