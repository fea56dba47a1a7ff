"""The command line, pytest and a hook of pre-commit give the same findings on the same models."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tensorflow  # noqa: F401  # pytester gives inner runs the modules of the outer one
from running import FIXTURES, ROOT

import gradlint
import gradlint.project.pytest_items
from gradlint.report.table import render
from gradlint.report.text import Style

if TYPE_CHECKING:
    from collections.abc import Callable

    from running import Ran

    from gradlint import Result

pytest_plugins = ["pytester"]

TARGETS = [
    ("two_towers", "two_towers", "layers.py"),
    ("concat_dense", "concat_dense", "systems.py"),
    ("concat_dense_careless", "concat_dense", "systems.py"),
    ("concat_dense_kept_careless", "concat_dense", "systems.py"),
    ("custom_loss", "custom_loss", "systems.py"),
    ("custom_loss", "custom_loss_broadcast", "systems.py"),
    ("custom_loss_careless", "custom_loss", "systems.py"),
    ("sequence_vector", "sequence_vector", "systems.py"),
    ("sequence_vector_careless", "sequence_vector", "systems.py"),
]
PRE_COMMIT = shutil.which("pre-commit", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def name_of(model: str, sample: str) -> str:
    return model if model.startswith(sample) else f"{model}.{sample}"


def configuration(targets: list[tuple[str, str, str]]) -> str:
    lines = ["[tool.gradlint]", 'fail-on = "warning"']
    for model, sample, imports in targets:
        lines += [
            f'[tool.gradlint.targets."{name_of(model, sample)}"]',
            f'model = "models/{model}.keras"',
            f'sample = "models/{sample}.npz"',
            f'imports = ["{imports}"]',
        ]
    return "\n".join(lines) + "\n"


def fill(project: Path) -> None:
    (project / "models").mkdir()
    for file in FIXTURES.iterdir():
        if file.suffix in (".keras", ".npz"):
            shutil.copy(file, project / "models")
    for name in ("layers.py", "systems.py"):
        shutil.copy(FIXTURES / name, project)
    (project / "pyproject.toml").write_text(configuration(TARGETS))


def checked(model: str, sample: str, imports: str) -> Result:
    return gradlint.check(f"models/{model}.keras", f"models/{sample}.npz", imports=[imports], fail_on="warning")


def test_every_fixture_is_a_target() -> None:
    files = {file.stem for file in FIXTURES.iterdir() if file.suffix in (".keras", ".npz")}
    assert files == {name for model, sample, _ in TARGETS for name in (model, sample)}


def test_command_line_and_pytest(
    pytester: pytest.Pytester, shell: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    fill(pytester.path)
    monkeypatch.chdir(pytester.path)
    in_python = {name_of(model, sample): checked(model, sample, imports) for model, sample, imports in TARGETS}
    assert sum(bool(result.findings) for result in in_python.values()) == 5

    for name, result in in_python.items():
        ran = shell(name, "--format", "json", folder=pytester.path)
        report = json.loads(ran.out)
        assert report["findings"] == json.loads(result.to_json())["findings"]
        assert ran.status == (not result.ok)

    run = pytester.inline_run("--gradlint", "pyproject.toml", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    reports = {report.nodeid.partition("::")[2]: report for report in run.getreports("pytest_runtest_logreport")}
    calls = {
        report.nodeid.partition("::")[2]: report
        for report in run.getreports("pytest_runtest_logreport")
        if report.when == "call"
    }
    assert calls.keys() == reports.keys() == in_python.keys()
    for name, result in in_python.items():
        assert calls[name].passed is result.ok
        if not result.ok:
            assert calls[name].longreprtext.endswith(f"\n\n{render(result, Style(in_python=True))}")


@pytest.mark.skipif(PRE_COMMIT is None or shutil.which("git") is None, reason="needs git and pre-commit")
def test_pre_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit with broken models is refused with their reports; one that concerns a sound model passes."""
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(tmp_path),
        "PRE_COMMIT_HOME": str(tmp_path / "cache"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PRE_COMMIT_COLOR": "never",
    }

    def run(*command: str, folder: Path = project) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, env=environment, text=True, encoding="utf-8", check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def repository(folder: Path) -> None:
        run("git", "init", "-q", folder=folder)
        run("git", "config", "user.email", "a@example.com", folder=folder)
        run("git", "config", "user.name", "A", folder=folder)
        run("git", "add", "-A", folder=folder)

    hooks.mkdir()
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", hooks)
    repository(hooks)
    run("git", "commit", "-q", "-m", "hooks", folder=hooks)
    revision = run("git", "rev-parse", "HEAD", folder=hooks).stdout.strip()

    project.mkdir()
    fill(project)
    (project / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {hooks}\n  rev: {revision}\n  hooks:\n  - id: gradlint-system\n"
        "    entry: gradlint --jobs 2 --changed\n"
    )
    repository(project)
    assert run(str(PRE_COMMIT), "install").returncode == 0

    refused = run("git", "commit", "-m", "broken models")
    assert refused.returncode == 1, refused.stdout
    assert run("git", "log").returncode != 0  # there is no commit
    assert "hook id: gradlint-system" in refused.stdout
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for model, sample, imports in TARGETS:
        result = checked(model, sample, imports)
        assert (render(result, Style(width=100)) in refused.stdout) is bool(result.findings), name_of(model, sample)
    assert re.search(r"No finding in \d source files", refused.stdout)  # they are read as well
    assert "10 targets: 5 with findings, 5 without findings" in refused.stdout

    sound = [target for target in TARGETS if target[0] == "concat_dense"]
    (project / "pyproject.toml").write_text(configuration(sound))
    run("git", "add", "-A")
    passed = run("git", "commit", "-m", "sound models")
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout

    (project / "notes.npz").write_bytes(b"")
    run("git", "add", "-A")
    unconcerned = run(str(PRE_COMMIT), "run", "--verbose")
    assert unconcerned.returncode == 0
    assert "the changed files concern no target" in unconcerned.stdout


@pytest.mark.skipif(PRE_COMMIT is None, reason="needs pre-commit")
def test_the_manifest_is_valid() -> None:
    assert PRE_COMMIT is not None
    done = subprocess.run(
        [PRE_COMMIT, "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout
