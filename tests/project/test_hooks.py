"""The hooks for pre-commit: that of source needs no more than it installs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from steps_in_source import BAD

ROOT = Path(__file__).parents[2]
HOOKS = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
OFFLINE = ("No matching distribution found", "Could not find a version", "ConnectionError", "Could not resolve")
PROGRAM = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | {allowed!r} and not top.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from gradlint.cli import main
for arguments in {runs!r}:
    print(arguments, main(arguments))
"""


def installed() -> set[str]:
    """What the hook for source installs, besides gradlint."""
    words = re.search(r"additional_dependencies: \[--no-deps, (.*)\]", HOOKS)
    assert words is not None
    return set(re.findall(r"['\"]([a-z]+)>=", words[1]))


def alone(folder: Path, *runs: list[str]) -> list[tuple[list[str], int]]:
    """The exit statuses of command lines where nothing else is installed; and what they say."""
    program = PROGRAM.format(allowed={"gradlint", *installed()}, runs=runs)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True, timeout=300
    )
    return [eval(line.replace("] ", "], ")) for line in done.stdout.splitlines() if line.startswith("[")]


def test_source_needs_no_more_than_the_hook_installs(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(BAD)
    (tmp_path / "gradlint.toml").write_text('exclude = ["x"]\n[per-file-ignores]\n"x" = ["GL601"]\n')
    forms = ["table", "concise", "json", "sarif", "github", "markdown", "junit"]
    runs = [["bad.py", "--force-exclude", "--format", form] for form in forms]
    more = [["bad.py", "--write-baseline"], ["bad.py", "--baseline", "gradlint-baseline.json"], ["--explain", "GL601"]]
    found = alone(tmp_path, *runs, *more, ["model.keras"])
    assert found == [*((run, 1) for run in runs), *((run, 0) for run in more), (["model.keras"], 2)]


@pytest.mark.skipif(shutil.which("pre-commit") is None or shutil.which("git") is None, reason="needs pre-commit")
def test_a_run_of_pre_commit(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PYTHON"))}
    environment["PRE_COMMIT_HOME"] = str(tmp_path / "home")

    def run(folder: Path, *command: str) -> tuple[int, str]:
        done = subprocess.run(
            command, cwd=folder, env=environment, text=True, timeout=300, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout

    clone, project = tmp_path / "clone", tmp_path / "project"
    project.mkdir()
    for name in ("gradlint", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        clone.mkdir(exist_ok=True)
        copy(ROOT / name, clone / name)
    for folder in (clone, project):
        run(folder, "git", "init", "-q", ".")
        run(folder, "git", "add", "-A")
    identity = ("-c", "user.email=a@example.com", "-c", "user.name=A")
    run(clone, "git", *identity, "commit", "-qm", "all")
    revision = run(clone, "git", "rev-parse", "HEAD")[1].strip()
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {clone}\n  rev: {revision}\n  hooks:\n  - id: gradlint-source\n"
    )
    (project / "bad.py").write_text(BAD)
    run(project, "git", "add", "-A")
    status, said = run(project, "pre-commit", "run")
    if any(reason in said for reason in OFFLINE):
        pytest.skip("what builds gradlint cannot be fetched")
    assert status == 1, said
    assert "cause:    bad.py:5" in said
    (site,) = (tmp_path / "home").glob("*/py_env*/lib*/python*/site-packages")
    here = {path.name for path in site.iterdir()}
    assert "gradlint" in here
    assert not here & {"tensorflow", "keras", "numpy", "networkx", "h5py"}
